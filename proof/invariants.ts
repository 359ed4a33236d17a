/**
 * What must hold of a world when a run is over, from the mail server's record and the ledger. Each thing that is broken is a sentence;
 * `tests/proof/invariants.test.ts` breaks every one of them on purpose.
 *
 * The record decides what went out. The ledger is held against it, and then against itself: every check of `goniec audit`, which also sees
 * that limits, gaps, delays, windows, pauses and suppressions held at each fence.
 */
import { audit } from '../src/reports/audit/audit.ts'
import { readDoubts } from '../src/reports/doubts.ts'
import type { Database } from '../src/database/pool.ts'
import type { Instant } from '../src/time.ts'
import { hashOfKept, type Kept } from './ledger-bytes.ts'
import type { AcceptedMail } from './oracle.ts'

export interface FinishedWorld {
  database: Pick<Database, 'query' | 'transaction'>
  accepted: readonly AcceptedMail[]
  /** What makes two mails the same one for the person who gets them; recipient and subject, unless the world says otherwise. */
  sameness?: (mail: AcceptedMail) => string
  /** Nothing befell this world that could leave a doubt. */
  faultless?: boolean
  /** Everything was due: nothing may be pending at the end, unless it was set aside with a reason. */
  allDue?: boolean
  /** Who was told that something is stopped, and when: nothing of it may pass its fence after that. */
  stops?: readonly Stop[]
  /** Checks of the audit that cannot hold in such a world. */
  excused?: readonly string[]
}

/** A pause or suppression that had returned to whoever asked for it, by the database's clock. */
export interface Stop {
  of: 'all' | 'campaign' | 'mailbox' | 'recipient'
  /** The campaign's name, or the address; of `all` nothing. */
  name?: string
  from: Instant
  /** Without it, for good. */
  until?: Instant
}

interface Entry extends Kept {
  id: number
  what: string
  status: string
  message_id: string | null
  is_kept: boolean
  /** The database had forgotten it, content and all, and knows of it by a logbook only. */
  is_recalled: boolean
  /** Of a mail that has not ended, or ended unsent: what accounts for it; null where nothing does. */
  account: string | null
  is_held: boolean
  is_due: boolean
}

/** What is broken in this world, a sentence each; empty where nothing is. */
export async function checkFinished(world: FinishedWorld): Promise<string[]> {
  const { database, accepted, faultless = false, allDue = false, stops = [], excused = [] } = world
  const ledger = await database.query<Entry & Record<string, unknown>>(LEDGER)
  return [
    ...twiceIn(world),
    ...disagreements(accepted, ledger),
    ...unaccounted(ledger, allDue),
    ...(faultless
      ? ledger
          .filter(({ status }) => status === 'in_doubt')
          .map(({ what }) => `${what} is in doubt, and nothing had gone wrong`)
      : []),
    ...(await otherBytes(accepted, ledger)),
    ...(await unlistedDoubts(database, ledger)),
    ...(await unfinishedAttempts(database)),
    ...(await passedLate(database)),
    ...(await passedAfter(database, stops)),
    ...(await brokenChecks(database, excused)),
  ]
}

/** How many mails are in doubt. */
export async function countDoubts(database: Pick<Database, 'query'>): Promise<number> {
  const [row] = await database.query<{ doubts: number }>(
    `select count(*)::int as doubts from goniec.message where status = 'in_doubt'`,
  )
  return row?.doubts ?? 0
}

function twiceIn({ accepted, sameness = ({ to, subject }) => `"${subject}" to ${to}` }: FinishedWorld): string[] {
  const byMail = [...Map.groupBy(accepted, sameness)].map(([what, mails]) => ({ what, mails }))
  const byId = [...Map.groupBy(accepted, ({ messageId }) => messageId)].map(([what, mails]) => ({ what, mails }))
  return [...byMail, ...byId]
    .filter(({ mails }) => mails.length > 1)
    .map(({ what, mails }) => `${what} was accepted ${mails.length} times: ${mails.map(({ at }) => at).join(', ')}`)
}

function disagreements(accepted: readonly AcceptedMail[], ledger: readonly Entry[]): string[] {
  const byId = new Map(ledger.map((entry) => [entry.message_id, entry]))
  const taken = new Set(accepted.map(({ messageId }) => messageId))
  const untold = accepted.flatMap(({ messageId, to }) => {
    const entry = byId.get(messageId)
    if (!entry) return [`${messageId} to ${to} was accepted, and no message is known`]
    if (entry.recipient !== to)
      return [`${messageId} was accepted for ${to}, and ${entry.what} is meant for ${entry.recipient}`]
    return entry.status === 'sent' || entry.status === 'in_doubt'
      ? []
      : [`${entry.what} was accepted, and is ${entry.status}`]
  })
  const untrue = ledger.filter(({ status, message_id: id }) => status === 'sent' && !taken.has(id ?? ''))
  return [...untold, ...untrue.map(({ what }) => `${what} is called sent, and the server never accepted it`)]
}

function unaccounted(ledger: readonly Entry[], allDue: boolean): string[] {
  return ledger.flatMap(({ what, status, account, is_held: isHeld, is_due: isDue }) => {
    if (status === 'sending') return [`${what} is still called sending`]
    if (status === 'pending' && !isHeld && allDue)
      return [`${what} is pending at the end (${account ?? 'without a reason'}), and everything was due`]
    if (status === 'pending' && !isHeld && isDue) return [`${what} is due, and nobody has taken it`]
    return account === null ? [`${what} is ${status}, and nothing says why`] : []
  })
}

async function otherBytes(accepted: readonly AcceptedMail[], ledger: readonly Entry[]): Promise<string[]> {
  const byId = new Map(ledger.map((entry) => [entry.message_id, entry]))
  const complaints = await Promise.all(
    accepted.map(async ({ messageId, sha256 }) => {
      const entry = byId.get(messageId)
      if (!entry) return []
      if (!entry.is_kept && entry.is_recalled) return []
      if (!entry.is_kept) return [`of ${entry.what}, which was accepted, no content is kept`]
      return (await hashOfKept(entry)) === sha256
        ? []
        : [`${entry.what} was accepted with other bytes than the ledger keeps`]
    }),
  )
  return complaints.flat()
}

async function unlistedDoubts(database: FinishedWorld['database'], ledger: readonly Entry[]): Promise<string[]> {
  const listed = new Set((await readDoubts(database)).map(({ id }) => id))
  return ledger
    .filter(({ id, status }) => status === 'in_doubt' && !listed.has(id))
    .map(({ what }) => `${what} is in doubt, and is not listed`)
}

async function unfinishedAttempts(database: FinishedWorld['database']): Promise<string[]> {
  const left = await database.query<{ id: number; state: string }>(
    `select id, state from goniec.attempt where state in ('claimed', 'transmitting') order by id`,
  )
  return left.map(({ id, state }) => `attempt ${id} is still ${state}`)
}

async function passedLate(database: FinishedWorld['database']): Promise<string[]> {
  const late = await database.query<{ id: number }>(
    `select id from goniec.attempt where transmitting_at > lease_until order by id`,
  )
  return late.map(({ id }) => `attempt ${id} passed its fence when it was no longer its worker’s`)
}

async function passedAfter(database: FinishedWorld['database'], stops: readonly Stop[]): Promise<string[]> {
  const complaints = await Promise.all(
    stops.map(async ({ of, name = '', from, until }) => {
      const passed = await database.query<{ id: number }>(PASSED_AFTER, [of, name, from, until ?? null])
      return passed.map(({ id }) => `attempt ${id} passed its fence although stopped: ${of} ${name}`)
    }),
  )
  return complaints.flat()
}

/** What `goniec audit` finds, a sentence for each check that does not hold; but for those that cannot hold in such a world. */
export async function brokenChecks(
  database: FinishedWorld['database'],
  excused: readonly string[] = [],
): Promise<string[]> {
  const broken = (await audit(database)).filter(({ name, ok }) => !ok && !excused.includes(name))
  return broken.map(
    ({ name, total, violations }) =>
      `the audit finds ${total} rows that break ${name}: ${JSON.stringify(violations[0])}`,
  )
}

const LEDGER = `
  select m.id, m.status, m.recipient, m.is_test, b.address as mailbox, b.name as mailbox_name, b.unsubscribe_address,
         k.subject, k.text, k.html, k.headers, k.message_id is not null as is_kept,
         exists (select from goniec.recalled_mail r where r.message_id = m.id and r.became is not null) as is_recalled, mm.attachments,
         coalesce(k.headers ->> 'message-id', m.rfc_message_id) as message_id,
         case m.kind when 'response' then 'response ' || m.idempotency_key else c.name || '/' || m.step_key || ' to ' || m.recipient end as what,
         -- A response to somebody who was blocked meanwhile waits for whoever did that (docs/decisions/blocked-is-held.md); no campaign ends with it.
         m.held_reason is not null or (m.kind = 'response' and goniec.is_out(m)) as is_held,
         coalesce(m.scheduled_at <= goniec.now(), false) as is_due,
         case
           when m.status in ('sent', 'in_doubt') then m.status
           when m.status = 'failed' then m.failed_reason
           when m.held_reason is not null then m.held_reason
           when goniec.is_out(m) then 'out'
           when m.status = 'pending' and m.scheduled_at is not null then concat_ws(' ', 'planned for', m.scheduled_at, m.slot_reason)
           else m.slot_reason
         end as account
  from goniec.message m
  left join goniec.campaign c on c.id = m.campaign_id
  left join goniec.message_content k on k.message_id = m.id
  left join goniec.attempt a on a.id = k.attempt_id
  left join goniec.mailbox b on b.id = a.mailbox_id
  left join goniec.message_material mm on mm.message_id = m.id
  order by m.id`

const PASSED_AFTER = `
  select a.id
  from goniec.attempt a
  join goniec.message m on m.id = a.message_id
  join goniec.mailbox b on b.id = a.mailbox_id
  left join goniec.campaign c on c.id = a.campaign_id
  where a.transmitting_at > $3::timestamptz and a.transmitting_at < coalesce($4::timestamptz, 'infinity')
    and case $1::text
          when 'all' then true
          when 'campaign' then c.name = $2::text
          when 'mailbox' then b.address = $2::text
          else $2::text in (m.recipient, goniec.domain_of(m.recipient))
        end
  order by a.id`
