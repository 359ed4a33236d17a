import { expect, test } from 'vitest'
import { WORKER_NAME_LOCK } from '../../src/database/worker-lock.ts'
import { settledMail } from '../delivery/in-state.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase } from '../support/database.ts'
import { goniec, type Ended } from '../support/goniec.ts'
import { NOON, World } from '../support/world.ts'

const database = await createTestDatabase()
await setClock(database, NOON)
const world = new World(database.pool)
const status = (...args: string[]): Promise<Ended> =>
  goniec(['status', ...args], { env: { DATABASE_URL: database.urlAs('reporter') } })

const mailbox = await world.mailbox({ address: 'anna@firma.example', daily_limit: 50 })
const campaign = await world.campaign({ name: 'spring-offer', steps: ['intro', 'reminder'] })
await settledMail(world, { outcome: 'accepted' }, { mailbox, campaign })
const late = await world.mail({ mailbox, campaign, dueInMs: -11 * 60_000 })
await database.query('update goniec.incarnation set ended_at = goniec.now()')
const worker = await database.session('worker')
await world.worker({ worker: 'sender-1' })
await worker.query('select pg_advisory_lock($1, hashtext($2))', [WORKER_NAME_LOCK, 'sender-1'])

test('who may only read sees campaigns, mailboxes, workers, what is to be seen to, and what happened last', async () => {
  const { code, stdout, stderr } = await status()
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(
    /^goniec at 2026-12-01 12:00:00, Europe\/Warsaw\n\nTo see to\n {2}1 mail is overdue[^]*Workers\n {2}sender-1 waits/,
  )
  expect(stdout).toMatch(/^ {2}spring-offer +█+░+ +1 of 4 +1 today +next 11m late$/m)
  expect(stdout).toMatch(/^ {2}anna@firma\.example +█░+ +1 of 50 /m)
  expect(stdout).toMatch(
    /^ {2}12:00:00 +spring-offer intro → lead-\d+@klient\.example +sent from anna@firma\.example$/m,
  )
})

test('as JSON it has all of it, and the findings', async () => {
  const { stdout } = await status('--json')
  expect(JSON.parse(stdout)).toMatchObject({
    at: '2026-12-01T11:00:00.000Z',
    workers: [{ name: 'sender-1', works: true }],
    campaigns: [{ name: 'spring-offer', sent: 1, to_go: 3 }],
    campaigns_total: 1,
    mailboxes: [{ address: 'anna@firma.example', today: { taken: 1 } }],
    trouble: { overdue: { count: 1 } },
    findings: [{ code: 'overdue', command: `goniec message show ${late.id}` }],
    events: expect.arrayContaining([expect.objectContaining({ type: 'sent' })]),
  })
})

test('a check ends 3 with a line for each finding, and what to do', async () => {
  expect(await status('--check')).toMatchObject({
    code: 3,
    stdout: `overdue: 1 mail is overdue, and no worker takes it, the oldest since 2026-12-01 11:49. Try: goniec message show ${late.id}\n`,
  })
  const { code, stdout } = await status('--check', '--json')
  expect({ code, answer: JSON.parse(stdout) }).toEqual({
    code: 3,
    answer: {
      ok: false,
      findings: [
        {
          code: 'overdue',
          text: '1 mail is overdue, and no worker takes it, the oldest since 2026-12-01 11:49',
          command: `goniec message show ${late.id}`,
          subject: String(late.id),
          count: 1,
          since: '2026-12-01T10:49:00.000Z',
        },
      ],
    },
  })
})

test('a check ends 0 where nothing is found, what is known is ignored, or it is not late enough', async () => {
  const fine = { code: 0, stdout: 'ok: 1 worker is running, and nothing waits for you\n' }
  expect(await status('--check', '--late', '12m')).toMatchObject(fine)
  expect(await status('--check', '--ignore', 'overdue,held')).toMatchObject(fine)
})

test('a check that cannot ask ends 1, and one that is asked wrongly 2: a monitor tells them apart', async () => {
  const nowhere = await goniec(['status', '--check'], { env: { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' } })
  expect(nowhere).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/^Error: .*does not answer/) })
  expect(await status('--check', '--late', 'soon')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--late'),
  })
  expect(await status('--check', '--ignore', 'doubt')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/did you mean "doubts"\?\nTry: one of restored, no_worker/),
  })
  expect(await status('--late', '5m')).toMatchObject({
    code: 2,
    stdout: '',
    stderr: 'Error: --late goes with --check\nTry: goniec status --help\n',
  })
})
