/**
 * A person's word on a doubt. The decision itself is `goniec.resolve_doubt` (migrations/000007_settle.sql); here it gets its actor, and
 * the refusal its words.
 */
import { sql } from 'kysely'
import { nameActor } from '../database/actor.ts'
import type { Database, Queries } from '../database/pool.ts'
import { transactOrRehearse } from '../database/rehearse.ts'
import { assert, GoniecError } from '../errors.ts'
import { toLocalTime, type Instant } from '../time.ts'
import type { Resolution } from './resolutions.ts'
import { unknownMessage } from './unknown-message.ts'

/**
 * Resolves the doubt about a message, and returns its status afterwards: `sent`; `pending`; or `cancelled`, where it would be pending
 * but its lead or campaign is out. Refused while the attempt could still be alive. With `dryRun` it is what would be.
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
    return resolved.status
  })
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
