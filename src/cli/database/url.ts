import { reachDatabase } from '../../database/choice.ts'
import type { Cli } from '../cli.ts'

/** Prints which database is in use. The password is shown only to whoever asks for it. */
export async function printUrl(cli: Cli, { withPassword = false }: { withPassword?: boolean }): Promise<void> {
  const choice = cli.database()
  const url = new URL(await reachDatabase(choice))
  if (url.password !== '' && !withPassword) url.password = '***'
  const directory = choice.kind === 'embedded' ? choice.directory : null
  cli.output.data({ url: url.href, embedded: choice.kind === 'embedded', directory }, () => cli.output.line(url.href))
  if (directory !== null) cli.output.say(`goniec’s own database, in ${directory}`)
}
