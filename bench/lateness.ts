/**
 * How late a mail is: fifty a second, planned for a minute, from a hundred mailboxes, through a real worker process to a mail server in
 * another one. From the planned time to the fence, and to the mail server's yes.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { makeFleet } from '../tests/crash/fleet.ts'
import { untilRow } from '../tests/support/until-row.ts'
import { startWorker } from '../tests/support/worker-process.ts'
import { percentile, table, type BenchOptions, type Measured } from './figures.ts'
import type { BenchServer } from './server.ts'

const PER_SECOND = 50
const SECONDS = 60
const MAILBOXES = 100
const AHEAD_MS = 20_000

/** The benchmark. */
export async function lateness({ url, database, root }: BenchServer, { size }: BenchOptions): Promise<Measured> {
  const recorder = await startRecorder()
  const seconds = Math.ceil(SECONDS * size)
  const mails = PER_SECOND * seconds
  await makeFleet(database, { mailboxes: MAILBOXES, campaigns: 10, leads: mails, smtpPort: recorder.port })
  // Follow-ups are for tomorrow: they are made and planned meanwhile, as they would be.
  await database.query('update goniec.step set wait_ms = null, wait_days = 1 where position = 2')
  await database.query('select goniec.make_day_rows(3)')
  await database.query(SLOTS, [Math.max(2000, AHEAD_MS * size), 1000 / PER_SECOND, MAILBOXES])
  await database.query('vacuum (analyze)')
  const worker = startWorker(url, { root, args: ['--name', 'bench'] })
  await untilRow(database, `select from goniec.message where status = 'sent' having count(*) = $1`, [mails])
  worker.kill('SIGTERM')
  await worker.endedWell()
  const planned = await database.query<{ recipient: string; at_ms: number; late_ms: number }>(LATE)
  const accepted = new Map(await recorder.stop())
  const fences = planned.map(({ late_ms: ms }) => ms)
  const answers = planned.map(({ recipient, at_ms: atMs }) => (accepted.get(recipient) ?? Number.NaN) - atMs)
  return {
    what: `${PER_SECOND} mails a second planned for ${seconds} s, from ${MAILBOXES} mailboxes; milliseconds late`,
    lines: table(
      ['from the planned time to', 'p50', 'p99', 'max'],
      [row('the fence', fences), row('the mail server’s yes', answers)],
    ),
  }
}

function row(name: string, values: readonly number[]): (string | number)[] {
  return [name, percentile(values, 0.5), percentile(values, 0.99), Math.max(...values)]
}

interface RecorderProcess {
  port: number
  /** Ends it; returns when it took each recipient's mail. */
  stop: () => Promise<[string, number][]>
}

async function startRecorder(): Promise<RecorderProcess> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'recorder.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const read = async (): Promise<unknown> => JSON.parse(String((await lines.next()).value))
  const { port } = (await read()) as { port: number }
  return {
    port,
    async stop() {
      child.stdin.write('\n')
      const record = (await read()) as [string, number][]
      child.stdin.end()
      return record
    },
  }
}

const SLOTS = `
  update goniec.message m
  set scheduled_at = s.at, first_planned_at = s.at, mailbox_id = 1 + s.n % $3, window_closes_at = s.at + interval '1 hour',
      planned_campaign_version = c.version, planned_mailbox_version = 1
  from (
    select id, row_number() over (order by id) as n,
           date_trunc('milliseconds', goniec.now()) + ($1 + row_number() over (order by id) * $2::float8) * interval '1 millisecond' as at
    from goniec.message
  ) s, goniec.campaign c
  where m.id = s.id and c.id = m.campaign_id`

const LATE = `
  select m.recipient, (extract(epoch from m.scheduled_at) * 1000)::float8 as at_ms,
         (extract(epoch from m.sent_at - m.scheduled_at) * 1000)::float8 as late_ms
  from goniec.message m
  where m.status = 'sent'`
