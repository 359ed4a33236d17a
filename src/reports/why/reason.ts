/** What `goniec why` says: reasons, each with its end and what to do; and what happens next. */
import type { Instant } from '../../time.ts'

export interface Reason {
  /** Plain and stable, as in `queue list`. */
  code: string
  /** A sentence for people, without a full stop. */
  text: string
  /** When it ends; null: not by time. */
  until: Instant | null
  /** What a person can do about it, most often a command; null: nothing but wait. */
  todo: string | null
  /** What ends it: a person, the campaign's own life, the next plan, time, or another mail's end. */
  ended_by: 'person' | 'campaign' | 'plan' | 'time' | 'mail'
}

/** What happens next to a mail. */
export interface Next {
  /**
   * `sent`: a worker takes it then. `planned`: the plan looks for a place for it, by then at the latest. `later`: the days that are planned have
   * no place for it, so that it goes no earlier. `started`: its campaign starts. `answered`: the attempt that is open has ended by then.
   */
  what: 'sent' | 'planned' | 'later' | 'started' | 'answered'
  at: Instant
}

const LASTS = ['person', 'campaign', 'plan', 'time', 'mail'] as const

/** The one that ends last first: a mail goes when all have ended. Of equal ones the order they are given in stays. */
export function byEnd(one: Reason, other: Reason): number {
  const byKind = LASTS.indexOf(one.ended_by) - LASTS.indexOf(other.ended_by)
  if (byKind !== 0) return byKind
  return (other.until?.epochMilliseconds ?? Infinity) - (one.until?.epochMilliseconds ?? Infinity) || 0
}
