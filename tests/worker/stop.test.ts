/** How a worker process ends: by one signal, by two, in the middle of a claim, and by itself when it is idle. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startRecorder, type Recorder } from '../support/recorder.ts'
import { untilRow } from '../support/until-row.ts'
import { endWorkers, startWorker } from '../support/worker-process.ts'
import { ledger, makeFleet } from '../crash/fleet.ts'

let database: TestDatabase
let recorder: Recorder
/** Dots that wait for their answer; open until a test holds them. */
let dots: { waiting: number; gate: Promise<void> }

beforeEach(async () => {
  database = await createTestDatabase()
  dots = { waiting: 0, gate: Promise.resolve() }
  recorder = await startRecorder({
    refuse: {
      dot: async () => {
        dots.waiting += 1
        await dots.gate
      },
    },
  })
})

afterEach(async () => {
  await endWorkers()
  await recorder.close()
})

test('a worker that is stopped finishes what is in flight, claims nothing more, and ends with 0', async () => {
  const release = hold()
  await makeFleet(database, { mailboxes: 4, campaigns: 2, leads: 40, smtpPort: recorder.port })
  const worker = startWorker(database.urlAs('worker'), { args: ['--name', 'stopped'] })
  await untilRow(database, `select from goniec.attempt where state = 'transmitting' having count(*) = 4`)
  worker.kill('SIGTERM')
  await worker.line(({ msg }) => msg.startsWith('worker stops'))
  release()
  await worker.endedWell()

  expect(recorder.mails).toHaveLength(4)
  expect(await counts()).toEqual({ pending: 40, sent: 4 })
  expect(await database.query(`select from goniec.incarnation where ended_at is null`)).toEqual([])
})

test('a worker that is stopped in the middle of a claim loses none of what it claims', async () => {
  await makeFleet(database, { mailboxes: 4, campaigns: 2, leads: 40, smtpPort: recorder.port })
  // A claim that takes a while, so that the signal surely comes in its middle.
  await database.query(`
    create function slowly() returns trigger language plpgsql as $$ begin perform pg_sleep(1); return new; end $$;
    create trigger slowly before insert on goniec.attempt for each row when (new.mailbox_id = 1) execute function slowly()`)
  const worker = startWorker(database.urlAs('worker'), { args: ['--name', 'stopped'] })
  await untilRow(database, `select from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`)
  worker.kill('SIGTERM')
  await worker.endedWell()

  expect(await database.query(`select from goniec.attempt where state in ('claimed', 'transmitting')`)).toEqual([])
  expect(recorder.mails).toHaveLength(4)
  expect(await counts()).toEqual({ pending: 40, sent: 4 })
})

test('what does not end within the bound is ended, and is in doubt where the dot was out', async () => {
  hold()
  await makeFleet(database, { mailboxes: 1, campaigns: 1, leads: 1, smtpPort: recorder.port })
  const worker = startWorker(database.urlAs('worker'), { args: ['--name', 'stopped'], env: { GONIEC_DRAIN: '1s' } })
  await untilRow(database, `select from goniec.attempt where state = 'transmitting'`)
  worker.kill('SIGTERM')
  await worker.endedWell()
  expect(await counts()).toEqual({ in_doubt: 1 })
})

test('what a stopped worker could not write is decided as soon as one of its name begins, and not when its time is over', async () => {
  const release = hold()
  await makeFleet(database, { mailboxes: 1, campaigns: 1, leads: 1, smtpPort: recorder.port })
  const options = { args: ['--name', 'stopped'], env: { GONIEC_DRAIN: '100ms' } }
  const worker = startWorker(database.urlAs('worker'), options)
  await untilRow(database, `select from goniec.attempt where state = 'transmitting'`)
  const person = await database.session()
  await person.query('begin; select from goniec.message for update')
  worker.kill('SIGTERM')
  release()
  expect(await worker.ended).toBe(1)
  // What it had asked last is over too.
  await untilRow(database, `select from pg_stat_activity where application_name = 'goniec worker' having count(*) = 0`)
  await person.query('rollback')
  startWorker(database.urlAs('worker'), options)
  await untilRow(database, `select from goniec.attempt where state = 'in_doubt'`)
})

test('a plan that a stop ends has not failed: the log has no line that calls for anybody', async () => {
  const worker = startWorker(database.urlAs('worker'), { args: ['--name', 'stopped'] })
  await worker.line(({ msg }) => msg === 'worker started')
  const other = await database.session()
  await other.query(`select pg_advisory_lock(goniec.lock_key('plan'))`)
  // The first plan may have been over before that: then this one waits.
  await database.query(`notify goniec, 'plan'`)
  await untilRow(
    database,
    `select from pg_stat_activity where datname = current_database() and application_name = 'goniec plan' and wait_event = 'advisory'`,
  )
  worker.kill('SIGTERM')
  await worker.endedWell()
  expect(worker.log.filter(({ level }) => level !== 'info')).toEqual([])
})

test('a second signal ends it at once', async () => {
  hold()
  await makeFleet(database, { mailboxes: 1, campaigns: 1, leads: 1, smtpPort: recorder.port })
  const worker = startWorker(database.urlAs('worker'), { args: ['--name', 'stopped'] })
  await untilRow(database, `select from goniec.attempt where state = 'transmitting'`)
  worker.kill('SIGTERM')
  await worker.line(({ msg }) => msg.startsWith('worker stops'))
  worker.kill('SIGTERM')
  expect(await worker.ended).toBe(130)
})

test('a terminal that is closed lets it finish what is in flight, however often it says so', async () => {
  const release = hold()
  await makeFleet(database, { mailboxes: 1, campaigns: 1, leads: 1, smtpPort: recorder.port })
  const worker = startWorker(database.urlAs('worker'), { args: ['--name', 'stopped'] })
  await untilRow(database, `select from goniec.attempt where state = 'transmitting'`)
  worker.kill('SIGHUP')
  await worker.line(({ msg }) => msg.startsWith('worker stops'))
  worker.kill('SIGHUP')
  release()
  await worker.endedWell()
  expect(await counts()).toEqual({ pending: 1, sent: 1 })
})

test('until idle: what cannot go is not waited for', async () => {
  await makeFleet(database, { mailboxes: 5, campaigns: 5, leads: 5, smtpPort: recorder.port })
  await database.query('delete from goniec.campaign_mailbox where campaign_id <> mailbox_id')
  await database.query(`update goniec.message set held_reason = 'set aside' where campaign_id = 1`)
  await database.query(`update goniec.mailbox set status = 'broken', status_reason = 'no login' where id = 2`)
  await database.query(
    `update goniec.mailbox_gate set free_from = goniec.now() + interval '10 minutes' where mailbox_id = 3`,
  )
  await database.query(`update goniec.campaign set status = 'paused' where id = 4`)
  const worker = startWorker(database.urlAs('worker'), { args: ['--name', 'idle', '--until-idle'] })
  await worker.endedWell()
  expect(await counts()).toEqual({ pending: 4, sent: 2 })
  expect(recorder.mails).toHaveLength(2)
})

test('until idle: two workers on one queue both end, and all of it is sent once', async () => {
  await makeFleet(database, { mailboxes: 5, campaigns: 2, leads: 60, smtpPort: recorder.port })
  const workers = [1, 2].map((n) =>
    startWorker(database.urlAs('worker'), { args: ['--name', `idle-${n}`, '--until-idle'] }),
  )
  await Promise.all(workers.map((worker) => worker.endedWell()))
  expect(new Set((await ledger(database)).values())).toEqual(new Set(['sent']))
  expect(recorder.mails).toHaveLength(120)
})

/** No dot is answered until the returned function is called. */
function hold(): () => void {
  const { promise, resolve } = Promise.withResolvers<void>()
  dots.gate = promise
  return resolve
}

async function counts(): Promise<Record<string, number>> {
  const rows = await database.query<{ status: string; n: number }>(
    'select status, count(*)::int as n from goniec.message group by 1 order by 1',
  )
  return Object.fromEntries(rows.map(({ status, n }) => [status, n]))
}
