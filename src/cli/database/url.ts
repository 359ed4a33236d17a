import { reachDatabase } from '../../database/choice.ts'
import type { Cli } from '../cli.ts'

/** Prints which database is in use. The password is shown only to whoever asks for it. */
export async function printUrl(cli: Cli, { withPassword = false }: { withPassword?: boolean }): Promise<void> {
  const choice = cli.database()
  const url = new URL(await reachDatabase(choice))
  if (!withPassword) hidePassword(url)
  const directory = choice.kind === 'embedded' ? choice.directory : null
  cli.output.data({ url: url.href, embedded: choice.kind === 'embedded', directory }, () => cli.output.line(url.href))
  if (directory !== null) cli.output.say(`goniec’s own database, in ${directory}`)
}

/** It may stand behind `?` as well, where the server is reached by its socket. */
function hidePassword(url: URL): void {
  if (url.password !== '') url.password = '***'
  for (const name of ['password', 'sslpassword']) if (url.searchParams.has(name)) url.searchParams.set(name, '***')
}
