/**
 * Why a mail is not planned for an earlier time: what the plan said when it passed over each day before. It reckons nothing by itself: windows,
 * holidays and due times are the plan's own functions, limits what the plan stored of each day.
 */
import type { Campaign } from '../../campaigns/campaign.ts'
import type { Database } from '../../database/pool.ts'
import type { BindingCode } from '../../schedule/binding.ts'
import { dueMsOf } from '../../schedule/due.ts'
import { windowsOf, type SendingWindow } from '../../schedule/windows.ts'
import { instantAt, writeDuration, type Instant } from '../../time.ts'
import { dayAt, firstOpening, HORIZON_DAYS, local, whyClosed } from './calendar.ts'
import { dayReason, isUsable, nothingEver } from './day-words.ts'
import { readBindings, readFullDays, readMailboxStates, type MailFacts } from './mail-facts.ts'
import type { Reason } from './reason.ts'

export interface Earlier {
  reasons: Reason[]
  /** No day that is planned has a place for it. */
  full: boolean
}

/** What keeps a mail from going before `planned` (null: it has no place on the days that are planned), longest first. */
export async function whyNotEarlier(
  database: Pick<Database, 'query'>,
  facts: MailFacts,
  { campaign, planned }: { campaign: Campaign | null; planned: Instant | null },
): Promise<Earlier> {
  const due = dueOf(facts)
  const waits = due && due.epochMilliseconds > facts.now.epochMilliseconds ? [whyNotDue(facts, due)] : []
  if (!campaign) return { reasons: waits, full: false }
  const from = waits.length > 0 && due ? due : facts.now
  const passed = daysBefore(campaign, from, planned)
  const full = await whyFull(database, facts, { campaign, passed, planned })
  const closed = waits.length === 0 ? whyClosed(campaign, facts.now) : null
  return { reasons: [...full.reasons, ...waits, ...(closed ? [closed] : [])], full: full.full }
}

/** From when on it may go at all, by the plan's own reckoning; null: nothing bounds it. */
function dueOf({
  not_before: notBefore,
  follows_at: follows,
  wait_days: days,
  wait_ms: ms,
  timezone,
}: MailFacts): Instant | null {
  const dueMs = dueMsOf(
    {
      notBeforeMs: notBefore?.epochMilliseconds ?? null,
      follows: follows && { sentAtMs: follows.epochMilliseconds, wait: days === null ? { ms: ms ?? 0 } : { days } },
    },
    timezone,
  )
  return Number.isFinite(dueMs) ? instantAt(dueMs) : null
}

function whyNotDue(facts: MailFacts, due: Instant): Reason {
  const { not_before: notBefore, timezone, counted_attempts: tries, response, follows_at: follows, kind } = facts
  const until = local(due, timezone)
  const reason = (code: string, text: string): Reason => ({ code, text, until: due, todo: null, ended_by: 'time' })
  if (notBefore === null || notBefore.epochMilliseconds < due.epochMilliseconds) {
    const wait = facts.wait_days === null ? writeDuration(facts.wait_ms ?? 0) : `${facts.wait_days}d`
    return reason(
      'follow_up_wait',
      `it follows the mail of ${follows && local(follows, timezone)} after ${wait}: not before ${until}`,
    )
  }
  if (tries > 0 || kind === 'campaign') {
    const said = response === null ? '' : `, the last answer was “${response}”`
    return reason(
      'retry_wait',
      `${tries === 0 ? 'it waits' : `it was tried ${times(tries)}`}${said}; it is tried again not before ${until}`,
    )
  }
  return reason(
    'asked_for_later',
    `${kind === 'response' ? 'the response was' : 'it was'} asked for not before ${until}`,
  )
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`
}

/** The sending days that were passed over: between an instant and the planned time, or all that are planned. */
function daysBefore({ calendar }: Campaign, from: Instant, planned: Instant | null): SendingWindow[] {
  const { timeZone } = calendar
  const until = planned === null ? null : dayAt(planned, timeZone)
  return windowsOf(calendar, dayAt(from, timeZone), HORIZON_DAYS).filter(
    ({ day, closesMs }) => closesMs > from.epochMilliseconds && (until === null || day < until),
  )
}

interface Passed {
  campaign: Campaign
  passed: readonly SendingWindow[]
  planned: Instant | null
}

/** One reason for each limit that kept it from a day, with the days. */
async function whyFull(
  database: Pick<Database, 'query'>,
  facts: MailFacts,
  { campaign, passed, planned }: Passed,
): Promise<Earlier> {
  if (passed.length === 0) return { reasons: [], full: false }
  const days = passed.map(({ day }) => day)
  const own = facts.bound_mailbox_id === null ? null : await readFullDays(database, facts.bound_mailbox_id, passed)
  const bindings = await readBindings(database, campaign.id)
  const mailboxes = await readMailboxStates(database, campaign.id, facts.bound_mailbox_id)
  const codes = days.map((day) => ({ day, code: own?.get(day)?.code ?? bindings.get(day) ?? 'all_planned' }))
  const reasons: Reason[] = []
  for (const [code, on] of Map.groupBy(codes, (it) => it.code)) {
    // The plan said so of a day before a mailbox was brought back.
    const isBack = code === 'no_usable_mailbox' && planned === null && mailboxes.some(isUsable)
    if (code === 'all_planned' || isBack || isOfOthers(code, facts)) continue
    const last = on.at(-1)?.day ?? ''
    const after = windowsOf(campaign.calendar, last, 2).find(({ day }) => day > last)
    const bound = own?.get(last)?.code === code ? own.get(last) : undefined
    const today = dayAt(facts.now, facts.timezone)
    const about = { days: on.map(({ day }) => day), today, mailboxes, bound: bound?.most }
    const never = planned === null ? nothingEver(code, facts, about) : null
    if (never) {
      reasons.push({ code, ...never, until: null, ended_by: 'person' })
      continue
    }
    reasons.push({
      code,
      ...dayReason(code, facts, about),
      until: after ? instantAt(after.opensMs) : planned,
      ended_by: code === 'no_usable_mailbox' && planned === null ? 'person' : 'plan',
    })
  }
  return { reasons: reasons.toReversed(), full: planned === null && codes.every(({ code }) => code !== 'all_planned') }
}

/** A day is named after what keeps most of a campaign's mails from it; what is about their leads need not be about this one's. */
function isOfOthers(code: BindingCode, { lead_is_shared: shared, domain_limit: limit }: MailFacts): boolean {
  return (code === 'contact_gap' && !shared) || (code === 'domain_limit' && limit === null)
}

/** Opening of the first window in which it may go, from an instant on. */
export function firstWindowFor(facts: MailFacts, campaign: Campaign | null): Instant | null {
  const due = dueOf(facts)
  const from = due && due.epochMilliseconds > facts.now.epochMilliseconds ? due : facts.now
  return campaign ? firstOpening(campaign.calendar, from) : from
}
