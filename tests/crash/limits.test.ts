/**
 * Workers are killed while limits and gaps bind. The oracle is again the mail server's record: no more mails than the limits of mailboxes,
 * campaigns and salesperson allow, none closer than a gap, and never two of a mailbox at once.
 */
// The moment of a kill is the point of this test, so it comes at a time and not at a signal.
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { audit } from '../../src/reports/audit/audit.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startRecorder } from '../support/recorder.ts'
import { endWorkers, startWorker } from '../support/worker-process.ts'
import { makeFleet } from './fleet.ts'

const LIMITS = { mailbox: 12, campaign: 40, salesperson: 70 }
const GAP_MS = 150
const KILLS = 4

afterEach(endWorkers)

test('kills pass no limit and no gap, and no mailbox sends two mails at once', { timeout: 180_000 }, async () => {
  const database = await createTestDatabase()
  const underWay = new Map<string, number>()
  let most = 0
  await using recorder = await startRecorder({
    refuse: {
      mail: ({ from }) => {
        underWay.set(from, (underWay.get(from) ?? 0) + 1)
        most = Math.max(most, underWay.get(from) ?? 0)
      },
      dot: ({ from }) => void underWay.set(from, 0),
    },
  })
  const world = { mailboxes: 8, campaigns: 2, leads: 300, smtpPort: recorder.port }
  await makeFleet(database, {
    ...world,
    mailboxDailyLimit: LIMITS.mailbox,
    campaignDailyLimit: LIMITS.campaign,
    minGapMs: GAP_MS,
  })
  await database.query('update goniec.salesperson set daily_limit = $1', [LIMITS.salesperson])
  for (let kill = 0; kill < KILLS; kill += 1) {
    const worker = startWorker(database.urlAs('worker'), { args: ['--name', 'killed'] })
    await worker.line(({ msg }) => msg === 'sent')
    await delay(Math.random() * 300)
    worker.kill('SIGKILL')
    await worker.ended
    // Its sockets are closed: what it had begun is over.
    underWay.clear()
  }
  await startWorker(database.urlAs('worker'), { args: ['--name', 'killed', '--until-idle'] }).endedWell()

  expect(most).toBe(1)
  const perMailbox = Object.values(Object.groupBy(recorder.mails, ({ from }) => from)).map(
    (mails) => mails?.length ?? 0,
  )
  expect(Math.max(...perMailbox)).toBeLessThanOrEqual(LIMITS.mailbox)
  const taken = await used(database)
  expect(recorder.mails.length).toBeLessThanOrEqual(LIMITS.salesperson)
  expect(taken).toEqual({ passed: 0, salesperson: LIMITS.salesperson })
  expect(await tooClose(database)).toEqual([])
  expect((await audit(database)).filter(({ ok }) => !ok)).toEqual([])
})

/** The days' counters: how many are above a limit, and what the salesperson, whose limit binds first, has used. */
async function used(database: TestDatabase): Promise<unknown> {
  const [row] = await database.query(
    `select (select count(*)::int from goniec.mailbox_day where campaign_taken > $1)
          + (select count(*)::int from goniec.campaign_day where taken > $2) as passed,
            (select max(taken) from goniec.salesperson_day) as salesperson`,
    [LIMITS.mailbox, LIMITS.campaign],
  )
  return row
}

/** Fences of a mailbox that are closer than its gap. */
async function tooClose(database: TestDatabase): Promise<unknown[]> {
  return database.query(
    `select * from (
       select id, transmitting_at - lag(transmitting_at) over (partition by mailbox_id order by transmitting_at) as gap
       from goniec.attempt where transmitting_at is not null
     ) as fence
     where gap < $1 * interval '1 millisecond'`,
    [GAP_MS],
  )
}
