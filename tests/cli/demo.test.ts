/** The demo as a visitor starts it. Its temporary directory is one of the test's, so that what it leaves behind is seen. */
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { goniec, startGoniec } from '../support/goniec.ts'

/** Kill and resume alone take some seconds; on a busy machine all of it takes more than a minute. */
const LONG_MS = 300_000

/** One that has ended, and that nobody has asked after, is none any more. */
function isAlive(pid: number): boolean {
  const status = `/proc/${pid}/status`
  return existsSync(status) && !/^State:\s+Z/m.test(readFileSync(status, 'utf8'))
}

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'goniec-test-demo-'))
  // Root's Postgres runs as another user.
  chmodSync(directory, 0o755)
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

test(
  'the demo sends each mail of its plan once, through a killed worker and a pause, and leaves nothing behind',
  { timeout: LONG_MS },
  async () => {
    const TMPDIR = temporaryDirectory()
    const env = { TMPDIR, DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing' }
    const { code, stdout } = await goniec(['demo'], { env })
    const lines = stdout.trimEnd().split('\n')
    const tally = JSON.parse(lines.at(-1) ?? '')
    expect({ code, tally }).toMatchObject({
      code: 0,
      tally: { duplicates: 0, lost: 0, over_limit: 0, outside_window: 0, too_close: 0 },
    })
    // 171 people in three campaigns, less those whom a limit leaves for tomorrow, and the follow-ups of one campaign.
    expect(tally.planned).toBeGreaterThan(180)
    expect(tally.accepted + tally.in_doubt).toBe(tally.planned)
    expect(tally.waiting).toBeGreaterThan(20)
    expect(stdout).toMatch(
      /is killed \(SIGKILL\) with \d+ mails? in its hands[^]*is back[^]*is paused[^]*had no mails of it/,
    )
    expect(stdout).toMatch(/anna@termika-audyty\.example [45] of 5, day 3 of its warm-up/)
    // Twelve of 52 are over the limit of 40, one more where a doubt has a place; of some another campaign has the lead today.
    const [limited = 0, taken = 0] = [/40 mails a day, the first at \d{4}-\d\d-\d\d 10:00/, /another campaign/].map(
      (why) => Number(new RegExp(`(\\d+) {3}partner-programme: ${why.source}`).exec(stdout)?.[1] ?? 0),
    )
    expect(limited).toBeGreaterThan(0)
    expect([12, 13]).toContain(limited + taken)
    expect(stdout).toContain('DATABASE_URL')
    expect(readdirSync(TMPDIR)).toEqual([])
  },
)

test(
  'a demo that is killed leaves neither processes nor files behind; interrupted, it ends with 130',
  { timeout: LONG_MS },
  async () => {
    for (const signal of ['SIGKILL', 'SIGINT'] as const) {
      const TMPDIR = temporaryDirectory()
      const { child, ended } = startGoniec(['demo'], { env: { TMPDIR } })
      const pids = await new Promise<number[]>((resolve) => {
        let heard = ''
        child.stdout?.on('data', (chunk: Buffer) => {
          heard += chunk.toString()
          const [, ...found] = /demo-1 \(process (\d+)\) and demo-2 \(process (\d+)\)/.exec(heard) ?? []
          if (found.length > 0) resolve(found.map(Number))
        })
        void ended.then(() => resolve([]))
      })
      expect(pids).toHaveLength(2)
      child.kill(signal)
      expect(await ended).toMatchObject(signal === 'SIGKILL' ? { signal } : { code: 130 })
      await expect.poll(() => readdirSync(TMPDIR)).toEqual([])
      await expect.poll(() => pids.filter(isAlive)).toEqual([])
    }
  },
)

test('a recorder’s port in use, or no room for files, is told, and nothing is left behind', async () => {
  const TMPDIR = temporaryDirectory()
  const taken = createServer()
  const port = await new Promise<number>((resolve) => {
    taken.listen(0, '127.0.0.1', () => resolve((taken.address() as { port: number }).port))
  })
  onTestFinished(() => void taken.close())
  const { code, stdout, stderr } = await goniec(['demo', '--port', String(port)], { env: { TMPDIR } })
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toBe(
    `Error: port ${port} of 127.0.0.1 is in use by another program\nTry: leave --port out: then the recorder takes a free one\n`,
  )
  expect(readdirSync(TMPDIR)).toEqual([])
  expect((await goniec(['demo', '--port', '70000'])).code).toBe(2)
  const nowhere = await goniec(['demo'], { env: { TMPDIR: '/nowhere' } })
  expect(nowhere).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/no directory can be made in \/nowhere[^]*Try: .*TMPDIR/),
  })
})

test('a visitor’s list that cannot be used is told before anything is started', async () => {
  const TMPDIR = temporaryDirectory()
  const list = join(TMPDIR, 'my.csv')
  const demo = () => goniec(['demo', '--leads', list], { env: { TMPDIR } })
  expect(await demo()).toMatchObject({ code: 1, stderr: expect.stringMatching(/there is no file/) })
  writeFileSync(list, 'name;city\nJan;Gdynia\n')
  expect(await demo()).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/no column for the address[^]*Try: .*--address-column/),
  })
  writeFileSync(list, 'name;email\nJan;nobody\n')
  expect(await demo()).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/nobody can be mailed from .*: line 2: "nobody" is not an e-mail address/),
  })
  expect(readdirSync(TMPDIR)).toEqual(['my.csv'])
})
