/**
 * Running Postgres' own programs (initdb, pg_ctl, postgres) to their end.
 *
 * Postgres refuses to run as root. A root user's server therefore runs as the system user `postgres`, which is made when it is missing;
 * everybody else's runs as themselves.
 */
import { execFile, spawn } from 'node:child_process'
import { chmod, mkdir } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { promisify } from 'node:util'
import { GoniecError, messageOf } from '../errors.ts'

/** The user the server runs as; undefined: as ourselves. */
export type ServerAccount = { uid: number; gid: number } | undefined

/** Where a server's programs are, and as whom they run. */
export interface ServerPrograms {
  /** The folder with `initdb`, `pg_ctl` and `postgres`. */
  bin: string
  account: ServerAccount
}

/** What a program said, and how it ended. `code` is null when it could not even be started. */
export interface ProgramResult {
  code: number | null
  output: string
}

/** Runs one program to its end. It sees nothing of our environment that could change what it does. */
export async function runProgram(
  { bin, account }: ServerPrograms,
  program: string,
  args: readonly string[],
  input = '',
): Promise<ProgramResult> {
  return new Promise((done) => {
    // The working directory must be one that the other user may enter.
    const child = spawn(`${bin}/${program}`, args, {
      ...account,
      cwd: '/',
      env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    })
    let output = ''
    const collect = (chunk: Buffer): void => void (output += chunk.toString())
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    // A program that ended early does not read its input; how it ended says why.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
    child.on('error', (error) => done({ code: null, output: messageOf(error) }))
    // Not `close`: a detached server could hold our pipes open.
    child.on('exit', (code) => setImmediate(() => done({ code, output: output.trim() })))
  })
}

/** The account for our server: for root the system user `postgres`, made now if it is missing. */
export async function serverAccount(): Promise<ServerAccount> {
  if (process.getuid?.() !== 0) return undefined
  return (await findAccount('postgres')) ?? (await createAccount('postgres'))
}

/** Makes a folder that the server's user may enter, and what is missing above it, whatever the umask: root's own may let nobody else in. */
export async function makeFolder(path: string, account: ServerAccount): Promise<void> {
  const folder = resolve(path)
  const first = await mkdir(folder, { recursive: true, mode: 0o755 })
  if (!account || first === undefined) return
  for (let made = folder; made.length >= first.length; made = dirname(made)) await chmod(made, 0o755)
}

/** Lets the server's user read a folder with all that is in it, and run what can be run. */
export async function openFolder(path: string, account: ServerAccount): Promise<void> {
  if (account) await run('chmod', ['-R', 'go+rX', path])
}

const run = promisify(execFile)

async function findAccount(name: string): Promise<ServerAccount> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])])
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
  } catch {
    // `id` fails for exactly one reason: there is no such user.
    return undefined
  }
}

async function createAccount(name: string): Promise<ServerAccount> {
  try {
    await run('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', name])
  } catch (error) {
    // Another command may have made it at the same moment.
    const account = await findAccount(name)
    if (account) return account
    throw new GoniecError(
      'embedded_account',
      `Postgres does not run as root, and a user “${name}” cannot be made: ${messageOf(error)}`,
      {
        hint: 'run goniec as an ordinary user, or make the system user “postgres”',
        cause: error,
      },
    )
  }
  return findAccount(name)
}
