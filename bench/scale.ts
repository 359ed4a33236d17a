/**
 * Whether what sends stays as quick while the queue and the history grow: claim and plan among a thousand pending mails in ten campaigns, a
 * million in ten thousand, and the same once ten million have been sent. The mailboxes, and what is due, are the same in all three. What is
 * compared is CPU time (Postgres' for a claim, both for a plan). A machine's speed drifts by more than what is compared while a large world is
 * filled, so each is measured in turn with the small one.
 */
import type { Client } from 'pg'
import { runPlan } from '../src/campaigns/plan/run.ts'
import { migrate } from '../src/database/migrate.ts'
import { connectSession, openDatabase, type Database } from '../src/database/pool.ts'
import { assert } from '../src/errors.ts'
import { addCampaigns } from './campaigns.ts'
import { percentile, table, type BenchOptions, type Measured } from './figures.ts'
import { addSent, takeSlots } from './sent.ts'
import { cpuMs, familyCpuMs } from './processes.ts'
import { serverPid, type BenchServer } from './server.ts'

const LEADS = 100
const MAILBOXES = 500
const ROUNDS = 5
const CLAIMS_A_ROUND = 20

const FEW = 10
const MANY = 10_000
const SENT_OF_A_LEAD = 10

interface Cost {
  claimMs: number
  /** Per slot that is laid, of all that have none. */
  layMicros: number
  /** Per slot that is kept, when there is nothing else to do. */
  keepMicros: number
}

/** The benchmark. */
export async function scale(server: BenchServer, { size }: BenchOptions): Promise<Measured> {
  const many = Math.max(FEW, Math.round(MANY * size))
  const sent = many * LEADS * SENT_OF_A_LEAD
  await using few = await smallWorld(server)
  await fill(server.database, many)
  const rows = await inTurn(few.database, server.database, `${many * LEADS} pending`)
  await withSession(server.database, (client) =>
    addSent(client, { campaigns: many, leads: many * LEADS, ofALead: SENT_OF_A_LEAD }),
  )
  rows.push(...(await inTurn(few.database, server.database, `and ${sent} sent`)))
  return {
    what: `CPU time of claiming ${BATCH} of 1,000 due mails, and of planning; ${MAILBOXES} mailboxes; in brackets how many times the line's before`,
    lines: table(['', 'claim ms', 'plan µs a slot laid', 'plan µs a slot kept'], rows),
  }
}

interface SmallWorld extends AsyncDisposable {
  database: Database
}

/** A database of its own with the small world in it, which ends with what uses it. */
async function smallWorld(server: BenchServer): Promise<SmallWorld> {
  const name = `${new URL(server.url).pathname.slice(1)}_few`
  await server.database.query(`create database ${name}`)
  const url = Object.assign(new URL(server.url), { pathname: `/${name}` }).href
  await migrate(url)
  const database = openDatabase(url, { name: 'bench' })
  await fill(database, FEW)
  return {
    database,
    [Symbol.asyncDispose]: async () => {
      await database.close()
      await server.database.query(`drop database ${name} with (force)`)
    },
  }
}

async function fill(database: Database, campaigns: number): Promise<void> {
  await addCampaigns(database, { from: 1, to: campaigns, leads: LEADS, mailboxes: MAILBOXES, delayMs: 0 })
}

/** A line of the small world, and one of the large world. */
async function inTurn(few: Database, large: Database, name: string): Promise<string[][]> {
  const worlds = [few, large]
  // The first plan of a process opens its calendars and sessions: of a thousand mails that would be most of it.
  await measureLay(few)
  const laid: number[] = []
  for (const world of worlds) laid.push(await measureLay(world))
  const kept = await eachInTurn(worlds, measureKeep)
  for (const world of worlds) await makeDue(world)
  const claimed = await eachInTurn(worlds, measureClaims)

  const costs = worlds.map((_, i): Cost => {
    const [layMicros = NaN, keepMicros = NaN, claimMs = NaN] = [laid[i], kept[i], claimed[i]]
    return { claimMs, layMicros, keepMicros }
  })
  process.stderr.write(`${JSON.stringify(costs)}\n`)
  const [base] = costs
  const cell = (of: keyof Cost, cost: Cost): string =>
    `${cost[of].toFixed(1)} (${(cost[of] / (base?.[of] ?? NaN)).toFixed(2)} ×)`
  return costs.map((cost, i) => [
    i === 0 ? `${FEW * LEADS} pending` : name,
    cell('claimMs', cost),
    cell('layMicros', cost),
    cell('keepMicros', cost),
  ])
}

/** Medians of rounds in which one comes after the other. */
async function eachInTurn<T>(those: readonly T[], measure: (one: T) => Promise<number>): Promise<number[]> {
  const figures = those.map((): number[] => [])
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, one] of those.entries()) figures[i]?.push(await measure(one))
  }
  return figures.map((of) => percentile(of, 0.5))
}

/** All slots, those of a plan before included. */
async function measureLay(database: Database): Promise<number> {
  await withSession(database, takeSlots)
  const { micros, planned } = await measurePlan(database)
  return micros / planned
}

async function measureKeep(database: Database): Promise<number> {
  const { micros } = await measurePlan(database)
  const [row] = await database.query<{ slots: number }>(
    `select count(*)::integer as slots from goniec.message where status = 'pending' and scheduled_at is not null`,
  )
  return micros / (row?.slots ?? NaN)
}

async function measurePlan(database: Database): Promise<{ micros: number; planned: number }> {
  const postgres = await serverPid(database)
  const before = process.cpuUsage()
  const postgresBefore = familyCpuMs(postgres)
  const { planned } = await runPlan(database)
  const { user, system } = process.cpuUsage(before)
  return { micros: user + system + (familyCpuMs(postgres) - postgresBefore) * 1000, planned }
}

async function makeDue(database: Database): Promise<void> {
  await database.query(DUE, [MAILBOXES])
  await database.query('vacuum (analyze) goniec.message')
}

/** Claims of a session, each rolled back, so that all of them see the same. */
function measureClaims(database: Database): Promise<number> {
  return withSession(database, async (client) => {
    const { rows } = await client.query<{ id: number; pid: number }>(
      `insert into goniec.incarnation (worker, host, pid, version) values ('bench', 'bench', 1, '0') returning id, pg_backend_pid() as pid`,
    )
    const [session] = rows
    assert(session, 'a worker begins')
    const { id, pid } = session
    const claim = async (): Promise<void> => {
      await client.query('begin')
      const answer = await client.query<{ mails: number }>({ ...CLAIM, values: [id] })
      assert(answer.rows[0]?.mails === BATCH, `${BATCH} mails are claimed, and not ${answer.rows[0]?.mails}`)
      await client.query('rollback')
    }
    // The first one makes the session's plans.
    await claim()
    const before = cpuMs(pid)
    for (let n = 0; n < CLAIMS_A_ROUND; n++) await claim()
    return (cpuMs(pid) - before) / CLAIMS_A_ROUND
  })
}

async function withSession<T>(database: Database, use: (client: Client) => Promise<T>): Promise<T> {
  const client = await connectSession(database.url, { name: 'bench' })
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}

const BATCH = 50

const CLAIM = {
  name: 'claim',
  text: `select jsonb_array_length(goniec.claim($1, ${BATCH}, interval '3 minutes', interval '3 minutes') -> 'attempts') as mails`,
}

/** A thousand mails of all campaigns alike, two of each mailbox. */
const DUE = `
  update goniec.message m
  set mailbox_id = 1 + k % $1::integer, scheduled_at = at, window_closes_at = at + interval '8 hours', first_planned_at = coalesce(m.first_planned_at, at),
      planned_campaign_version = c.version, planned_mailbox_version = 1
  from (select count(*) as mails from goniec.message where status = 'pending') a,
       generate_series(1, 1000) k, goniec.campaign c, date_trunc('milliseconds', goniec.now() - interval '1 second') at
  where m.id = k * greatest(a.mails / 1000, 1) and c.id = m.campaign_id and m.status = 'pending'`
