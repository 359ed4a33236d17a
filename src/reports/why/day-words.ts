/** What binds a campaign's day, in a sentence about one of its mails, and what a person can do about it. */
import type { BindingCode } from '../../schedule/binding.ts'
import { dayNumber, dayText } from '../../schedule/days.ts'
import { formatDuration } from '../../time.ts'
import { APPLY, domainOf } from './gate-words.ts'
import type { MailFacts, MailboxState } from './mail-facts.ts'
import type { Reason } from './reason.ts'

/** What a sentence is made of besides the mail. */
export interface BoundDays {
  /** Sending days in their order. */
  days: readonly string[]
  today: string
  mailboxes: readonly MailboxState[]
  /** The limit of the mailbox that its thread binds it to, where that is what is full. */
  bound: number | undefined
}

/** Why none of these days had a place. */
export function dayReason(code: BindingCode, facts: MailFacts, bound: BoundDays): Pick<Reason, 'text' | 'todo'> {
  const [text, todo] = WORDS[code](facts, bound)
  return { text: `${text} ${daysText(bound.days, bound.today)}`, todo }
}

/** Where the limit that keeps it from these days lets nothing go on any day; null: it does. */
export function nothingEver(
  code: BindingCode,
  facts: MailFacts,
  { mailboxes, bound }: BoundDays,
): Pick<Reason, 'text' | 'todo'> | null {
  if (code === 'campaign_limit' && facts.campaign_daily_limit === 0) return none(`campaign ${facts.campaign}’s limit`)
  if (code === 'salesperson_limit' && facts.salesperson_daily_limit === 0)
    return none(`salesperson ${facts.salesperson}’s limit`)
  if (code !== 'mailbox_limit') return null
  const active = mailboxes.filter(isUsable)
  const isNone = bound === undefined ? active.every(({ daily_limit: most }) => most === 0) : bound === 0
  return isNone ? none(`the limit of each mailbox that it could go from (${namesOf(facts, active)})`) : null
}

function none(whose: string): Pick<Reason, 'text' | 'todo'> {
  return { text: `${whose} is 0 a day`, todo: RAISE_IT }
}

type Words = (facts: MailFacts, bound: BoundDays) => [text: string, todo: string | null]

const RAISE_IT = `raise daily_limit in the definition file: ${APPLY}`
const RAISE = `nothing, or ${RAISE_IT}`
const ANOTHER_MAILBOX = `nothing, or give the campaign another mailbox: ${APPLY}`

const WORDS: Record<BindingCode, Words> = {
  campaign_limit: ({ campaign, campaign_daily_limit: most }) => [
    `campaign ${campaign}’s limit of ${most} a day is full`,
    RAISE,
  ],
  mailbox_limit: (facts, { mailboxes, bound }) =>
    bound === undefined
      ? [`the limits of the campaign’s mailboxes (${namesOf(facts, mailboxes)}) are full`, ANOTHER_MAILBOX]
      : [`mailbox ${facts.bound_mailbox}, which its thread binds it to, has its limit of ${bound} a day full`, RAISE],
  warmup_limit: (facts, { mailboxes, bound }) => [
    `the warm-up of ${namesOf(facts, mailboxes)} allows no more campaign mail${bound === undefined ? '' : ` than ${bound} a day`}`,
    ANOTHER_MAILBOX,
  ],
  salesperson_limit: ({ salesperson, salesperson_daily_limit: most }) => [
    `salesperson ${salesperson}’s limit of ${most} a day is full`,
    RAISE,
  ],
  domain_limit: ({ recipient }) => [
    `${domainOf(recipient)} gets no more mails than domain_limits allow it`,
    `nothing, or raise domain_limits in the definition file: ${APPLY}`,
  ],
  window: ({ delay_ms: delayMs }) => [
    `with ${formatDuration(delayMs ?? 0)} between two mails, the campaign’s window is full`,
    `nothing, or a longer window or a shorter delay: ${APPLY}`,
  ],
  mailbox_gap: (facts, { mailboxes }) => [
    `with the gap that ${namesOf(facts, mailboxes)} keep between two mails, the window is full`,
    `nothing, or another mailbox or a shorter min_gap: ${APPLY}`,
  ],
  contact_gap: () => ['other campaigns have its lead', `nothing, or a shorter contact_gap: ${APPLY}`],
  no_usable_mailbox: (_, { mailboxes }) => [noMailboxText(mailboxes), resumeOf(mailboxes)],
  all_planned: () => ['nothing bound it', null],
}

function namesOf({ bound_mailbox: box }: MailFacts, mailboxes: readonly MailboxState[]): string {
  return box ?? mailboxes.map(({ address }) => address).join(', ')
}

/** Whether the plan could use it. */
export function isUsable({ status }: MailboxState): boolean {
  return status === 'active'
}

/** Which mailboxes cannot be used, and why. */
export function noMailboxText(mailboxes: readonly MailboxState[]): string {
  if (mailboxes.length === 0) return 'its campaign has no mailbox'
  const described = mailboxes.map(
    ({ address, status, status_reason: why }) => `${address} is ${status}${why === null ? '' : ` (${why})`}`,
  )
  return `no mailbox can be used: ${described.join(', ')}`
}

/** What brings a mailbox back. */
export function resumeOf(mailboxes: readonly MailboxState[]): string {
  const out = mailboxes.find((mailbox) => !isUsable(mailbox))
  if (out?.braked) return `goniec resume --salesperson ${out.braked}`
  return out ? `goniec mailbox resume ${out.address}` : `give the campaign a mailbox: ${APPLY}`
}

/** Days for a sentence: `today and tomorrow`, `from today to 2026-12-04`. */
function daysText(days: readonly string[], today: string): string {
  const tomorrow = days.find((day) => day > today)
  const name = (day: string): string => (day === today ? 'today' : day === nextDay(today) ? 'tomorrow' : `on ${day}`)
  const [first = '', last = ''] = [days[0], days.at(-1)]
  if (days.length === 1) return name(first)
  if (days.length === 2 && first === today && tomorrow === nextDay(today)) return 'today and tomorrow'
  return `on ${days.length} sending days from ${first === today ? 'today' : first} to ${last}`
}

function nextDay(day: string): string {
  return dayText(dayNumber(day) + 1)
}
