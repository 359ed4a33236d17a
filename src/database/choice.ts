/**
 * Which database a command works on. It is always said explicitly, by `DATABASE_URL` or by asking for goniec's own one: a forgotten
 * variable must not open a second, empty world.
 */
import { resolve } from 'node:path'
import { embeddedDirectory, type Config } from '../config.ts'
import { GoniecError } from '../errors.ts'
import { startEmbedded } from './embedded.ts'

export type DatabaseChoice = { kind: 'url'; url: string } | { kind: 'embedded'; directory: string }

/**
 * The choice of a command. `flag` is what stood behind `--embedded` (an empty text: the flag alone), and goes before the environment;
 * the two variables together are an error.
 */
export function chooseDatabase(config: Config, flag: string | undefined): DatabaseChoice {
  if (flag !== undefined) return { kind: 'embedded', directory: flag === '' ? embeddedDirectory() : resolve(flag) }
  const { databaseUrl, embeddedDirectory: directory } = config
  if (databaseUrl !== undefined && directory !== undefined) {
    throw new GoniecError('database_ambiguous', 'both DATABASE_URL and GONIEC_EMBEDDED are set', {
      hint: 'unset one of them, or add --embedded',
      exitCode: 2,
    })
  }
  if (databaseUrl !== undefined) return { kind: 'url', url: checkUrl(databaseUrl) }
  if (directory !== undefined) return { kind: 'embedded', directory }
  throw new GoniecError('database_unknown', 'no database is given: neither DATABASE_URL is set nor --embedded', {
    hint: 'set DATABASE_URL=postgres://user:password@host/database, or add --embedded (GONIEC_EMBEDDED=1) to use goniec’s own',
    exitCode: 2,
  })
}

/** The URL to connect to; goniec's own server is started if it does not run. */
export async function reachDatabase(choice: DatabaseChoice): Promise<string> {
  return choice.kind === 'url' ? choice.url : startEmbedded(choice.directory)
}

function checkUrl(given: string): string {
  const url = withHost(given)
  if (/^postgres(ql)?:\/\//.test(url) && URL.canParse(url)) return url
  throw new GoniecError('database_url', 'DATABASE_URL is not a Postgres URL', {
    hint: 'DATABASE_URL=postgres://user:password@host:5432/database; characters such as @ or / in a password are written %40, %2F',
  })
}

/** `postgres://anna@/goniec?host=/run/postgresql`, as libpq has it: elsewhere a URL with a user has a host, and the one behind `?` goes before it. */
function withHost(url: string): string {
  return /^[^?]*@\/[^?]*\?(.*&)?host=/.test(url) ? url.replace('@/', '@localhost/') : url
}
