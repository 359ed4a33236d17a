import { listSuppressions } from '../../leads/suppressions.ts'
import type { Cli } from '../cli.ts'

/** Prints what is suppressed. */
export async function runList(cli: Cli, containing?: string): Promise<void> {
  const suppressions = await cli.withDatabase((database) => listSuppressions(database, containing))
  cli.output.data(suppressions, () =>
    cli.output.table(suppressions, [
      { header: 'suppressed', value: ({ value }) => value },
      { header: 'why', value: ({ reason }) => reason },
      { header: 'since', value: (suppression) => suppression.created_at },
      { header: 'by', value: (suppression) => suppression.created_by },
    ]),
  )
}
