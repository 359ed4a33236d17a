import { reachDatabase } from '../../database/choice.ts'
import { migrate } from '../../database/migrate.ts'
import { connectDatabase } from '../../database/pool.ts'
import type { Cli } from '../cli.ts'

/** Applies what is missing, and says what that was. */
export async function runMigrate(cli: Cli, { dryRun = false }: { dryRun?: boolean }): Promise<void> {
  const url = await reachDatabase(cli.database())
  // Checks the server's version, and words what is wrong with the connection.
  await (await connectDatabase(url)).close()
  const { applied, schema } = await migrate(url, { dryRun })
  cli.output.data({ applied, schema, dry_run: dryRun }, () => {
    for (const file of applied) cli.output.line(file)
  })
  cli.output.say(sentence(applied.length, schema, dryRun))
}

function sentence(count: number, schema: number, dryRun: boolean): string {
  if (count === 0) return `The schema is up to date (${schema}).`
  if (dryRun) return `${count} to apply; nothing was changed. Next: goniec migrate`
  return `The schema is at ${schema}. Next: goniec apply FILE`
}
