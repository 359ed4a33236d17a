/** What `events` is asked for, as the database knows it: names become ids, times instants; what nobody knows is refused with the nearest. */
import { findCampaign } from '../../campaigns/campaign.ts'
import type { Database } from '../../database/pool.ts'
import { GoniecError } from '../../errors.ts'
import { normaliseAddress } from '../../leads/address.ts'
import { findMailbox } from '../../mailboxes/find.ts'
import { didYouMean } from '../../nearest.ts'
import { KNOWN_EVENT_TYPES } from '../../reports/event-words.ts'
import type { EventFilter } from '../../reports/events.ts'
import { parseDuration, type Instant } from '../../time.ts'
import { parseAt } from '../response/at.ts'

export interface EventFlags {
  campaign?: string
  lead?: string
  mailbox?: string
  type?: string[]
  since?: string
  limit?: string
  follow?: boolean
}

/** The filter; `timeZone` is that of a local time. */
export async function readFilter(database: Database, flags: EventFlags, timeZone: string): Promise<EventFilter> {
  const { campaign, lead, mailbox, type, since } = flags
  return {
    campaignId: campaign === undefined ? undefined : (await findCampaign(database, campaign)).id,
    leadId: lead === undefined ? undefined : await findLead(database, lead),
    mailboxId: mailbox === undefined ? undefined : (await findMailbox(database, mailbox)).id,
    types: type?.flatMap((given) => given.split(',')).map(parseType),
    since: since === undefined ? undefined : await parseSince(database, since, timeZone),
  }
}

async function findLead(database: Database, given: string): Promise<number> {
  const read = normaliseAddress(given)
  if (read.problem !== undefined) throw new GoniecError('usage', `--lead: ${read.problem}`, { exitCode: 2 })
  const [found] = await database.query<{ id: number }>('select id from goniec.lead where email = $1', [read.address])
  if (found) return found.id
  throw new GoniecError('lead_unknown', `there is no lead ${read.address}`, { hint: 'goniec events --since 1d' })
}

/** `2h`: since so long; or a time. */
async function parseSince(database: Database, given: string, timeZone: string): Promise<Instant> {
  const ms = parseDuration(given)
  if (ms === undefined) return parseAt(given, timeZone, '--since')
  const [row] = await database.query<{ at: Instant }>(`select goniec.now() - $1 * interval '1 millisecond' as at`, [ms])
  return row?.at ?? parseAt(given, timeZone, '--since')
}

function parseType(text: string): string {
  const type = text.trim()
  if (KNOWN_EVENT_TYPES.includes(type)) return type
  throw new GoniecError('usage', `there are no events "${type}"${didYouMean(type, KNOWN_EVENT_TYPES)}`, {
    hint: `one of ${KNOWN_EVENT_TYPES.join(', ')}`,
    exitCode: 2,
  })
}
