/** What happens next to a waiting mail, and when, by the same reckoning that claim and plan go by. */
import type { Campaign } from '../../campaigns/campaign.ts'
import { instantAt, type Instant } from '../../time.ts'
import { beyondHorizon } from './calendar.ts'
import { firstWindowFor } from './earlier.ts'
import type { GateRow, MailFacts } from './mail-facts.ts'
import type { Next, Reason } from './reason.ts'

/** A waiting mail with its gates, and the campaign that holds it. */
export interface Asked {
  facts: MailFacts
  gates: GateRow[]
  campaign: Campaign | null
  workerRuns: boolean
}

/** What comes next; null: nothing, before somebody acts. `full`: no day that is planned has a place for it. */
export function nextOf({ facts, gates, campaign }: Asked, reasons: readonly Reason[], full: boolean): Next | null {
  const { now, scheduled_at: at, window_closes_at: closes } = facts
  const [first] = reasons
  if (!first || reasons.some(({ ended_by: by }) => by === 'person') || first.code === 'campaign_cancelled') return null
  if (first.code === 'due') return { what: 'sent', at: now }
  if (first.code === 'campaign_scheduled') return { what: 'started', at: first.until ?? soon(now) }
  const shut = gates.filter(({ is_open: open }) => !open)
  if (shut.some(({ opened_by: by }) => by === 'plan' || by === 'campaign'))
    return nextPlan({ facts, gates: shut, campaign }, full)
  const opensMs = Math.max(now.epochMilliseconds, ...shut.map((gate) => exactMs(gate.opens_at)))
  const lastMs = at === null ? 0 : Math.min(at.epochMilliseconds + GRACE_MS, (closes?.epochMilliseconds ?? 0) - 1)
  return opensMs <= lastMs ? { what: 'sent', at: instantAt(opensMs) } : { what: 'planned', at: soon(now) }
}

const GRACE_MS = 300_000

/** The first whole millisecond at which it is open. */
function exactMs(at: Instant | null): number {
  if (at === null) return 0
  // Nanoseconds since 1970 are more than a number holds exactly: a division would round whole milliseconds up, now and then.
  const ms = at.epochMilliseconds
  return instantAt(ms).equals(at) ? ms : ms + 1
}

/** The plan runs within a minute; a mail that it has passed over gets no place before the days end that are planned. */
function nextPlan({ facts, gates, campaign }: Omit<Asked, 'workerRuns'>, full: boolean): Next {
  const code = gates.length === 1 ? gates[0]?.code : null
  const later =
    code === 'not_due'
      ? firstWindowFor(facts, campaign)
      : campaign && (FULL.has(code ?? '') || (code === 'not_planned' && full))
        ? beyondHorizon(campaign.calendar, facts.now)
        : null
  return later ? { what: 'later', at: later } : { what: 'planned', at: soon(facts.now) }
}

/** What the plan says of a mail that it has tried on each of its days. */
const FULL = new Set(['no_room', 'domain_limit', 'lead_taken'])

function soon(now: Instant): Instant {
  return now.add({ minutes: 1 })
}
