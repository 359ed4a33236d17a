/** How a worker's process is begun, and that of what reckons as much: by its own memory's measure, unless somebody has given another. */
import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
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
      '--max-semi-space-size=8',
      '--initial-old-space-size=24',
      '--heap-growing-percent=50',
    ])
    expect(environment).toContain('MALLOC_ARENA_MAX=1')
  },
)

test.runIf(process.platform === 'linux')('whoever says how large a worker’s memory may be is left alone', async () => {
  const { command } = await begun({ NODE_OPTIONS: '--max-old-space-size=512', MALLOC_ARENA_MAX: '4' })
  expect(command[1]).toMatch(/bin\/goniec\.js$/)
})

test.runIf(process.platform === 'linux').each([
  ['apply', ['apply', '--help'], true],
  ['a forecast that is reckoned anew', ['forecast', '--fresh', '--help'], true],
  ['a forecast that may be on record', ['forecast', '--help'], false],
])('%s: begins so too or not, as it reckons much or little', async (_, args, lean) => {
  const told = join(mkdtempSync(join(tmpdir(), 'goniec-test-')), 'told.mjs')
  // What a process is begun with is told before anything of goniec is loaded; the second time, where there is one.
  writeFileSync(told, `process.on('exit', () => console.error(JSON.stringify(process.execArgv)))`)
  const { stderr } = await promisify(execFile)(process.execPath, ['--import', told, 'bin/goniec.js', ...args])
  expect((JSON.parse(stderr) as string[]).includes('--heap-growing-percent=50')).toBe(lean)
})

test.each([
  { begun: ['--max-semi-space-size=8'], lessMb: 12, title: 'a thread of a worker has 12 MB less for what is new' },
  { begun: ['--max-semi-space-size=16'], lessMb: 0, title: 'one of a worker that was told otherwise has as much' },
])('$title', ({ begun, lessMb }) => {
  expect(mostMbLess(begun)).toBe(lessMb)
})

/** By how much less a thread's heap may grow than that of the process that starts it. */
function mostMbLess(flags: readonly string[]): number {
  const module = JSON.stringify(join(import.meta.dirname, '../../src/worker/lean-thread.ts'))
  const most = 'v8.getHeapStatistics().heap_size_limit / 2 ** 20'
  const thread = `import v8 from 'node:v8'; import { parentPort } from 'node:worker_threads'; parentPort.postMessage(${most})`
  const program = `
    import v8 from 'node:v8'
    const { startLeanThread } = await import(${module})
    const entry = new URL('data:text/javascript,' + encodeURIComponent(${JSON.stringify(thread)}))
    startLeanThread(entry, {}).once('message', (most) => console.log(${most} - most))`
  const args = [...flags, '--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', program]
  return Number(execFileSync(process.execPath, args, { encoding: 'utf8' }))
}
