/**
 * What a mail costs Postgres: claim, fence and settle by themselves, one session each, without a worker and without a mail server. As many mails
 * stay claimed as wait for their server in a worker at full speed. CPU time, which other work on the machine changes little: this is what a
 * change of the protocol is judged by.
 */
import { openDatabase, type Database } from '../src/database/pool.ts'
import { claim, type ClaimedAttempt } from '../src/delivery/claim.ts'
import { fence } from '../src/delivery/fence.ts'
import { settle } from '../src/delivery/settle.ts'
import { assert } from '../src/errors.ts'
import { table, type BenchOptions, type Measured } from './figures.ts'
import { TEMPLATES } from './peers/content.ts'
import { beginRound, makeWorld } from './peers/goniec.ts'
import { cpuMs } from './processes.ts'
import type { BenchServer } from './server.ts'

const MAILS = 6000
/** So many are claimed, and are settled, at once in a worker that sends as fast as it can; so many are on their way meanwhile. */
const CLAIMED = 66
const TOGETHER = 45
const ON_THEIR_WAY = 134

const STATEMENTS = ['claim', 'fence', 'settle'] as const

interface Session {
  database: Database
  pid: number
  calls: number
  cpuAtFirst: number
}

/** The benchmark. */
export async function protocol(server: BenchServer, { size }: BenchOptions): Promise<Measured> {
  const mails = Math.max(300, Math.round(MAILS * size))
  await makeWorld(server.database, { mails, rounds: 1, port: 25 })
  const [worker] = await server.database.query<{ id: number }>(
    `insert into goniec.incarnation (worker, host, pid, version) values ('bench', 'bench', 0, '') returning id`,
  )
  const sessions = { claim: await open(server.url), fence: await open(server.url), settle: await open(server.url) }
  await beginRound(server.database, 1)
  const measured = await sendAll(sessions, worker?.id ?? 0, mails)
  const rows = STATEMENTS.map((name) => {
    const { pid, calls, cpuAtFirst } = sessions[name]
    return [name, ((cpuMs(pid) - cpuAtFirst) * 1000) / measured, measured / calls]
  })
  for (const name of STATEMENTS) await sessions[name].database.close()
  return {
    what: `CPU time of Postgres for a mail, ${measured} of ${mails} mails measured`,
    lines: table(['', 'µs a mail', 'mails a call'], rows),
  }
}

/** Sends them all, and says how many of them count: the first sixth is for warming up. */
async function sendAll(
  sessions: Record<(typeof STATEMENTS)[number], Session>,
  incarnationId: number,
  mails: number,
): Promise<number> {
  const held: ClaimedAttempt[] = []
  let claimed = 0
  let before = 0
  while (claimed < mails || held.length > 0) {
    if (before === 0 && claimed > mails / 6) {
      before = claimed
      for (const name of STATEMENTS) Object.assign(sessions[name], { calls: 0, cpuAtFirst: cpuMs(sessions[name].pid) })
    }
    if (claimed < mails) {
      const attempts = await claimSome(sessions.claim, incarnationId)
      claimed += attempts.length
      held.push(...attempts)
    }
    while (held.length > (claimed < mails ? ON_THEIR_WAY : 0))
      await finish(sessions, incarnationId, held.splice(0, TOGETHER))
  }
  return mails - before
}

async function claimSome(session: Session, incarnationId: number): Promise<ClaimedAttempt[]> {
  const times = { leaseMs: 180_000, totalMs: 180_000, graceMs: 300_000 }
  const { attempts } = await claim(session.database.pool, { incarnationId, batch: CLAIMED, ...times })
  assert(attempts.length > 0, 'mails are due, and mailboxes are free')
  session.calls += 1
  return attempts
}

async function finish(
  { fence: fences, settle: settles }: Pick<Record<(typeof STATEMENTS)[number], Session>, 'fence' | 'settle'>,
  incarnationId: number,
  attempts: readonly ClaimedAttempt[],
): Promise<void> {
  const requests = attempts.map(({ attemptId }) => ({ attemptId, content: CONTENT }))
  const passed = await fence(fences.database.pool, { incarnationId, totalMs: 900_000, requests })
  assert(
    passed.every(({ verdict }) => verdict === 'passed'),
    'every mail passes',
  )
  const reports = attempts.map(({ attemptId, claimedAt }) => ({ attemptId, claimedAt, ...ACCEPTED }))
  const settled = await settle(settles.database.pool, { incarnationId, reports })
  assert(
    settled.every((answer) => 'status' in answer && answer.status === 'sent'),
    'every mail is sent',
  )
  fences.calls += 1
  settles.calls += 1
}

const CONTENT = {
  ...TEMPLATES,
  headers: {
    from: 'Anna Nowak <box-1@firma.example>',
    to: 'lead-1@company-1.example',
    subject: '=?UTF-8?Q?A_question_about_Sp=C3=B3=C5=82ka_1=E2=80=99s_deliveries?=',
    'message-id': '<abcdefghijklmnopqrstuvwxyz234567@firma.example>',
    'list-unsubscribe': '<mailto:box-1@firma.example?subject=unsubscribe>',
  },
}

const ACCEPTED = {
  outcome: 'accepted',
  stage: 'dot',
  code: 250,
  response: '250 2.0.0 Ok',
  giveBack: false,
  leadBounced: false,
  permanent: false,
  rfcMessageId: '<abcdefghijklmnopqrstuvwxyz234567@firma.example>',
  serverMessageId: null,
} as const

async function open(url: string): Promise<Session> {
  const database = openDatabase(url, { name: 'bench', size: 1 })
  const [row] = await database.query<{ pid: number }>('select pg_backend_pid() as pid')
  return { database, pid: row?.pid ?? 0, calls: 0, cpuAtFirst: 0 }
}
