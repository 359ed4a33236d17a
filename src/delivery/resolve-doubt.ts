/**
 * A person's word on a doubt. The decision itself is `goniec.resolve_doubt` (migrations/000007_settle.sql); here it gets its actor, and
 * the refusal its words.
 */
import { CompiledQuery, sql } from 'kysely'
import { sweepRetired } from '../campaigns/apply/sweep-retired.ts'
import { nameActor } from '../database/actor.ts'
import type { Database, Queries } from '../database/pool.ts'
import { transactOrRehearse } from '../database/rehearse.ts'
import { assert, GoniecError } from '../errors.ts'
import { toLocalTime, type Instant } from '../time.ts'
import type { Resolution } from './resolutions.ts'
import { unknownMessage } from './unknown-message.ts'

/**
 * Resolves the doubt about a message, and returns its status afterwards: `sent`; `pending`; or `cancelled`, where it would be pending
 * but its lead, step or campaign is out. Refused while the attempt could still be alive. With `dryRun` it is what would be.
 */
export async function resolveDoubt(
  database: Database,
  id: number,
  { as, dryRun = false }: { as: Resolution; dryRun?: boolean },
): Promise<string> {
  return transactOrRehearse(database, { dryRun }, async (tx) => {
    await nameActor(tx)
    await refuseWhileAlive(tx, id)
    const { rows } = await sql<{ status: string }>`
      select goniec.resolve_doubt(${id}, ${as}) as status, pg_notify('goniec', 'plan')`.execute(tx)
    const [resolved] = rows
    assert(resolved, 'resolving a doubt says what became of it')
    return resolved.status === 'pending' ? await withoutItsStep(tx, id) : resolved.status
  })
}

/** Its step may have been taken out of the campaign while nobody knew: then it is cancelled, and its lead goes on. Returns the status. */
async function withoutItsStep(tx: Queries, id: number): Promise<string> {
  const { rows } = await sql<{ campaign_id: number }>`
    select m.campaign_id from goniec.message m join goniec.step s on s.id = m.step_id
    where m.id = ${id} and s.retired_at is not null`.execute(tx)
  const [retired] = rows
  if (!retired) return 'pending'
  const query: Database['query'] = async (text, values = []) =>
    (await tx.executeQuery(CompiledQuery.raw(text, [...values]))).rows as never
  await sweepRetired({ query }, retired.campaign_id)
  const { rows: swept } = await sql<{ status: string }>`select status from goniec.message where id = ${id}`.execute(tx)
  return swept[0]?.status ?? 'pending'
}

interface DoubtfulAttempt {
  status: string
  recipient: string
  alive_until: Instant | null
  timezone: string
}

/** The database refuses the same; it knows no local times, and cannot tell a mail that was sent from one that is still under way. */
async function refuseWhileAlive(tx: Queries, id: number): Promise<void> {
  const { rows } = await sql<DoubtfulAttempt>`
    select m.status, m.recipient, i.timezone, case when a.deadline_at > goniec.now() then a.deadline_at end as alive_until
    from goniec.message m
    cross join goniec.installation i
    left join goniec.attempt a on a.message_id = m.id and a.state = 'in_doubt'
    where m.id = ${id}`.execute(tx)
  const [message] = rows
  if (!message) throw unknownMessage(id)
  const { status, recipient, alive_until: until, timezone } = message
  if (status !== 'in_doubt') {
    throw new GoniecError('not_in_doubt', `message ${id} to ${recipient} is ${status}, not in doubt`, {
      hint: 'goniec doubt list',
    })
  }
  if (until === null) return
  throw new GoniecError(
    'doubt_alive',
    `the attempt at message ${id} could still be alive until ${toLocalTime(until, timezone, { seconds: true })} (${timezone})`,
    { hint: 'wait until then: a late answer of the server may still settle it by itself' },
  )
}
