/** What people do while mails go out, by the functions that the commands call. What has returned to them is noted, and held against what passed. */
import { Readable } from 'node:stream'
import { passBarrier } from '../../src/campaigns/barrier.ts'
import { pauseCampaign, resumeCampaign } from '../../src/campaigns/pause.ts'
import type { Database } from '../../src/database/pool.ts'
import { enqueueResponse } from '../../src/delivery/enqueue-response.ts'
import { resolveDoubt } from '../../src/delivery/resolve-doubt.ts'
import { importLeads } from '../../src/leads/import.ts'
import { actOnLeads } from '../../src/leads/lead-acts.ts'
import { addSuppressions, countHeld } from '../../src/leads/suppressions.ts'
import type { Instant } from '../../src/time.ts'
import type { Random } from '../../tests/simulation/random.ts'
import type { Stop } from '../invariants.ts'
import { readOracle } from '../oracle.ts'
import { CAMPAIGNS } from './world.ts'

export interface Office {
  database: Database
  random: Random
  /** How many leads there were at the beginning. */
  leads: number
  stops: Stop[]
  /** Where the mail server's record is: what a person looks at who resolves a doubt. */
  record: string
  /** Resolves when so many more mails were accepted, or nothing is going on any more. */
  someMails: (count: number) => Promise<void>
}

type Act = (office: Office) => Promise<void>

/** By name. */
export const ACTS: Readonly<Record<string, Act>> = {
  async pause({ database, random, leads, stops, someMails }) {
    const name = `campaign-${random.int(1, CAMPAIGNS)}`
    const { changed, status } = await pauseCampaign(database, name)
    if (!changed || status !== 'paused') return
    const from = await now(database)
    await someMails(Math.ceil(leads / 8))
    stops.push({ of: 'campaign', name, from, until: await now(database) })
    await resumeCampaign(database, name)
  },
  async suppress({ database, random, leads, stops }) {
    const value = someLead(random, leads)
    await addSuppressions(database, [{ value, reason: 'asked for' }])
    await countHeld(database, [value])
    await passBarrier(database)
    stops.push({ of: 'recipient', name: value, from: await now(database) })
  },
  async block({ database, random, leads, stops }) {
    const name = someLead(random, leads)
    const [result] = await actOnLeads(database, { kind: 'block' }, [name])
    if (result?.problem === null) stops.push({ of: 'recipient', name, from: await now(database) })
  },
  async apply({ database, random }) {
    await database.query(
      `update goniec.mailbox set daily_limit = $1, version = version + 1
       where id in (select id from goniec.mailbox where id % 3 = $2 order by id for no key update)`,
      [random.int(5000, 9000), random.int(0, 2)],
    )
    await database.query(`select goniec.make_day_rows(3), goniec.pass_barrier()`)
    await database.query(`select pg_notify('goniec', 'plan')`)
  },
  async import({ database, random }) {
    const batch = random.int(1, 1_000_000)
    const lines = Array.from({ length: 10 }, (_, n) => `new${batch}-${n}@people.example,${n}`)
    await importLeads(database, Readable.from([Buffer.from(`email,n\n${lines.join('\n')}\n`)]), {
      campaign: `campaign-${random.int(1, CAMPAIGNS)}`,
    })
  },
  async respond({ database, random, leads }) {
    const n = random.int(1, 1_000_000)
    const to = `lead${random.int(1, leads)}@people.example`
    try {
      await enqueueResponse(database, {
        to,
        key: `key-${n}`,
        text: 'As you asked',
        subject: `Response ${n}`,
        from: 'box1@team.example',
        again: true,
      })
    } catch (error) {
      // Whoever is blocked or suppressed gets none, and the person is told so.
      if (!(error instanceof Error && 'code' in error && error.code === 'message_out')) throw error
    }
  },
  resolve: resolveDoubts,
  async cut({ database, random }) {
    await database.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and application_name like 'goniec ' || $1 and pid <> pg_backend_pid()`,
      [random.pick(['worker', 'worker session', 'engine', 'plan', 'worker%'])],
    )
  },
}

/** Of each doubt that may be resolved, what the server's record says. */
export async function resolveDoubts({ database, record }: Pick<Office, 'database' | 'record'>): Promise<void> {
  const doubts = await database.query<{ id: number; message_id: string | null }>(
    `select m.id, m.rfc_message_id as message_id
     from goniec.message m
     join goniec.attempt a on a.message_id = m.id and a.state = 'in_doubt'
     where m.status = 'in_doubt' and a.deadline_at < goniec.now() order by m.id`,
  )
  for (const { id, message_id: messageId } of doubts) {
    const taken = readOracle(record).some((mail) => mail.messageId === messageId)
    try {
      await resolveDoubt(database, id, { as: taken ? 'sent' : 'not-sent' })
    } catch (error) {
      // Its worker was alive after all, and has said what became of it meanwhile.
      const [row] = await database.query<{ status: string }>('select status from goniec.message where id = $1', [id])
      if (row?.status === 'in_doubt') throw error
    }
  }
}

async function now(database: Database): Promise<Instant> {
  const [row] = await database.query<{ now: Instant }>('select goniec.now() as now')
  if (!row) throw new RangeError('the database has a clock')
  return row.now
}

/** One of the last: their mails are still to come. */
function someLead(random: Random, leads: number): string {
  return `lead${random.int(Math.floor(leads / 2), leads)}@people.example`
}
