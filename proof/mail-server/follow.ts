/**
 * Sees a world through to its end: what is to be tried again is tried now and not in an hour, and each doubt is resolved by what the server
 * knows, once that is allowed. It changes planned times and back-off, as a person with rights on the tables could; nothing of the protocol.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Database } from '../../src/database/pool.ts'
import { assert } from '../../src/errors.ts'
import { resolveDoubt } from '../../src/delivery/resolve-doubt.ts'
import { hurryMails, planAnew } from '../hurry.ts'
import type { AcceptedMail } from '../oracle.ts'

export interface Followed {
  /** Doubts that there were. */
  doubts: { what: string; as: 'sent' | 'not-sent' }[]
}

export interface Following {
  /** What the server has accepted so far. */
  accepted: () => readonly AcceptedMail[]
  /** Called before each look; false: nothing is hurried now, since there is no server to try. */
  mayHurry?: () => boolean
  /** Between two looks. */
  everyMs?: number
  /** It ends where nothing happens for so long. */
  patienceMs?: number
}

/** Resolves when every mail has ended, or none has for so long. */
export async function followToTheEnd(
  database: Database,
  { accepted, mayHurry = () => true, everyMs = 150, patienceMs = 300_000 }: Following,
): Promise<Followed> {
  const doubts: Followed['doubts'] = []
  let open = ''
  let endsAtMs = performance.now() + patienceMs
  while (performance.now() < endsAtMs) {
    const rows = await database.query(OPEN)
    const now = JSON.stringify(rows)
    if (rows.length === 0) break
    if (now !== open) endsAtMs = performance.now() + patienceMs
    open = now
    if (mayHurry()) await hurry(database)
    doubts.push(...(await resolveDoubts(database, accepted)))
    await delay(everyMs)
  }
  // A worker that has not even tried was not given the time to begin.
  const [tried] = await database.query('select from goniec.attempt limit 1')
  assert(tried, `no mail was tried within ${patienceMs} ms: the machine is too busy for a proof`)
  return { doubts }
}

async function hurry(database: Pick<Database, 'query'>): Promise<void> {
  const moved = await hurryMails(database)
  const freed = await database.query(HURRY_MAILBOXES)
  if (moved + freed.length > 0) await planAnew(database)
}

async function resolveDoubts(database: Database, accepted: Following['accepted']): Promise<Followed['doubts']> {
  const ripe = await database.query<{ id: number; rfc_message_id: string; recipient: string }>(RIPE_DOUBTS)
  if (ripe.length === 0) return []
  const taken = new Set(accepted().map(({ messageId }) => messageId))
  const resolved: Followed['doubts'] = []
  for (const { id, rfc_message_id: messageId, recipient } of ripe) {
    const as = taken.has(messageId) ? 'sent' : 'not-sent'
    await resolveDoubt(database, id, { as })
    resolved.push({ what: recipient, as })
  }
  return resolved
}

const OPEN = `
  select id, status, counted_attempts, uncounted_attempts from goniec.message
  where status in ('sending', 'in_doubt') or (status = 'pending' and held_reason is null) order by id`

const HURRY_MAILBOXES = `update goniec.mailbox_gate set free_from = null where free_from > goniec.now() returning mailbox_id`

const RIPE_DOUBTS = `
  select m.id, m.rfc_message_id, m.recipient
  from goniec.message m
  join goniec.attempt a on a.message_id = m.id and a.state = 'in_doubt'
  where m.status = 'in_doubt' and a.deadline_at < goniec.now()
  order by m.id`
