/**
 * What an event says, for people: one phrase for each type that `goniec.event` can hold. Which mail, lead, campaign or mailbox it is about
 * stands beside it, wherever it is shown. A type without words here is shown as it is, so that nothing is ever left out.
 */
import { Temporal, toLocalTime } from '../time.ts'
import { describeReason } from './reason-words.ts'

/** As it stands in the database; times in `data` may be instants, or the text that Postgres writes. */
export interface EventFacts {
  type: string
  data: Record<string, unknown>
}

/** The phrase; times in it are local in this zone. */
export function describeEvent({ type, data }: EventFacts, timeZone: string): string {
  const words = WORDS[type]
  const facts = new Facts(data, timeZone)
  return words === undefined ? `${type.replaceAll('_', ' ')}${facts.all()}` : words(facts)
}

/** An event's data, with its instants for what Postgres writes in JSON: a time with the session's offset. */
export function withInstants(data: Record<string, unknown>): Record<string, unknown> {
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?[+-]\d\d:\d\d$/
  return Object.fromEntries(
    Object.entries(data).map(([name, value]) => [
      name,
      typeof value === 'string' && isTime.test(value) ? Temporal.Instant.from(value) : value,
    ]),
  )
}

/** Reads an event's data; whatever is missing is left out of the phrase. */
class Facts {
  #data: Record<string, unknown>
  #timeZone: string

  constructor(data: Record<string, unknown>, timeZone: string) {
    this.#data = withInstants(data)
    this.#timeZone = timeZone
  }

  text(name: string): string {
    const value = this.#data[name]
    if (value === undefined || value === null) return ''
    if (value instanceof Temporal.Instant) return toLocalTime(value, this.#timeZone, { seconds: true })
    return typeof value === 'string' ? value : JSON.stringify(value)
  }

  is(name: string, value: unknown): boolean {
    return this.#data[name] === value
  }

  /** `before` and the value; nothing where there is none. */
  with(before: string, name: string): string {
    const text = this.text(name)
    return text === '' ? '' : `${before}${text}`
  }

  /** Why, in the words of reasons, or as a server or a person gave it. */
  why(name = 'reason'): string {
    const text = this.text(name)
    return text === '' ? '' : `: ${describeReason(text).replace(/^moved: /, '')}`
  }

  all(): string {
    const names = Object.keys(this.#data)
    return names.length === 0 ? '' : `: ${names.map((name) => `${name} ${this.text(name)}`).join(', ')}`
  }
}

/** What became of an attempt, by the state it ended in. */
const ENDINGS: Record<string, string> = {
  accepted: 'accepted by the server',
  rejected: 'refused by the server for good',
  deferred: 'refused by the server for now',
  aborted: 'ended before any content went out',
  in_doubt: 'ended without the server’s answer: nobody knows whether it was accepted',
  presumed_unsent: 'presumed not sent',
}

function ending(facts: Facts): string {
  const state = facts.text('state')
  const words = facts.is('outcome', 'mailbox_fault') ? 'failed for a fault of the mailbox' : (ENDINGS[state] ?? state)
  return `${words}${facts.with(': ', 'response')}${facts.with(', by ', 'by')}`
}

const became =
  (words: string) =>
  (facts: Facts): string =>
    `${words}${facts.why()}`

function applied(facts: Facts): string {
  const what = facts.with(`${facts.text('kind')} `, 'name') || facts.text('kind')
  return facts.is('change', 'created') ? `${what} was made` : `the settings of ${what} were changed`
}

function imported(facts: Facts): string {
  if (facts.is('history', true)) return `history was imported${facts.with(' from ', 'file')}`
  if (facts.text('kind') !== '') return 'imported as sent before'
  return `leads were imported${facts.with(' from ', 'file')}${facts.with(': ', 'enrolled')}${facts.text('enrolled') === '' ? '' : ' enrolled'}`
}

const WORDS: Record<string, (facts: Facts) => string> = {
  // A mail in the queue.
  planned: (facts) => `planned for ${facts.text('to')}`,
  moved: (facts) => `moved from ${facts.text('from')} to ${facts.text('to')}${facts.why()}`,
  withdrawn: (facts) => `taken off its slot${facts.with(' of ', 'from')}${facts.why()}`,
  held: became('set aside'),
  released: () => 'no longer set aside',
  returned: became('back in the queue'),
  retried: () => 'to be tried again',
  sent: () => 'sent',
  failed: became('failed'),
  cancelled: became('cancelled'),
  in_doubt: () => 'in doubt',

  // An attempt at it.
  claimed: () => 'taken by a worker',
  fenced: () => 'its content goes on the wire',
  settled: ending,
  resolved: (facts) =>
    facts.is('state', 'accepted') && facts.text('response') === ''
      ? `its doubt is resolved: it was sent${facts.with(', says ', 'by')}`
      : facts.is('state', 'presumed_unsent')
        ? `its doubt is resolved: it was not sent${facts.with(', says ', 'by')}`
        : `its doubt is resolved by a late answer: ${ending(facts)}`,
  contradicted: (facts) =>
    `a late answer contradicts how its doubt was resolved: ${facts.text('outcome')}${facts.with(', ', 'response')}`,
  slot_taken: (facts) => `another program took a slot${facts.with(' for ', 'kind')}`,
  slot_released: () => 'another program gave its slot back',
  external_send: (facts) => `another program has sent a mail${facts.with(' at ', 'sent_at')}`,
  imported,

  // Campaigns, mailboxes, leads, everything.
  campaign_started: () => 'the campaign was started',
  campaign_paused: became('the campaign was paused'),
  campaign_resumed: () => 'the campaign was resumed',
  campaign_cancelled: () => 'the campaign was cancelled',
  campaign_completed: () => 'the campaign is completed',
  campaign_revived: () => 'the campaign runs again: it has open mails',
  campaign_test_queued: (facts) => `a test was asked for${facts.with(', to ', 'to')}`,
  mailbox_paused: became('the mailbox was paused'),
  mailbox_resumed: () => 'the mailbox was resumed',
  mailbox_broken: became('the mailbox is broken'),
  lead_blocked: became('the lead was blocked'),
  lead_unblocked: () => 'the lead was unblocked',
  lead_replied: () => 'the lead has replied',
  lead_unsubscribed: () => 'the lead has unsubscribed',
  lead_bounced: () => 'the lead’s address does not exist, says its server',
  lead_removed: () => 'the lead was taken out of the campaign',
  suppressed: (facts) => `${facts.text('value')} was suppressed${facts.why()}`,
  unsuppressed: (facts) => `${facts.text('value')} is no longer suppressed`,
  paused_all: () => 'everything was paused',
  resumed_all: () => 'everything was resumed',
  paused_salesperson: (facts) => `everything of ${facts.text('salesperson')} was paused`,
  resumed_salesperson: (facts) => `everything of ${facts.text('salesperson')} was resumed`,
  applied,
}

/** Every type that has words. */
export const KNOWN_EVENT_TYPES: readonly string[] = Object.keys(WORDS)
