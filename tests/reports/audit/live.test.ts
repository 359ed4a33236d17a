/** Audits again and again while workers send as fast as they can, and people and programs change what they can: no check may ever be broken. */
import { afterEach, expect, test } from 'vitest'
import { pauseCampaign, resumeCampaign } from '../../../src/campaigns/pause.ts'
import { actOnLeads } from '../../../src/leads/lead-acts.ts'
import { addSuppressions } from '../../../src/leads/suppressions.ts'
import { pauseMailbox, resumeMailbox } from '../../../src/mailboxes/pause.ts'
import { audit } from '../../../src/reports/audit/audit.ts'
import { makeFleet } from '../../crash/fleet.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { startRecorder } from '../../support/recorder.ts'
import { endWorkers, startWorker } from '../../support/worker-process.ts'

const LEADS = 500
/** No end of the world is far: a bound for a machine that is busy otherwise. */
const MOST_AUDITS = 200

afterEach(endWorkers)

test('nothing looks broken while two workers send and people change campaigns', { timeout: 300_000 }, async () => {
  const database = await createTestDatabase()
  await using recorder = await startRecorder({
    refuse: { rcpt: ({ to }) => (/^lead\d*7@/.test(to) ? '451 4.7.1 later' : undefined) },
  })
  await makeFleet(database, { mailboxes: 10, campaigns: 4, leads: LEADS, smtpPort: recorder.port, minGapMs: 10 })
  await database.query('update goniec.campaign set delay_ms = 20 where id = 1')
  await database.query('update goniec.step set wait_ms = null, wait_days = 1 where campaign_id = 4 and position = 2')
  const workers = ['one', 'two'].map((name) => startWorker(database.urlAs('worker'), { args: ['--name', name] }))

  let audits = 0
  while (recorder.mails.length < LEADS && audits < MOST_AUDITS) {
    const [results] = await Promise.all([audit(database), act(database, audits)])
    expect(results.filter(({ ok }) => !ok)).toEqual([])
    audits += 1
  }
  for (const worker of workers) worker.kill('SIGTERM')
  for (const worker of workers) await worker.endedWell()
  expect((await audit(database)).filter(({ ok }) => !ok)).toEqual([])
  expect(audits).toBeGreaterThan(5)
  expect(recorder.mails.length).toBeGreaterThanOrEqual(LEADS)
})

/** One thing at a time, in turn, beside each audit. */
async function act(database: TestDatabase, turn: number): Promise<void> {
  const lead = `lead${1 + (turn % LEADS)}@people.example`
  const acts = [
    async () => {
      await pauseCampaign(database, 'campaign-2')
      await resumeCampaign(database, 'campaign-2')
    },
    // What apply does: settings and version in one commit, then the days' rows, then the barrier.
    async () => {
      await database.query(
        `with
         recorded as (insert into goniec.event (type, campaign_id) values ('applied', 3)),
         mailbox as (update goniec.mailbox set min_gap_ms = 5 + $1 % 10, version = version + 1 where id = 2)
         update goniec.campaign set daily_limit = 5000 + $1, version = version + 1 where id = 3`, [turn])
      await database.query('select goniec.make_day_rows(3)')
      await database.query(`select goniec.pass_barrier(), pg_notify('goniec', 'plan')`)
    },
    () => actOnLeads(database, { kind: 'block' }, [lead]),
    () => actOnLeads(database, { kind: 'replied' }, [lead]),
    () => addSuppressions(database, [{ value: lead, reason: null }]),
    () => database.query(`select goniec.record_external_send('box3@team.example', 'campaign', goniec.now())`),
    () => database.query(`select goniec.release_slot(s, $1) from goniec.take_slot('box4@team.example', 'warmup') s where s is not null`, [turn % 2 === 0]),
    () => database.query(`select goniec.enqueue_response("to" => $1, key => $2, text => 'Here', subject => 'Re', "from" => 'box5@team.example')`, [`lead${1 + ((turn * 7) % LEADS)}@people.example`, `key-${turn}`]),
    async () => {
      await pauseMailbox(database, 'box6@team.example')
      await resumeMailbox(database, 'box6@team.example')
    },
  ] // prettier-ignore
  await acts[turn % acts.length]?.()
}
