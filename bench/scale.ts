/**
 * Whether what sends stays as quick while the queue and the history grow: claim and plan among a thousand pending mails in ten campaigns, a
 * million in ten thousand, and the same once ten million have been sent. The mailboxes, and what is due, are the same in all three. What is
 * compared is CPU time (Postgres' for a claim, both for a plan), which other work on the machine changes little.
 */
import { runPlan } from '../src/campaigns/plan/run.ts'
import { migrate } from '../src/database/migrate.ts'
import { connectSession, openDatabase, type Database } from '../src/database/pool.ts'
import { assert } from '../src/errors.ts'
import { addCampaigns } from './campaigns.ts'
import { percentile, table, type BenchOptions, type Measured } from './figures.ts'
import { addSent } from './sent.ts'
import { cpuMs, familyCpuMs } from './processes.ts'
import { serverPid, type BenchServer } from './server.ts'

const LEADS = 100
const MAILBOXES = 500
const CLAIMS = 100

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
  const name = `${new URL(server.url).pathname.slice(1)}_few`
  await server.database.query(`create database ${name}`)
  const fewUrl = Object.assign(new URL(server.url), { pathname: `/${name}` }).href
  await migrate(fewUrl)
  const few = openDatabase(fewUrl, { name: 'bench' })
  try {
    const costs: Cost[] = [await fillAndMeasure(few, FEW), await fillAndMeasure(server.database, many)]
    progress(costs)
    const client = await connectSession(server.url, { name: 'bench' })
    await addSent(client, { campaigns: many, leads: many * LEADS, ofALead: SENT_OF_A_LEAD })
    await client.end()
    costs.push({ ...(await measurePlan(server.database)), claimMs: await measureClaim(server.database) })
    progress(costs)
    const worlds = [`${FEW * LEADS} pending`, `${many * LEADS} pending`, `and ${many * LEADS * SENT_OF_A_LEAD} sent`]
    const [base] = costs
    const cell = (of: keyof Cost, cost: Cost): string =>
      `${cost[of].toFixed(1)} (${(cost[of] / (base?.[of] ?? 1)).toFixed(2)} ×)`
    return {
      what: `CPU time of claiming 50 of 1,000 due mails, and of planning; ${MAILBOXES} mailboxes; in brackets how many times the first line's`,
      lines: table(
        ['', 'claim ms', 'plan µs a slot laid', 'plan µs a slot kept'],
        costs.map((cost, i) => [
          worlds[i] ?? '',
          cell('claimMs', cost),
          cell('layMicros', cost),
          cell('keepMicros', cost),
        ]),
      ),
    }
  } finally {
    await few.close()
    await server.database.query(`drop database ${name} with (force)`)
  }
}

function progress(costs: readonly Cost[]): void {
  process.stderr.write(`${JSON.stringify(costs.at(-1))}\n`)
}

async function fillAndMeasure(database: Database, campaigns: number): Promise<Cost> {
  await addCampaigns(database, { from: 1, to: campaigns, leads: LEADS, mailboxes: MAILBOXES, delayMs: 0 })
  const plan = await measurePlan(database)
  await database.query('vacuum (analyze) goniec.message')
  return { ...plan, claimMs: await measureClaim(database) }
}

/** Lays what can be laid, and then keeps it. */
async function measurePlan(database: Database): Promise<Pick<Cost, 'layMicros' | 'keepMicros'>> {
  const postgres = await serverPid(database)
  const plan = async (): Promise<{ micros: number; slots: number }> => {
    const before = process.cpuUsage()
    const postgresBefore = familyCpuMs(postgres)
    const { planned } = await runPlan(database)
    const { user, system } = process.cpuUsage(before)
    return { micros: user + system + (familyCpuMs(postgres) - postgresBefore) * 1000, slots: planned }
  }
  const laid = await plan()
  const kept = [await plan(), await plan(), await plan()].map(({ micros }) => micros)
  const [row] = await database.query<{ slots: number }>(
    `select count(*)::integer as slots from goniec.message where status = 'pending' and scheduled_at is not null`,
  )
  return { layMicros: laid.micros / laid.slots, keepMicros: percentile(kept, 0.5) / (row?.slots ?? 1) }
}

/** Many claims of fifty mails, each rolled back, so that all of them see the same. */
async function measureClaim(database: Database): Promise<number> {
  await database.query(DUE, [MAILBOXES])
  await database.query('vacuum (analyze) goniec.message')
  const client = await connectSession(database.url, { name: 'bench' })
  const { rows } = await client.query<{ id: number; pid: number }>(
    `insert into goniec.incarnation (worker, host, pid, version) values ('bench', 'bench', 1, '0') returning id, pg_backend_pid() as pid`,
  )
  const [session] = rows
  let before = 0
  for (let n = 0; n <= CLAIMS; n++) {
    // The first one makes the session's plans.
    if (n === 1) before = cpuMs(session?.pid ?? 0)
    await client.query('begin')
    const answer = await client.query<{ mails: number }>({ ...CLAIM, values: [session?.id] })
    assert(answer.rows[0]?.mails === BATCH, `${BATCH} mails are claimed, and not ${answer.rows[0]?.mails}`)
    await client.query('rollback')
  }
  const tookMs = cpuMs(session?.pid ?? 0) - before
  await client.end()
  return tookMs / CLAIMS
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
