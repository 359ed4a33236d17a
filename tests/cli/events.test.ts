import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'
import { startOwnServer } from '../crash/own-server.ts'
import { createTestDatabase } from '../support/database.ts'
import { goniec, startGoniec } from '../support/goniec.ts'

const happens = (value: string): string =>
  `insert into goniec.event (type, data, at) values ('suppressed', '{"value": "${value}"}', '2020-12-01T11:00:00Z')`

interface Followed {
  child: ReturnType<typeof startGoniec>['child']
  ended: ReturnType<typeof startGoniec>['ended']
  line: () => Promise<string>
  /** Resolves when it has said so on stderr. */
  complaint: (words: RegExp) => Promise<void>
}

/** `goniec events --follow`, line by line. */
function follow(url: string, ...args: string[]): Followed {
  const { child, ended } = startGoniec(['events', '--follow', ...args], { env: { DATABASE_URL: url } })
  onTestFinished(() => void child.kill('SIGKILL'))
  if (!child.stdout || !child.stderr) throw new TypeError('its output is piped')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  let complaints = ''
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()))
  return {
    child,
    ended,
    line: async () => String((await lines.next()).value),
    complaint: async (words) => await expect.poll(() => complaints).toMatch(words),
  }
}

test('the last events are told in words, with --json as an array, and what is asked wrongly is told', async () => {
  const database = await createTestDatabase()
  const env = { DATABASE_URL: database.urlAs('reporter') }
  await database.query(happens('a.example'))
  await database.query(happens('b\\u001b[2J.example'))
  expect(await goniec(['events'], { env })).toMatchObject({
    code: 0,
    stdout:
      '2020-12-01 12:00:00  a.example was suppressed, by postgres\n2020-12-01 12:00:00  b [2J.example was suppressed, by postgres\n',
    stderr: 'Times are local in Europe/Warsaw.\n',
  })
  const { stdout } = await goniec(['events', '--json', '--limit', '1', '--type', 'suppressed,failed'], { env })
  expect(JSON.parse(stdout)).toMatchObject([
    { id: 2, at: '2020-12-01T11:00:00.000Z', type: 'suppressed', actor: 'postgres' },
  ])
  expect(await goniec(['events', '--since', '2h', '--json'], { env })).toMatchObject({ code: 0, stdout: '[]\n' })
  for (const [args, words] of [
    [['--type', 'suppresed'], /there are no events "suppresed"; did you mean "suppressed"/],
    [['--since', 'yesterday'], /--since is not a time: "yesterday"/],
    [['--lead', 'nobody'], /--lead: "nobody" is not an e-mail address/],
  ] as const)
    expect(await goniec(['events', ...args], { env })).toMatchObject({ code: 2, stderr: expect.stringMatching(words) })
})

test('what happens is printed as it happens, a line each, until Ctrl-C, which is no failure', async () => {
  const database = await createTestDatabase()
  await database.query(happens('past.example'))
  const events = follow(database.urlAs('reporter'), '--json')
  expect(JSON.parse(await events.line())).toMatchObject({ data: { value: 'past.example' } })
  const late = await database.session()
  await late.query('begin')
  await late.query(happens('late.example'))
  await database.query(happens('quick.example'))
  expect(JSON.parse(await events.line())).toMatchObject({
    id: 3,
    text: expect.stringMatching(/^quick\.example was suppressed/),
  })
  await late.query('commit')
  expect(JSON.parse(await events.line())).toMatchObject({ id: 2, data: { value: 'late.example' } })
  events.child.kill('SIGINT')
  expect(await events.ended).toMatchObject({ code: 0 })
})

test('who stops reading ends it quietly', async () => {
  const database = await createTestDatabase()
  await database.query(happens('past.example'))
  const events = follow(database.url)
  expect(await events.line()).toContain('past.example')
  events.child.stdout?.destroy()
  await database.query(happens('next.example'))
  expect(await events.ended).toMatchObject({ code: 0, stderr: '' })
})

test(
  'an outage of the database is told, and what happened meanwhile comes afterwards',
  { timeout: 120_000 },
  async () => {
    const server = await startOwnServer()
    onTestFinished(() => server.remove())
    const events = follow(server.workerUrl)
    await server.database.query(happens('before.example'))
    expect(await events.line()).toContain('before.example')
    await server.stop()
    await events.complaint(/The database is away \(/)
    await server.start()
    await server.database.query(happens('after.example'))
    expect(await events.line()).toContain('after.example')
    await events.complaint(/The database is back\./)
    events.child.kill('SIGTERM')
    expect(await events.ended).toMatchObject({ code: 0 })
  },
)
