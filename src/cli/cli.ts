/** What a verb is handed: the global flags, a way to print, to ask, to open the database, and to say how it ended. */
import { readConfig, type Config } from '../config.ts'
import { chooseDatabase, reachDatabase, type DatabaseChoice } from '../database/choice.ts'
import type { Database } from '../database/pool.ts'
import type { ExitCode } from '../errors.ts'
import { createOutput, type Output } from './output.ts'
import { confirm } from './prompt.ts'

/** The flags that every command takes. */
export interface GlobalFlags {
  json?: boolean
  /** Behind `--embedded=`; an empty text: the flag alone. */
  embedded?: string
  yes?: boolean
  verbose?: boolean
}

export interface DatabaseOptions {
  /** Shown in `pg_stat_activity` behind `goniec`. */
  name?: string
  /** Most connections; the environment's by default. */
  size?: number
}

export interface Cli {
  readonly config: Config
  readonly flags: GlobalFlags
  readonly output: Output
  /** The database this command is meant for; an error if none is named. */
  database(): DatabaseChoice
  /** Opens the database, refuses one whose schema does not fit, hands it to `work`, and closes it. */
  withDatabase<Result>(work: (database: Database) => Promise<Result>, options?: DatabaseOptions): Promise<Result>
  /**
   * Before something is mailed, moved or deleted: true when it shall be done, false with `dryRun` (and it is said that nothing was
   * done). Throws where the person says no, or cannot be asked and did not say `--yes`.
   */
  confirm(question: string, options?: { dryRun?: boolean | undefined }): Promise<boolean>
  /** How the command ends if nothing is thrown, e.g. 3: a check found something. */
  setExitCode(code: ExitCode): void
  /** Ctrl-C and SIGTERM go to `handler` from now on; without this Ctrl-C ends the command at once. */
  handleSignals(handler: (signal: 'SIGINT' | 'SIGTERM') => void): void
}

/** `flags` are asked for when they are needed: the command line is read after commands are registered. */
export function createCli(flags: () => GlobalFlags): Cli {
  let config: Config | undefined
  const output = createOutput(() => flags().json === true)
  const cli: Cli = {
    get config() {
      config ??= readConfig()
      return config
    },
    get flags() {
      return flags()
    },
    output,
    database: () => chooseDatabase(cli.config, flags().embedded),
    async withDatabase(work, options = {}) {
      const url = await reachDatabase(cli.database())
      // Imported here: the drivers take half a second to load, and help needs none.
      const { connectDatabase } = await import('../database/pool.ts')
      const { requireSchema } = await import('../database/migrate.ts')
      const database = await connectDatabase(url, { size: cli.config.databaseConnections, ...options })
      try {
        await requireSchema(database)
        output.timeZone = await readTimeZone(database)
        return await work(database)
      } finally {
        await database.close()
      }
    },
    async confirm(question, { dryRun = false } = {}) {
      if (!dryRun) await confirm(question, { yes: flags().yes === true })
      else output.say('Dry run: nothing was changed.')
      return !dryRun
    },
    setExitCode(code) {
      process.exitCode = code
    },
    handleSignals(handler) {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) {
        process.removeAllListeners(signal)
        process.on(signal, () => handler(signal))
      }
    },
  }
  return cli
}

async function readTimeZone(database: Database): Promise<string> {
  const [row] = await database.query<{ timezone: string }>('select timezone from goniec.installation')
  return row?.timezone ?? 'Europe/Warsaw'
}
