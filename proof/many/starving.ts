/** Whether every campaign got its turns: how many mails of others were accepted between two of its own, pauses aside. */
import type { Database } from '../../src/database/pool.ts'
import { Temporal } from '../../src/time.ts'
import type { Stop } from '../invariants.ts'
import type { AcceptedMail } from '../oracle.ts'

/** A fifth of all: its share would be every fifth mail, follow-ups of others go first, and what is killed loses a lease. With one campaign after the other the last would wait for four fifths. */
const MOST_OF_OTHERS = 400

/** Campaigns that were passed over for longer than that, while they ran and had mail. */
export async function starving(
  database: Pick<Database, 'query'>,
  accepted: readonly AcceptedMail[],
  stops: readonly Stop[],
  campaigns: number,
): Promise<string[]> {
  const rows = await database.query<{ id: string; campaign: string }>(
    `select m.rfc_message_id as id, c.name as campaign
     from goniec.message m join goniec.campaign c on c.id = m.campaign_id where m.kind = 'campaign' and m.rfc_message_id is not null`,
  )
  const campaignOf = new Map(rows.map(({ id, campaign }) => [id, campaign]))
  return Array.from({ length: campaigns }, (_, index) => `campaign-${index + 1}`).flatMap((name) => {
    const own = accepted.flatMap(({ messageId }, place) => (campaignOf.get(messageId) === name ? [place] : []))
    const waits = own.flatMap((place, index) => {
      const before = index === 0 ? 0 : (own[index - 1] ?? 0)
      return wasPaused(accepted[before], accepted[place], name, stops) ? [] : [place - before]
    })
    const longest = Math.max(0, ...waits)
    if (own.length === 0) return [`${name} sent nothing`]
    return longest > MOST_OF_OTHERS ? [`${name} waited while ${longest} mails of others were accepted`] : []
  })
}

function wasPaused(
  from: AcceptedMail | undefined,
  to: AcceptedMail | undefined,
  name: string,
  stops: readonly Stop[],
): boolean {
  if (!from || !to) return false
  const [begin, end] = [Temporal.Instant.from(from.at), Temporal.Instant.from(to.at)]
  return stops.some(
    (stop) =>
      stop.of === 'campaign' &&
      stop.name === name &&
      Temporal.Instant.compare(stop.from, end) < 0 &&
      (stop.until === undefined || Temporal.Instant.compare(stop.until, begin) > 0),
  )
}
