/**
 * What an event says, for people: one phrase for each type that `goniec.event` can hold. Which mail, lead, campaign or mailbox it is about
 * stands beside it, wherever it is shown. A type without words here is shown as it is, so that nothing is ever left out.
 */
import { Temporal, toLocalTime, type Instant } from '../time.ts'
import { describeReason } from './reason-words.ts'

/**
 * As it stands in the database; times in `data` may be instants, or the text that Postgres writes. Of all else only what the phrase shall
 * name is given: who did it, when it was (a time of the same day is then told without its date), addresses and names.
 */
export interface EventFacts {
  type: string
  data: Record<string, unknown>
  at?: Instant
  actor?: string
  mailbox?: string | null
  /** The mailbox that a moved mail had before. */
  from_mailbox?: string | null
  worker?: string | null
  campaign?: string | null
}

/** The phrase; times in it are local in this zone. */
export function describeEvent(event: EventFacts, timeZone: string): string {
  const words = WORDS[event.type]
  const facts = new Facts(event, timeZone)
  return words === undefined ? `${event.type.replaceAll('_', ' ')}${facts.all()}` : words(facts)
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
  readonly event: EventFacts
  #data: Record<string, unknown>
  #timeZone: string

  constructor(event: EventFacts, timeZone: string) {
    this.event = event
    this.#data = withInstants(event.data)
    this.#timeZone = timeZone
  }

  text(name: string): string {
    const value = this.#data[name]
    if (value === undefined || value === null) return ''
    if (value instanceof Temporal.Instant) return this.#time(value)
    return typeof value === 'string' ? value : JSON.stringify(value)
  }

  is(name: string, value: unknown): boolean {
    return this.#data[name] === value
  }

  #time(instant: Instant): string {
    const text = toLocalTime(instant, this.#timeZone, { seconds: true })
    const { at } = this.event
    const day = at && toLocalTime(at, this.#timeZone).slice(0, 10)
    return day === text.slice(0, 10) ? text.slice(11) : text
  }

  /** Who did it, where somebody is named like a person at a machine; with `always` also a user of the database. */
  by({ always = false } = {}): string {
    const { actor } = this.event
    return actor !== undefined && (always || actor.includes('@')) ? `, by ${actor}` : ''
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
  const cutOff = facts.is('state', 'aborted') && (facts.is('stage', 'body') || facts.is('stage', 'dot'))
  const words = cutOff ? 'ended before its content was complete' : (ENDINGS[state] ?? state)
  if (facts.is('outcome', 'mailbox_fault')) return `failed for a fault of the mailbox${facts.with(': ', 'response')}`
  const response = facts.text('response')
  if (facts.is('by', 'recovery') && response.startsWith('its worker was gone'))
    return `${response}${facts.is('state', 'in_doubt') ? ': nobody knows whether it was accepted' : ''}`
  // A refused fence leaves its verdict, a code; a server its words.
  return `${words}${facts.why('response')}${facts.with(', by ', 'by')}`
}

const became =
  (words: string) =>
  (facts: Facts): string =>
    `${words}${facts.why()}${facts.by()}`

/** What only people do: whoever it was is named. */
const done =
  (words: string) =>
  (facts: Facts): string =>
    `${words}${facts.why()}${facts.by({ always: true })}`

const named = (before: string, name: string | null | undefined): string =>
  name === null || name === undefined ? '' : `${before}${name}`

function planned(facts: Facts): string {
  const again = facts.text('reason') === '' ? '' : ' again'
  return `planned${again} for ${facts.text('to')}${named(' from ', facts.event.mailbox)}`
}

/** In time, from one mailbox to another, or both. */
function moved(facts: Facts): string {
  const { mailbox, from_mailbox: before } = facts.event
  const [from, to] = [facts.text('from'), facts.text('to')]
  // Of many moves told at once neither is known.
  if (to === '') return `moved${facts.why()}`
  if (from === to) return `moved${named(' from ', before)}${named(' to ', mailbox)}, at ${to} as before${facts.why()}`
  return `moved from ${from}${named(' at ', before)} to ${to}${named(' at ', before && mailbox)}${facts.why()}`
}

function cancelled(facts: Facts): string {
  return facts.is('reason', 'cancelled') ? `cancelled${facts.by({ always: true })}` : became('cancelled')(facts)
}

/** A person's word, or an answer of the server that came late. A person's leaves the outcome as unknown as it was. */
function resolved(facts: Facts): string {
  const outcome = facts.text('outcome')
  if (outcome !== '' && outcome !== 'unknown') return `its doubt is resolved by a late answer: ${ending(facts)}`
  const what = facts.is('state', 'presumed_unsent') ? 'it was not sent' : 'it was sent'
  return `its doubt is resolved: ${what}${facts.with(', says ', 'by')}`
}

/** How an attempt and what it took ended, as another program said. */
function released(facts: Facts): string {
  if (facts.is('state', 'accepted')) return 'another program has used its slot'
  return facts.is('by', 'recovery')
    ? 'another program’s slot ran out: it counts as used'
    : 'another program gave its slot back'
}

function lifted(facts: Facts): string {
  const marks = facts.text('lifted')
  const what =
    marks === '' || marks === '["blocked"]' ? '' : `: no longer ${(JSON.parse(marks) as string[]).join(', ')}`
  return `the lead was unblocked${what}${facts.by({ always: true })}`
}

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
  requested: (facts) => `asked for${facts.by({ always: true })}${facts.with(', not before ', 'not_before')}`,
  planned,
  moved,
  withdrawn: (facts) => `taken off its slot${facts.with(' of ', 'from')}${facts.why()}`,
  held: became('set aside'),
  released: done('no longer set aside'),
  returned: became('back in the queue'),
  retried: (facts) => `to be tried again${facts.by({ always: true })}`,
  sent: (facts) => `sent${named(' from ', facts.event.mailbox)}`,
  failed: became('failed'),
  cancelled,
  in_doubt: () => 'in doubt',

  // An attempt at it.
  claimed: (facts) => `taken by ${named('worker ', facts.event.worker) || 'a worker'}`,
  fenced: () => 'its content goes on the wire',
  settled: ending,
  resolved,
  contradicted: (facts) =>
    `a late answer contradicts how its doubt was resolved: ${facts.text('outcome')}${facts.with(', ', 'response')}`,
  slot_taken: (facts) => `another program took a slot${facts.with(' for ', 'kind')}`,
  slot_released: released,
  external_send: (facts) => `another program has sent a mail${facts.with(' at ', 'sent_at')}`,
  imported,
  recalled: (facts) => `the database had forgotten that it went out${facts.with(': ', 'response')}`,

  // Campaigns, mailboxes, leads, everything.
  campaign_started: became('the campaign was started'),
  campaign_paused: became('the campaign was paused'),
  campaign_resumed: became('the campaign was resumed'),
  campaign_cancelled: became('the campaign was cancelled'),
  campaign_completed: () => 'the campaign is completed',
  campaign_revived: () => 'the campaign runs again: it has open mails',
  campaign_test_queued: (facts) =>
    `a test was asked for${facts.with(', to ', 'to')}${facts.with(', as for ', 'lead')}${facts.by({ always: true })}`,
  mailbox_paused: became('the mailbox was paused'),
  mailbox_resumed: became('the mailbox was resumed'),
  mailbox_broken: became('the mailbox is broken'),
  lead_made: (facts) => `the lead came in${facts.with(', given as ', 'as')}`,
  enrolled: (facts) =>
    `enrolled in ${named('campaign ', facts.event.campaign) || 'a campaign'}${facts.by({ always: true })}`,
  lead_blocked: done('the lead was blocked'),
  lead_unblocked: lifted,
  lead_replied: done('the lead has replied'),
  lead_unsubscribed: done('the lead has unsubscribed'),
  lead_bounced: () => 'the lead’s address does not exist, says its server',
  lead_removed: (facts) =>
    `the lead was taken out of ${named('campaign ', facts.event.campaign) || 'the campaign'}${facts.by({ always: true })}`,
  suppressed: (facts) => done(`${facts.text('value')} was suppressed`)(facts),
  unsuppressed: (facts) => `${facts.text('value')} is no longer suppressed${facts.by({ always: true })}`,
  paused_all: () => 'everything was paused',
  resumed_all: () => 'everything was resumed',
  paused_salesperson: (facts) => `everything of ${facts.text('salesperson')} was paused`,
  resumed_salesperson: (facts) => `everything of ${facts.text('salesperson')} was resumed`,
  restoration_noticed: (facts) => `the database was restored, and nothing is sent${facts.with(': ', 'explanation')}`,
  restoration_ended: (facts) =>
    facts.is('by', 'workers')
      ? 'sending goes on after the restore: no worker misses anything'
      : `sending goes on after the restore${facts.with(', says ', 'by')}`,
  applied,
}

/** Every type that has words. */
export const KNOWN_EVENT_TYPES: readonly string[] = Object.keys(WORDS)
