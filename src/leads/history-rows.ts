/** Rows of a history: names found, times and Message-IDs read; what cannot be is set aside with the reason. */
import type { Database } from '../database/pool.ts'
import { isReference } from '../delivery/message-id.ts'
import { GoniecError } from '../errors.ts'
import { didYouMean } from '../nearest.ts'
import { toJsonTime, type Instant } from '../time.ts'
import { normaliseAddress } from './address.ts'
import type { CsvRow, CsvTable } from './csv.ts'
import { readSentAt } from './sent-at.ts'

/** A row as `goniec.import_history` takes it. */
export interface HistoryRow {
  line: number
  email: string
  given: string
  campaign_id: number
  step_id: number
  sent_at: string
  message_id: string | null
  mailbox_id: number | null
  subject: string | null
}

/** What history may name. */
export interface Names {
  timeZone: string
  now: Instant
  campaigns: Map<string, { id: number; steps: { id: number; key: string; place: number | null }[] }>
  mailboxes: Map<string, number>
}

const NEEDED = ['campaign', 'step', 'sent_at']

/** Throws `csv_header` where a column is missing that every row needs. */
export function requireColumns({ name, columns, header }: CsvTable): void {
  const missing = NEEDED.filter((needed) => !columns.some(({ field }) => field === needed))
  if (missing.length === 0) return
  throw new GoniecError(
    'csv_header',
    `${name} has no column ${missing.join(', ')}; its header is: ${header.join(', ')}`,
    {
      hint: 'a history has the columns email, campaign, step, sent_at, and if known message_id, mailbox, subject',
    },
  )
}

/** Reads all names at once; there are few. */
export async function readNames(database: Pick<Database, 'query'>): Promise<Names> {
  const [installation] = await database.query<{ timezone: string; now: Instant }>(
    'select timezone, goniec.now() as now from goniec.installation',
  )
  const campaigns = await database.query<{
    name: string
    id: number
    steps: { id: number; key: string; place: number | null }[]
  }>(
    `select c.name, c.id, coalesce((
       select jsonb_agg(jsonb_build_object('id', s.id, 'key', s.key, 'place', case when s.retired_at is null then s.position end))
       from goniec.step s where s.campaign_id = c.id), '[]') as steps
     from goniec.campaign c`,
  )
  const mailboxes = await database.query<{ address: string; id: number }>('select address, id from goniec.mailbox')
  if (!installation)
    throw new GoniecError('schema_missing', 'the database has no installation', { hint: 'goniec migrate' })
  return {
    timeZone: installation.timezone,
    now: installation.now,
    campaigns: new Map(campaigns.map(({ name, ...campaign }) => [name, campaign])),
    mailboxes: new Map(mailboxes.map(({ address, id }) => [address, id])),
  }
}

/** The row as it is recorded, or why it is not. */
export function readHistoryRow(
  { line, address, fields, cells }: CsvRow,
  names: Names,
): HistoryRow | { problem: string } {
  if (!cells.every((cell) => cell.isWellFormed()))
    return { problem: 'it holds half a character: the file is damaged there' }
  const lead = normaliseAddress(address)
  if (lead.problem !== undefined) return lead
  const place = findStep(fields, names)
  if ('problem' in place) return place
  const sentAt = readSentAt(fields['sent_at'] ?? '', names.timeZone)
  if ('problem' in sentAt) return sentAt
  if (sentAt.epochMilliseconds > names.now.epochMilliseconds)
    return { problem: `${fields['sent_at']} is in the future` }
  // A time that is not known is often exported as the first of year 1, of which the database does not know the hours before: the whole batch would fail.
  if (sentAt.epochMilliseconds < 0) return { problem: `${fields['sent_at']} is before there was e-mail` }
  const mailbox = findMailbox(fields['mailbox'] ?? '', names)
  if (typeof mailbox === 'object' && mailbox !== null) return mailbox
  const messageId = readMessageId(fields['message_id'] ?? '')
  if (typeof messageId === 'object' && messageId !== null) return messageId
  return {
    line,
    email: lead.address,
    given: lead.given,
    ...place,
    sent_at: toJsonTime(sentAt),
    message_id: messageId,
    mailbox_id: mailbox,
    subject: fields['subject'] || null,
  }
}

/** A step by its key; or by its place, as a predecessor may have counted. */
function findStep(
  fields: Record<string, string>,
  { campaigns }: Names,
): Pick<HistoryRow, 'campaign_id' | 'step_id'> | { problem: string } {
  const { campaign: name = '', step: wanted = '' } = fields
  const campaign = campaigns.get(name)
  if (campaign === undefined) return { problem: `there is no campaign "${name}"${didYouMean(name, campaigns.keys())}` }
  const { steps } = campaign
  const step =
    steps.find(({ key }) => key === wanted) ?? steps.find(({ place }) => place !== null && String(place) === wanted)
  if (step !== undefined) return { campaign_id: campaign.id, step_id: step.id }
  const meant = didYouMean(wanted, steps.map(({ key }) => key)) // prettier-ignore
  return { problem: `campaign "${name}" has no step "${wanted}"${meant}` }
}

/** Null: not known, so that a follow-up may leave from any mailbox of the campaign. */
function findMailbox(given: string, { mailboxes }: Names): number | null | { problem: string } {
  if (given === '') return null
  const read = normaliseAddress(given)
  const address = read.problem === undefined ? read.address : given
  return (
    mailboxes.get(address) ?? {
      problem: `there is no mailbox ${address}${didYouMean(address, mailboxes.keys())}; leave it empty if it is none of goniec’s`,
    }
  )
}

function readMessageId(given: string): string | null | { problem: string } {
  if (given === '') return null
  const id = given.startsWith('<') ? given : `<${given}>`
  return isReference(id) ? id : { problem: `"${given.slice(0, 80)}" is not a Message-ID` }
}
