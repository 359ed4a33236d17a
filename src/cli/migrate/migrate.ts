import { reachDatabase } from '../../database/choice.ts'
import { migrate } from '../../database/migrate.ts'
import { connectDatabase } from '../../database/pool.ts'
import { missingRoles } from '../../reports/doctor/roles.ts'
import type { Cli } from '../cli.ts'

/** Applies what is missing, and says what that was; and that the roles are not there, where this user may not make them. */
export async function runMigrate(cli: Cli, { dryRun = false }: { dryRun?: boolean }): Promise<void> {
  const url = await reachDatabase(cli.database())
  // Checks the server's version, and words what is wrong with the connection.
  const database = await connectDatabase(url)
  try {
    const { applied, schema } = await migrate(url, { dryRun })
    cli.output.data({ applied, schema, dry_run: dryRun }, () => {
      for (const file of applied) cli.output.line(file)
    })
    const roles = dryRun ? undefined : await missingRoles(database)
    if (roles) cli.output.say(`${roles.text}.\nTry: ${roles.todo}`)
    cli.output.say(sentence(applied.length, schema, dryRun))
  } finally {
    await database.close()
  }
}

function sentence(count: number, schema: number, dryRun: boolean): string {
  if (count === 0) return `The schema is up to date (${schema}).`
  if (dryRun) return `${count} to apply; nothing was changed. Next: goniec migrate`
  const next =
    count === schema ? 'goniec apply FILE' : 'restart the workers with this version, one by one; goniec doctor'
  return `The schema is at ${schema}. Next: ${next}`
}
