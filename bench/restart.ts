/**
 * How long until the first mail goes out after a worker was killed in the middle of its work and is started again, Node's start included:
 * a hundred thousand mails pending, twenty thousand of them due. From the start of the new process to its first fence, and to the first mail
 * that the server has accepted.
 */
import { makeFleet } from '../tests/crash/fleet.ts'
import { untilRow } from '../tests/support/until-row.ts'
import { startWorker } from '../tests/support/worker-process.ts'
import { percentile, table, type BenchOptions, type Measured } from './figures.ts'
import type { BenchServer } from './server.ts'
import { startSink } from './sink.ts'

const PENDING = 100_000
const DUE = 20_000
const MAILBOXES = 100
const TIMES = 5

/** The benchmark. */
export async function restart({ url, database, root }: BenchServer, { size }: BenchOptions): Promise<Measured> {
  using sink = await startSink(MAILBOXES)
  const due = Math.round(DUE * size)
  await makeFleet(database, {
    mailboxes: MAILBOXES,
    campaigns: 10,
    leads: Math.round(PENDING * size),
    smtpPort: sink.port,
  })
  await database.query('update goniec.step set wait_ms = null, wait_days = 1 where position = 2')
  await database.query('select goniec.make_day_rows(3)')
  await database.query(SLOTS, [MAILBOXES, due])
  await database.query('vacuum (analyze)')
  let worker = startWorker(url, { root, args: ['--name', 'bench'] })
  const firsts: First[] = []
  for (let time = 0; time < (size < 1 ? 1 : TIMES); time++) {
    await database.query(DUE_NOW, [due])
    await untilRow(
      database,
      `select from goniec.message where status = 'sent' and sent_at > goniec.now() - interval '1 second'`,
    )
    worker.kill('SIGKILL')
    await worker.ended
    const startedAtMs = Date.now()
    worker = startWorker(url, { root, args: ['--name', 'bench'] })
    firsts.push(await untilRow<First>(database, FIRST, [startedAtMs]))
  }
  worker.kill('SIGTERM')
  await worker.ended
  const row = (name: string, of: (first: First) => number): (string | number)[] => [
    name,
    percentile(firsts.map(of), 0.5),
    Math.max(...firsts.map(of)),
  ]
  return {
    what: `milliseconds from the start of a worker whose predecessor was killed, ${Math.round(PENDING * size)} mails pending`,
    lines: table(
      ['to the first', 'median', 'worst'],
      [row('fence', ({ fenced_ms: ms }) => ms), row('mail that was accepted', ({ accepted_ms: ms }) => ms)],
    ),
  }
}

type First = { fenced_ms: number; accepted_ms: number }

/** The last ones are for later days; those in front are due as soon as they are said to be. */
const SLOTS = `
  update goniec.message m
  set mailbox_id = 1 + m.id % $1::integer, scheduled_at = s.at, window_closes_at = s.at + interval '8 hours', first_planned_at = s.at,
      planned_campaign_version = c.version, planned_mailbox_version = 1
  from goniec.campaign c, (
    select id, date_trunc('milliseconds', goniec.now())
               + case when id > $2::integer then interval '1 day' + id * interval '1 second' else interval '1 hour' end as at
    from goniec.message
  ) s
  where c.id = m.campaign_id and s.id = m.id`

const DUE_NOW = `
  update goniec.message m
  set scheduled_at = now.at, window_closes_at = now.at + interval '8 hours'
  from (select date_trunc('milliseconds', goniec.now()) as at) now
  where m.id <= $1 and m.status = 'pending' and m.scheduled_at is not null`

const FIRST = `
  select ((extract(epoch from min(a.transmitting_at)) * 1000) - $1)::float8 as fenced_ms,
         ((extract(epoch from min(a.finished_at)) * 1000) - $1)::float8 as accepted_ms
  from goniec.attempt a
  where a.incarnation_id = (select max(id) from goniec.incarnation) and a.state = 'accepted' and a.transmitting_at > to_timestamp($1 / 1000.0)
  having count(*) > 0`
