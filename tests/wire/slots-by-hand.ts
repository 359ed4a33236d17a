/** Slots laid by hand, where a test is about what the claim refuses: the plan, which knows every limit too, would not lay them. */
// What nothing tells of is asked again and again.
import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from 'pg'
import { assert } from '../../src/errors.ts'
import type { Instant } from '../../src/time.ts'
import type { TestDatabase } from '../support/database.ts'
import { World } from '../support/world.ts'

/** Keeps every plan waiting until the test is over: slots stay as they are laid. */
export async function holdPlan(database: TestDatabase): Promise<void> {
  const session = await database.session()
  await session.query(`select pg_advisory_lock(goniec.lock_key('plan'))`)
}

/** Puts each campaign mail that is pending on its lead's mailbox (the first lead's on the first, and round again), due in the order of their ids. */
export async function layByHand(database: TestDatabase, where = 'true'): Promise<void> {
  await database.query('select goniec.make_day_rows(2)')
  await database.query(
    `update goniec.message m
     set mailbox_id = b.id, scheduled_at = goniec.now() - interval '1 minute' + m.id * interval '1 millisecond',
         window_closes_at = goniec.now() + interval '6 hours', planned_campaign_version = c.version, planned_mailbox_version = b.version
     from goniec.campaign c, goniec.mailbox b
     where c.id = m.campaign_id and m.kind = 'campaign' and m.status = 'pending' and ${where}
       and b.id = 1 + (m.lead_id - 1) % (select count(*) from goniec.mailbox)`,
  )
  await database.query(`select pg_notify('goniec', 'dispatch')`)
}

/** The address of the last mail. */
export const LAST = 'last@klient.example'

/**
 * A mail that shares nothing with any other, due at once. When the server has it, every claim has looked at whatever else was due before,
 * and when nothing is under way any more, what could be sent was.
 */
export async function sendLast(database: TestDatabase, smtpPort: number): Promise<void> {
  const world = new World(database.pool, await clock(database))
  await world.salesperson()
  await world.mailbox({ smtp_port: smtpPort })
  await world.campaign()
  await world.mail({ lead: await world.lead({ email: LAST }) })
  await database.query(`select pg_notify('goniec', 'dispatch')`)
}

async function clock(database: TestDatabase): Promise<Instant> {
  const [row] = await database.query<{ now: Instant }>('select goniec.now() as now')
  assert(row, 'the database has a clock')
  return row.now
}

/**
 * Waits until nothing more can go: the youngest worker has nothing under way, a claim takes nothing and knows of nothing that opens within the
 * minute, and nobody has claimed between the two: what ends just then lets the next mail go. A claim that takes something is taken back; one
 * that takes nothing stands, so that what it has set aside is seen, whichever claim comes to it first.
 */
export async function untilNothingGoes(database: TestDatabase): Promise<void> {
  const session = await database.session()
  for (;;) {
    const before = await attempts(session)
    const goesNothing = await claimsNothing(session)
    const after = await attempts(session)
    if (goesNothing && before.live === 0 && after.live === 0 && before.made === after.made) return
    // Nothing tells of it.
    await delay(20)
  }
}

async function claimsNothing(session: Client): Promise<boolean> {
  await session.query('begin')
  const { rows } = await session.query<{ status: string; soon: boolean | null }>(
    `select c ->> 'status' as status, (c ->> 'next_at')::timestamptz < goniec.now() + interval '1 minute' as soon
     from (select goniec.claim(max(id), 10, '1 min', '1 min') as c from goniec.incarnation) as claimed`,
  )
  const [claimed] = rows
  assert(claimed, 'a claim has one answer')
  await session.query(claimed.status === 'nothing' ? 'commit' : 'rollback')
  return claimed.status === 'nothing' && claimed.soon !== true
}

async function attempts(session: Client): Promise<{ live: number; made: number }> {
  const { rows } = await session.query<{ live: number; made: number }>(
    `select count(*) filter (where a.state in ('claimed', 'transmitting') and a.incarnation_id = (select max(id) from goniec.incarnation)) as live,
            count(*) as made
     from goniec.attempt a`,
  )
  const [row] = rows
  assert(row, 'a count is one row')
  return row
}
