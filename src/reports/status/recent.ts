/** What happened last, for somebody who looks on: without the steps in between of each mail, and what happened to many at once in one line. */
import type { Database } from '../../database/pool.ts'
import type { Instant } from '../../time.ts'
import { queryEvents, type RecordedEvent } from '../events.ts'

export interface RecentEvent extends RecordedEvent {
  /** So many of this kind in a row, of which this is the last one. */
  times: number
  /** The first of them. */
  since: Instant
}

/** How many events are read for the few that are shown. */
const MOST_READ = 300

/** The last `most`, newest first. */
export async function readRecent(database: Pick<Database, 'query'>, most: number): Promise<RecentEvent[]> {
  const events = await queryEvents(database, LAST, [MOST_READ])
  return fold(events.filter(isTelling).reverse()).slice(0, most)
}

const LAST = 'select e.* from goniec.event e order by e.id desc limit $1'

/** A mail is taken, passes its fence, is accepted and is sent: the last says it all. */
function isTelling({ type, data }: RecordedEvent): boolean {
  return type !== 'claimed' && type !== 'fenced' && !(type === 'settled' && data['state'] === 'accepted')
}

/** Joins neighbours that say the same of different mails. Newest first; of several campaigns none is named. */
export function fold(events: readonly RecordedEvent[]): RecentEvent[] {
  const folded: RecentEvent[] = []
  for (const event of events) {
    const last = folded.at(-1)
    if (last && last.type === event.type && FOLDED.has(event.type)) {
      last.times += 1
      last.since = event.at
      if (last.campaign !== event.campaign) last.campaign = null
    } else folded.push({ ...event, times: 1, since: event.at })
  }
  return folded
}

const FOLDED = new Set([
  'planned',
  'moved',
  'withdrawn',
  'cancelled',
  'imported',
  'released',
  'lead_blocked',
  'suppressed',
])
