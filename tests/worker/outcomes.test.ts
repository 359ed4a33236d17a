/**
 * A worker process, a database, and a server for each thing that a server can do: what stands in the tables afterwards is DESIGN's outcome
 * table. All cases go through one run of one worker, each with a mailbox of its own; the worker is the role goniec_worker and no more.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startFaultServer, type FaultServer } from '../smtp/fault-server.ts'
import { untilRow } from '../support/until-row.ts'
import { endWorkers, startWorker } from '../support/worker-process.ts'
import { makeFleet } from '../crash/fleet.ts'
import { CASES, type Rows } from './outcome-cases.ts'

/** All times of the protocol, shrunk together; ample enough for a machine that is busy. */
const SHRUNK = {
  GONIEC_PHASE_DEADLINE: '5s',
  GONIEC_BEFORE_FENCE_DEADLINE: '15s',
  GONIEC_LEASE: '20s',
  GONIEC_DOT_WITHIN: '10s',
  GONIEC_BLOCK_DEADLINE: '30s',
  GONIEC_DOT_DEADLINE: '5s',
  GONIEC_ATTEMPT_DEADLINE: '40s',
  SMTP_PASSWORD: 'secret',
}

const servers: FaultServer[] = []
let database: TestDatabase
let rows: Map<string, Rows>

beforeAll(async () => {
  database = await createTestDatabase()
  for (const { plan } of CASES) servers.push(await startFaultServer({ plan, auth: true }))
  await makeWorld()
  const worker = startWorker(database.urlAs('worker'), { args: ['--name', 'outcomes'], env: SHRUNK })
  await untilRow(
    database,
    `select from goniec.attempt where state not in ('claimed', 'transmitting') having count(*) >= $1`,
    [CASES.length],
  )
  worker.kill('SIGTERM')
  await worker.endedWell()
  // What two settles at once wanted of one day's row, one of them has left to the next recovery.
  await database.query('select goniec.finish_business()')
  rows = await readRows()
}, 180_000)

afterAll(async () => {
  await endWorkers()
  await Promise.all(servers.map((server) => server.close()))
})

describe('after one attempt', () => {
  test.each(CASES)('$title', ({ title, rows: expected }) => {
    expect(rows.get(title)).toEqual(expected)
  })
})

test('only what lacks a complete answer after the dot is in doubt', async () => {
  const doubts = await database.query<{ n: number }>(
    `select count(*)::int as n from goniec.message where status = 'in_doubt'`,
  )
  expect(doubts[0]?.n).toBe(CASES.filter(({ rows: { message } }) => message === 'in_doubt').length)
})

test('what a server has taken is what the ledger calls sent, or a doubt', () => {
  const untrue = CASES.filter(({ plan, rows: { message } }, index) => {
    const took = servers[index]?.accepted().length ?? 0
    const completed =
      servers[index]?.connections.flatMap(({ mails }) => mails.filter(({ complete }) => complete)).length ?? 0
    if (took > 0) return message !== 'sent'
    return completed > 1 || (completed === 1 && plan.dot === undefined)
  })
  expect(untrue.map(({ title }) => title)).toEqual([])
})

test('only a mail that was sent has a next step', async () => {
  const next = await database.query<{ campaign_id: number }>(
    `select campaign_id from goniec.message where step_key = 'reminder' order by 1`,
  )
  const sent = CASES.flatMap(({ rows: { message }, long }, index) => (message === 'sent' && !long ? [index + 1] : []))
  expect(next.map(({ campaign_id: campaign }) => campaign)).toEqual(sent)
})

/** Case n has mailbox, campaign and lead n. A long mail is a response, whose attachment no buffer of the system holds whole. */
async function makeWorld(): Promise<void> {
  const count = CASES.length
  await makeFleet(database, { mailboxes: count, campaigns: count, leads: count, smtpPort: 1 })
  await database.query('delete from goniec.campaign_mailbox where campaign_id <> mailbox_id')
  await database.query(`update goniec.step set wait_ms = null, wait_days = 3 where position = 2`)
  await database.query(
    `update goniec.mailbox b
     set smtp_port = given.port, smtp_user = 'user', smtp_password_ref = 'env:SMTP_PASSWORD'
     from unnest($1::int[]) with ordinality as given (port, n)
     where b.id = given.n`,
    [servers.map(({ port }) => port)],
  )
  await database.query(
    `update goniec.mailbox_gate g set faults = given.faults
     from unnest($1::int[]) with ordinality as given (faults, n) where g.mailbox_id = given.n`,
    [CASES.map(({ faultsBefore = 0 }) => faultsBefore)],
  )
  const content = Buffer.alloc(6_000_000, 'a').toString('base64')
  for (const [index, { long }] of CASES.entries()) {
    if (!long) continue
    await database.query(`update goniec.campaign set status = 'paused' where id = $1`, [index + 1])
    await database.query(
      `select goniec.enqueue_response("to" => l.email, key => 'long ' || $1, subject => 'Long', text => 'Long',
                                      "from" => 'box' || $1 || '@team.example', attachments => $2)
       from goniec.lead l
       join goniec.enrollment e on e.lead_id = l.id
       where e.campaign_id = $1::bigint`,
      [String(index + 1), JSON.stringify([{ filename: 'a.bin', contentType: 'application/octet-stream', content }])],
    )
  }
}

async function readRows(): Promise<Map<string, Rows>> {
  const found = await database.query<Rows & { mailbox_id: number }>(
    `select a.mailbox_id, a.state as attempt, m.status as message, m.counted_attempts as counted, m.uncounted_attempts as uncounted,
            bd.campaign_taken + bd.response_taken = 1 and (m.kind = 'response' or cd.taken = 1)
              and (m.kind = 'response' or exists (select from goniec.lead_day ld where ld.lead_id = m.lead_id)) as taken,
            g.faults, coalesce(g.free_from > a.finished_at, false) as "backsOff", b.status as mailbox,
            l.bounced_at is not null and exists (select from goniec.suppression s where s.value = l.email) as bounced
     from goniec.attempt a
     join goniec.message m on m.id = a.message_id
     join goniec.lead l on l.id = m.lead_id
     join goniec.mailbox b on b.id = a.mailbox_id
     join goniec.mailbox_gate g on g.mailbox_id = b.id
     join goniec.mailbox_day bd on bd.mailbox_id = b.id and bd.day = a.mailbox_day
     left join goniec.campaign_day cd on cd.campaign_id = a.campaign_id and cd.day = a.campaign_day`,
  )
  return new Map(found.map(({ mailbox_id: mailbox, ...row }) => [CASES[mailbox - 1]?.title ?? '', row] as const))
}
