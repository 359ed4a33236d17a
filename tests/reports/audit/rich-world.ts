/**
 * A world in which everything has happened once: real workers have sent through a real server that refused, put off and kept silent; one was killed;
 * people paused, blocked, suppressed, resolved; other programs took slots; history was imported; and mails wait for tomorrow.
 */
import { actOnLeads } from '../../../src/leads/lead-acts.ts'
import { addSuppressions } from '../../../src/leads/suppressions.ts'
import { cancelCampaign } from '../../../src/campaigns/cancel.ts'
import { pauseCampaign } from '../../../src/campaigns/pause.ts'
import { runPlan } from '../../../src/campaigns/plan/run.ts'
import { makeFleet } from '../../crash/fleet.ts'
import type { TestDatabase } from '../../support/database.ts'
import { claimOne, fence, settle } from '../../support/protocol.ts'
import { startRecorder, type Recorder } from '../../support/recorder.ts'
import { startWorker } from '../../support/worker-process.ts'
import { World } from '../../support/world.ts'

/** Fills the database. When it returns, nobody works on it. */
export async function makeRichWorld(database: TestDatabase): Promise<void> {
  const held = Promise.withResolvers<void>()
  await using recorder = await startRecorder({
    refuse: {
      rcpt: ({ to }) => ANSWERS[to],
      // No answer to its dot: its worker is killed meanwhile.
      dot: ({ to }) => (to === 'lead7@people.example' ? held.promise : undefined),
    },
  })
  await prepare(database, recorder)
  const killed = startWorker(database.urlAs('worker'), { args: ['--name', 'killed'] })
  await recorder.until(40)
  while (!(await inFlight(database))) await recorder.next()
  killed.kill('SIGKILL')
  await killed.ended
  await othersAct(database)
  await startWorker(database.urlAs('worker'), { args: ['--name', 'killed', '--until-idle'] }).endedWell()
  held.resolve()
  await peopleAct(database)
  await runPlan(database, { graceMs: 300_000 })
}

const ANSWERS: Record<string, string> = {
  'lead3@people.example': '550 5.1.1 no such user',
  'lead4@people.example': '451 4.7.1 greylisted',
  'lead5@people.example': '550 5.7.1 not from you',
}

async function prepare(database: TestDatabase, recorder: Recorder): Promise<void> {
  await makeFleet(database, { mailboxes: 5, campaigns: 4, leads: 80, smtpPort: recorder.port })
  await database.query('update goniec.mailbox set min_gap_ms = 20 where id = 1')
  await database.query('update goniec.campaign set delay_ms = 30, jitter = 0.2 where id = 2')
  // A limit that holds nobody up, so that its counters count.
  await database.query(
    `insert into goniec.domain_limit (domain, daily_limit, hourly_limit) values ('people.example', 1000, 900)`,
  )
  // The second mails of two campaigns wait for tomorrow and after.
  await database.query(
    `update goniec.step set wait_ms = null, wait_days = 1 where campaign_id in (2, 3) and position = 2`,
  )
  // A lead that two campaigns mail on the same day.
  await database.query(`insert into goniec.enrollment (campaign_id, lead_id, fields) values (4, 8, '{"n": "8"}')`)
  await database.query(
    `insert into goniec.message (kind, campaign_id, enrollment_id, lead_id, recipient, step_id, step_key, variant)
     select 'campaign', 4, e.id, 8, 'lead8@people.example', s.id, s.key, 'A'
     from goniec.enrollment e join goniec.step s on s.campaign_id = 4 and s.position = 1 where e.campaign_id = 4 and e.lead_id = 8`,
  )
  const [intro] = await database.query<{ id: number }>(
    'select id from goniec.step where campaign_id = 3 and position = 1',
  )
  const history = [
    { line: 1, email: 'old1@people.example', given: 'old1@people.example', campaign_id: 3, step_id: intro?.id, sent_at: '2026-01-12T09:00:00Z', message_id: '<1@old.example>', mailbox_id: 2, subject: 'Old' },
    { line: 2, email: 'old2@people.example', given: 'OLD2@people.example', campaign_id: 3, step_id: intro?.id, sent_at: '2026-01-12T09:00:05Z', message_id: null, mailbox_id: null, subject: null },
  ] // prettier-ignore
  await database.query('select goniec.import_history($1)', [JSON.stringify(history)])
  for (const n of [9, 10])
    await database.query(
      `select goniec.enqueue_response("to" => $1, key => $2, text => 'Here', subject => 'Prices', "from" => 'box2@team.example')`,
      [`lead${n}@people.example`, `key-${n}`],
    )
}

async function inFlight(database: TestDatabase): Promise<boolean> {
  const rows = await database.query(
    `select from goniec.attempt a join goniec.message m on m.id = a.message_id where m.recipient = 'lead7@people.example' and a.state = 'transmitting'`,
  )
  return rows.length > 0
}

/** Other programs, through the same mailboxes. */
async function othersAct(database: TestDatabase): Promise<void> {
  await database.query(
    `select goniec.release_slot(goniec.take_slot(b.address, 'warmup'), b.id = 3) from goniec.mailbox b where b.id in (3, 4) and not exists (
       select from goniec.attempt a where a.mailbox_id = b.id and a.state in ('claimed', 'transmitting'))`,
  )
  await database.query(`select goniec.record_external_send('box3@team.example', 'campaign', goniec.now())`)
}

async function peopleAct(database: TestDatabase): Promise<void> {
  await actOnLeads(database, { kind: 'block' }, ['lead12@people.example'])
  await actOnLeads(database, { kind: 'replied' }, ['lead13@people.example'])
  await actOnLeads(database, { kind: 'unsubscribe' }, ['lead14@people.example'])
  await actOnLeads(database, { kind: 'remove', campaignId: 2 }, ['lead17@people.example'])
  await addSuppressions(database, [{ value: 'lead18@people.example', reason: 'asked by phone' }])
  await resolveDoubts(database)
  for (const n of [21, 22])
    await database.query(
      `select goniec.enqueue_response("to" => $1, key => $2, text => 'Here', subject => 'Prices', "from" => 'box2@team.example', at => goniec.now() + interval '1 day')`,
      [`lead${n}@people.example`, `key-${n}`],
    )
  // A slot that its program still has.
  await database.query(`select goniec.take_slot('box5@team.example', 'warmup', interval '1 day')`)
  await pauseCampaign(database, 'campaign-1')
  await cancelCampaign(database, 'campaign-4')
}

/** Two doubts end by a person: one as sent, one as not sent, which a late answer then contradicts. */
async function resolveDoubts(database: TestDatabase): Promise<void> {
  const world = new World(database.pool)
  const worker = await world.worker()
  for (const [key, resolution] of [
    ['doubt-1', 'sent'],
    ['doubt-2', 'not-sent'],
  ] as const) {
    // prettier-ignore
    const message = Number(
      await world.value(
        `select goniec.enqueue_response("to" => $1, key => $2, text => 'Here', subject => 'Prices', "from" => 'box4@team.example')`,
        [`lead${key === 'doubt-1' ? 25 : 26}@people.example`, key],
      ),
    )
    await runPlan(database, { graceMs: 300_000 })
    // Its slot comes within moments.
    await database.query(
      `select pg_sleep(greatest(0, extract(epoch from m.scheduled_at - goniec.now()) + 0.01)) from goniec.message m where m.id = $1`,
      [message],
    )
    const attempt = await claimOne(database.pool, worker, message)
    await fence(database.pool, worker, attempt, [], { totalMs: 1 })
    await settle(database.pool, worker, { attempt, outcome: 'unknown' })
    await database.query('select goniec.resolve_doubt($1, $2)', [message, resolution])
    if (resolution === 'not-sent') await settle(database.pool, worker, { attempt, outcome: 'accepted', code: 250 })
  }
}
