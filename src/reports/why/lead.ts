/** Why a lead gets no mail, or when: each of its open mails explained, and of each campaign without an open one what became of it. */
import { shellWord } from '../../campaigns/campaign.ts'
import type { Database } from '../../database/pool.ts'
import { GoniecError } from '../../errors.ts'
import { normaliseAddress } from '../../leads/address.ts'
import { nearAddresses } from '../../leads/near-addresses.ts'
import { didYouMean, nearest } from '../../nearest.ts'
import type { Instant } from '../../time.ts'
import { describeReason } from '../reason-words.ts'
import { isAnyWorkerRunning } from '../status/workers.ts'
import { cancelledWords, retryOf } from './fate.ts'
import { isOver, leadMark, suppressedBy, type MailFacts } from './mail-facts.ts'
import { explainMails, type MailWhy } from './mail.ts'
import type { Next, Reason } from './reason.ts'

export interface LeadWhy {
  lead: string
  sendable: boolean
  worker_runs: boolean
  reasons: Reason[]
  next: Next | null
  /** Its open mails. */
  mails: MailWhy[]
  /** Campaigns in which nothing of it is open. */
  ended: { campaign: string; code: string; text: string; todo: string | null }[]
}

/** Explains the lead of this address. */
export async function explainLead(database: Pick<Database, 'query'>, given: string): Promise<LeadWhy> {
  const { id, email } = await findLead(database, given)
  const open = await database.query<{ id: number }>(
    `select m.id from goniec.message m where m.lead_id = $1 and m.status in ('pending', 'sending', 'in_doubt') order by m.id limit 50`,
    [id],
  )
  const mails = await explainMails(
    database,
    open.map((row) => row.id),
  )
  const ended = (await database.query<Ended & Record<string, unknown>>(ENDED, [id])).map(toEnded)
  const next = mails
    .flatMap((mail) => mail.next ?? [])
    .toSorted((one, other) => one.at.epochMilliseconds - other.at.epochMilliseconds)[0]
  const reasons = mails.length > 0 ? mails.flatMap((mail) => mail.reasons) : reasonsOfNone(email, ended)
  return {
    lead: email,
    sendable: mails.some(({ sendable }) => sendable),
    worker_runs: mails[0]?.worker_runs ?? (await isAnyWorkerRunning(database)),
    reasons,
    next: next ?? null,
    mails,
    ended,
  }
}

function reasonsOfNone(email: string, ended: LeadWhy['ended']): Reason[] {
  const none = {
    code: 'not_enrolled',
    text: `${email} is in no campaign`,
    todo: 'goniec lead import CSV --campaign NAME',
  }
  const said = ended.map(({ campaign, code, text, todo }) => ({ code, text: `${campaign}: ${text}`, todo }))
  return (said.length > 0 ? said : [none]).map((it) => ({ ...it, until: null, ended_by: 'person' }))
}

interface Ended {
  campaign: string
  campaign_status: string
  removed_at: Instant | null
  mark: MailFacts['lead_mark']
  status: string | null
  step: string | null
  id: number | null
  is_last: boolean
  slot_reason: string | null
  failed_reason: string | null
  email: string
  suppressed_by: string | null
  is_over: boolean
}

function toEnded(row: Ended): LeadWhy['ended'][number] {
  const { campaign } = row
  const end = (code: string, text: string, todo: string | null = null): LeadWhy['ended'][number] => ({
    campaign,
    code,
    text,
    todo,
  })
  if (row.removed_at !== null) return end('lead_removed', 'it was taken out of the campaign')
  if (row.status === 'failed')
    return end(
      'failed',
      `step ${row.step} failed: ${row.failed_reason}`,
      retryOf({ ...row, lead: row.email, lead_mark: row.mark }),
    )
  // A block ends nothing: what it holds goes on when it is lifted.
  if (row.mark !== null && row.mark !== 'blocked')
    return end(
      `lead_${row.mark}`,
      `the sequence ended: ${describeReason(`lead_${row.mark}`)}`,
      `by mistake: goniec lead unblock ${shellWord(row.email)} --${row.mark}`,
    )
  if (row.campaign_status === 'cancelled') return end('campaign_cancelled', 'the campaign is cancelled')
  if (row.status === 'cancelled')
    return end(row.slot_reason ?? 'cancelled', `step ${row.step} ${cancelledWords(row.slot_reason)}`)
  if (row.status === 'sent' && row.is_last)
    return end('finished', `the sequence is finished: step ${row.step} was its last`)
  return end(
    'nothing_waits',
    row.step === null ? 'no mail was made for it' : `nothing follows step ${row.step} at present`,
  )
}

/** Of each enrollment without an open mail the last mail, and whether a step follows. */
const ENDED = `
  select c.name as campaign, c.status as campaign_status, e.removed_at, l.email,
    ${leadMark('true')} as mark, ${suppressedBy('l.email')} as suppressed_by, ${isOver('c', 'e.id')} as is_over,
    last.id, last.status, last.step_key as step, last.slot_reason, last.failed_reason,
    not exists (select from goniec.step s where s.campaign_id = c.id and s.retired_at is null and s.position > last.position) as is_last
  from goniec.enrollment e
  join goniec.lead l on l.id = e.lead_id
  join goniec.campaign c on c.id = e.campaign_id
  left join lateral (
    select m.id, m.status, m.step_key, m.slot_reason, m.failed_reason, s.position
    from goniec.message m join goniec.step s on s.id = m.step_id
    where m.lead_id = e.lead_id and m.enrollment_id = e.id and m.kind = 'campaign'
    order by m.id desc limit 1
  ) as last on true
  where e.lead_id = $1
    and not exists (select from goniec.message m where m.lead_id = e.lead_id and m.enrollment_id = e.id and m.status in ('pending', 'sending', 'in_doubt'))
  order by e.id`

async function findLead(database: Pick<Database, 'query'>, given: string): Promise<{ id: number; email: string }> {
  const read = normaliseAddress(given)
  const email = read.problem === undefined ? read.address : given.trim().toLowerCase()
  const [found] = await database.query<{ id: number; email: string }>(
    'select id, email from goniec.lead where email = $1',
    [email],
  )
  if (found) return found
  const known = await nearAddresses(database, email)
  const meant = nearest(email, known)
  throw new GoniecError('lead_unknown', `there is no lead "${given}"${didYouMean(email, known)}`, {
    hint: meant === undefined ? 'goniec lead import CSV --campaign NAME' : `goniec why ${shellWord(meant)}`,
  })
}
