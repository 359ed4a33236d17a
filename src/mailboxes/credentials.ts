/**
 * Passwords, found by reference. The database holds where a password is, never the password: a variable of the worker (`env:NAME`), a
 * file on its machine (`file:PATH`), or what systemd's LoadCredential handed it (`credential:NAME`).
 *
 * Owns the reading. Promises that an error names the reference and the way out, and never a byte of what was read. Leaves keeping the
 * secret out of logs to whoever asked for it; nothing is cached, so that a changed password is used from the next login on.
 */
import { open, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { isAbsolute, join, resolve } from 'node:path'
import type { Environment } from '../config.ts'
import { GoniecError } from '../errors.ts'

/** A token is longer than a password; a wrong file is longer than either. */
const MOST_BYTES = 16_384

/**
 * The secret behind a reference. A line break at its end is taken off. `onWarning` is told of a file that every user of the machine
 * may read.
 */
export async function resolveCredential(
  reference: string,
  environment: Environment,
  { onWarning = () => undefined }: { onWarning?: (text: string) => void } = {},
): Promise<string> {
  const { kind, name } = parse(reference)
  if (kind === 'env') return check(reference, readVariable(reference, name, environment))
  const path = kind === 'file' ? resolve(name) : credentialPath(reference, name, environment)
  if (kind === 'file' && (await attempt(reference, path, () => isOpenToAll(path))))
    onWarning(`every user of this machine may read the password ${reference}; chmod 600 ${path}`)
  return check(reference, await readSecret(reference, path))
}

/** Whether every user of this machine may read the file. */
export async function isOpenToAll(path: string): Promise<boolean> {
  return ((await stat(path)).mode & 0o004) !== 0
}

/** Writes a secret in the place of the one that `file:PATH` holds; the file is there whole, old or new. Other references cannot be written. */
export async function replaceCredentialFile(reference: string, secret: string): Promise<void> {
  const { kind, name } = parse(reference)
  if (kind !== 'file') throw unusable(reference, 'only a file can be written')
  // Where a link leads to: renamed over, the link itself would be gone, and what it led to would stay old.
  const path = await realpath(resolve(name))
  const { mode } = await stat(path)
  const draft = `${path}.${process.pid}.new`
  try {
    await writeFile(draft, `${secret}\n`, { mode: mode & 0o777, flush: true })
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
}

function parse(reference: string): { kind: 'env' | 'file' | 'credential'; name: string } {
  const [, kind, name] = /^(env|file|credential):(.+)$/s.exec(reference) ?? []
  if ((kind !== 'env' && kind !== 'file' && kind !== 'credential') || name === undefined) {
    // What stands there could be the password itself, so it is not repeated.
    throw new GoniecError(
      'credential_reference',
      'a password reference is not one of env:NAME, file:PATH, credential:NAME',
      {
        hint: 'correct the mailbox’s `password` in the definition file, and run goniec apply',
      },
    )
  }
  return { kind, name }
}

function readVariable(reference: string, name: string, environment: Environment): string {
  const value = environment[name]
  if (value !== undefined) return value
  throw new GoniecError(
    'credential_missing',
    `the password ${reference} is not there: the variable ${name} is not set`,
    {
      hint: `set ${name} in the environment of goniec worker, and start it again`,
    },
  )
}

function credentialPath(reference: string, name: string, environment: Environment): string {
  const directory = environment['CREDENTIALS_DIRECTORY']
  if (name.includes('/') || name === '.' || name === '..') {
    throw new GoniecError(
      'credential_reference',
      `the password ${reference} names no credential: a name has no slash`,
      {
        hint: 'write credential:NAME, and LoadCredential=NAME:/path in the worker’s unit',
      },
    )
  }
  if (directory !== undefined && isAbsolute(directory)) return join(directory, name)
  throw new GoniecError(
    'credential_missing',
    `the password ${reference} is not there: systemd gave this process no credentials (CREDENTIALS_DIRECTORY is not set)`,
    {
      hint: `add LoadCredential=${name}:/path/to/file to the worker’s unit; without systemd use file:PATH or env:NAME`,
    },
  )
}

async function readSecret(reference: string, path: string): Promise<string> {
  return attempt(reference, path, async () => {
    // Before it is opened: opening a pipe would wait for whoever writes into it.
    if (!(await stat(path)).isFile()) throw unusable(reference, `${path} is not a file`)
    const file = await open(path)
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(MOST_BYTES + 1))
      if (bytesRead > MOST_BYTES) throw unusable(reference, `${path} is longer than ${MOST_BYTES} bytes`)
      return decode(reference, path, buffer.subarray(0, bytesRead))
    } finally {
      await file.close()
    }
  })
}

async function attempt<Result>(reference: string, path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof GoniecError) throw error
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const missing = code === 'ENOENT' || code === 'ENOTDIR'
    throw new GoniecError(
      missing ? 'credential_missing' : 'credential_unreadable',
      `the password ${reference} ${missing ? `is not there: there is no file ${path}` : `cannot be read (${code}): ${path}`}`,
      {
        hint: 'see that the file is there on the worker’s machine, and that the worker’s user may read it',
        cause: error,
      },
    )
  }
}

function decode(reference: string, path: string, bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r?\n$/, '')
  } catch (error) {
    throw unusable(reference, `${path} is not text in UTF-8`, error)
  }
}

/** More than one line is a wrong file (an .env, a key), and would be cut or refused in a login. */
function check(reference: string, value: string): string {
  if (value === '') throw unusable(reference, 'it is empty')
  if (/[\r\n\0]/.test(value)) throw unusable(reference, 'it has more than one line')
  return value
}

function unusable(reference: string, why: string, cause?: unknown): GoniecError {
  return new GoniecError('credential_unusable', `the password ${reference} cannot be used: ${why}`, {
    hint: 'it must hold the password and nothing else, on one line',
    cause,
  })
}
