/** Checks of the database against the mail server's record: what was sent is recorded, and the other way round; everybody is accounted for. */
import type { Database } from '../../src/database/pool.ts'
import type { Complain } from './check.ts'
import type { Accepted } from './record.ts'

interface Ledger extends Record<string, unknown> {
  id: number
  what: string
  status: string
  held: boolean
  is_out: boolean
  failed_reason: string | null
  reason: string | null
  resolved: boolean
}

/** `sent` is what the server took and nothing else; whatever it took without a word is in doubt, unless a person has looked. */
export async function checkLedger(database: Database, record: readonly Accepted[], complain: Complain): Promise<void> {
  const ledger = await database.query<Ledger>(LEDGER)
  const taken = new Map(record.map((mail) => [nameOf(mail), mail]))
  for (const { what, status } of ledger) {
    const mail = taken.get(what)
    taken.delete(what)
    if (status === 'sent' && !mail) complain(0, `${what} is called sent, and nobody has it`)
    if (mail?.answered === true && status !== 'sent') complain(mail.atMs, `${what} was accepted, and is ${status}`)
    if (mail?.answered === false && status !== 'sent' && status !== 'in_doubt')
      complain(mail.atMs, `${what} was taken without a word, and is ${status}`)
  }
  for (const [what, { atMs }] of taken) complain(atMs, `${what} was accepted, and no message is known`)
  for (const mail of ledger)
    if (!isAccountedFor(mail)) complain(0, `${mail.what} is ${mail.status} at the end, and nobody says why`)
}

/** Nothing goes before its planned time, nor later than the grace; without faults it goes at once, behind those that are due together. */
export async function checkLateness(database: Database, isCalm: boolean, complain: Complain): Promise<void> {
  const mails = await database.query<{ id: number; at_ms: number; late_ms: number }>(
    `select id, (extract(epoch from sent_at) * 1000)::float8 as at_ms, (extract(epoch from sent_at - scheduled_at) * 1000)::float8 as late_ms
     from goniec.message
     where status = 'sent' and scheduled_at is not null`,
  )
  for (const { id, at_ms: atMs, late_ms: lateMs } of mails) {
    if (lateMs < 0 || lateMs > (isCalm ? TOGETHER_MS : GRACE_MS))
      complain(atMs, `mail ${id} was ${lateMs} ms later than planned`)
  }
}

const GRACE_MS = 300_000
const TOGETHER_MS = 250

function isAccountedFor({ status, held, is_out: isOut, failed_reason: failed, reason }: Ledger): boolean {
  if (status === 'failed') return failed !== null
  if (status === 'cancelled') return reason !== null || isOut
  return status === 'sent' || status === 'in_doubt' || (status === 'pending' && (held || isOut))
}

function nameOf({ campaign, step, key, to }: Accepted): string {
  return campaign === null ? `response ${key}` : `${campaign}/${step} to ${to}`
}

const LEDGER = `
  select m.id, m.status, m.held_reason is not null as held, goniec.is_out(m) as is_out, m.failed_reason, m.slot_reason as reason,
         case m.kind when 'response' then 'response ' || m.idempotency_key else c.name || '/' || m.step_key || ' to ' || m.recipient end as what
  from goniec.message m
  left join goniec.campaign c on c.id = m.campaign_id
  order by m.id`
