/** A worker on goniec's own server, whose process is killed or stopped. */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { restartCrashed, startEmbedded, stopEmbedded } from '../../src/database/embedded.ts'
import { migrate } from '../../src/database/migrate.ts'
import { findPostmaster } from '../../src/database/postmaster.ts'
import { endWorkers, startWorker } from '../support/worker-process.ts'

let directory: string
let url: string

beforeEach(async () => {
  const base = await mkdtemp(join(tmpdir(), 'goniec-own-'))
  // Run by root, the server is another user's.
  await chmod(base, 0o755)
  directory = join(base, 'postgres')
  url = await startEmbedded(directory, { settings: { fsync: 'off' } })
})

afterEach(async () => {
  await endWorkers()
  await stopEmbedded(directory)
  await rm(join(directory, '..'), { recursive: true, force: true })
})

test('a server that has crashed is started again by the worker that misses it', { timeout: 90_000 }, async () => {
  await migrate(url)
  const env = { DATABASE_URL: '', GONIEC_EMBEDDED: directory }
  const worker = startWorker('', { env, args: ['--name', 'own'] })
  await worker.line(({ msg }) => msg === 'worker started')
  await killServer()
  await worker.line(({ msg }) => msg.includes('had crashed'))
  expect(await worker.line(({ msg }) => msg === 'the database is back')).toMatchObject({ level: 'info' })
  worker.kill('SIGTERM')
  await worker.endedWell()
})

test('one that was stopped stays so', async () => {
  await stopEmbedded(directory)
  expect(await restartCrashed(directory)).toBe(undefined)
  await startEmbedded(directory)
  await killServer()
  expect(await restartCrashed(directory)).toBe(url)
})

async function killServer(): Promise<void> {
  const data = join(directory, 'data')
  process.kill((await findPostmaster(data))?.pid ?? 0, 'SIGKILL')
  while (await findPostmaster(data)) await new Promise(setImmediate)
}
