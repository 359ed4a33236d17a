/** How a worker's process is begun: by its own memory's measure, unless somebody has given another. */
import { readFileSync } from 'node:fs'
import { afterEach, expect, test } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { endWorkers, startWorker } from '../support/worker-process.ts'

afterEach(endWorkers)

async function begun(env: Record<string, string> = {}): Promise<{ command: string[]; environment: string[] }> {
  const database = await createTestDatabase()
  const worker = startWorker(database.urlAs('worker'), { env })
  await worker.line(({ msg }) => msg === 'worker started')
  const read = (what: string): string[] => readFileSync(`/proc/${worker.pid}/${what}`, 'utf8').split('\0')
  return { command: read('cmdline'), environment: read('environ') }
}

test.runIf(process.platform === 'linux')(
  'a worker looks for garbage sooner than Node would, as the process that was started',
  async () => {
    const { command, environment } = await begun()
    expect(command.slice(1, 4)).toEqual([
      '--max-semi-space-size=4',
      '--initial-old-space-size=24',
      '--heap-growing-percent=50',
    ])
    expect(environment).toContain('MALLOC_ARENA_MAX=2')
  },
)

test.runIf(process.platform === 'linux')('whoever says how large a worker’s memory may be is left alone', async () => {
  const { command } = await begun({ NODE_OPTIONS: '--max-old-space-size=512', MALLOC_ARENA_MAX: '1' })
  expect(command[1]).toMatch(/bin\/goniec\.js$/)
})
