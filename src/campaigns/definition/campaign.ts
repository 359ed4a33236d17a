/** The `campaigns` of a definition file, as keys and values. */
import { z } from 'zod'
import { holidayRegion } from './holiday-region.ts'
import { expected, keyed, leaf, listOf, Mistake, type Report, rule } from './keyed.ts'
import { textPart } from './text-part.ts'
import {
  address,
  calendarDays,
  date,
  duration,
  line,
  oneOf,
  percentage,
  readLine,
  timeOfDay,
  timeZone,
  wait,
  wholeNumber,
} from './values.ts'

export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
const WORKING_DAYS: (typeof WEEKDAYS)[number][] = ['mon', 'tue', 'wed', 'thu', 'fri']

/** The keys of a campaign; texts may lie in files beside the definition file, in `directory`. */
export function campaign(directory: string) {
  return keyed({
    name: campaignName(),
    salesperson: address(),
    mailboxes: listOf('mailbox addresses', address()).check(rule(unique<unknown>('mailbox', [], (item) => item))),
    // The campaign's own default, whatever the installation's zone: what a file says must not depend on what it is applied with.
    timezone: timeZone().default('Europe/Warsaw'),
    starts_on: date().optional(),
    window: sendingWindow().prefault({}),
    holidays: holidayRegion().default('PL'),
    skip_dates: z.array(date(), { error: (issue) => expected('a list of dates', issue.input).message }).default([]),
    delay: duration().default(90_000),
    jitter: percentage().default(0.2),
    daily_limit: wholeNumber(0).optional(),
    contact_gap: calendarDays(366).default(1),
    weight: wholeNumber(1, 1000).default(1),
    steps: listOf('steps', step(directory))
      .check(rule(unique<{ key?: unknown }>('step', ['key'], (item) => item.key)))
      .check(rule(startsAThread)),
  })
}

/** Commands take a name where they also take a message's id or an address; it must not be taken for one of them, nor for a flag. */
function campaignName() {
  return leaf((value) => {
    const name = readLine(value, 'a name', 100)
    if (name instanceof Mistake) return name
    if (name.startsWith('-')) return new Mistake('a name cannot start with a dash: commands would take it for a flag')
    if (name.includes('@')) return new Mistake('a name cannot hold an @: commands would take it for an address')
    return /^\d+$/.test(name)
      ? new Mistake('a name cannot be a number: commands would take it for the id of a mail')
      : name
  })
}

function sendingWindow() {
  return keyed({
    from: timeOfDay({ endOfDay: false }).default('09:00'),
    to: timeOfDay({ endOfDay: true }).default('17:00'),
    days: listOf('days of the week', oneOf(WEEKDAYS)).default(WORKING_DAYS),
  }).check(
    rule<{ from?: unknown; to?: unknown }>(({ from, to }, report) => {
      if (typeof from !== 'string' || typeof to !== 'string' || from < to) return
      if (from === to)
        return report(['to'], `the window opens and closes at ${from}; for the whole day write from "00:00" to "24:00"`)
      report(
        ['to'],
        `the window closes at ${to}, before it opens at ${from}; a window over midnight is not possible: end it at "24:00", or make a second campaign for the other part`,
      )
    }),
  )
}

function step(directory: string) {
  return keyed({
    key: line('a key', 100).optional(),
    wait: wait().optional(),
    variants: listOf('variants', variant(directory)).check(
      rule(unique<{ letter?: unknown }>('variant', ['letter'], (item) => item.letter)),
    ),
  })
}

function variant(directory: string) {
  return keyed({
    letter: leaf((value) =>
      typeof value === 'string' && /^[A-Z]$/.test(value) ? value : expected('a capital letter from A to Z', value),
    ),
    weight: wholeNumber(1, 10_000).default(1),
    subject: line('a subject', 900).optional(),
    text: textPart(directory).optional(),
    html: textPart(directory).optional(),
  }).check(
    rule<{ text?: unknown; html?: unknown }>(({ text, html }, report) => {
      if (text === undefined && html === undefined) report([], 'says nothing: give it a text, an html, or both')
    }),
  )
}

/** What only the first step is, and what every other one has. */
function startsAThread(steps: ({ wait?: unknown; variants?: unknown } | undefined)[], report: Report): void {
  for (const [i, step] of steps.entries()) {
    if (typeof step !== 'object') continue
    if (i > 0 && step.wait === undefined)
      report([i, 'wait'], 'is missing: a follow-up says how long after the previous step it goes, such as 3d')
    if (i > 0) continue
    if (step.wait !== undefined)
      report([i, 'wait'], 'the first step waits for nothing; starts_on says when a campaign begins')
    if (!Array.isArray(step.variants)) continue
    for (const [j, variant] of step.variants.entries()) {
      if (typeof variant === 'object' && variant !== null && variant.subject === undefined) {
        report(
          [i, 'variants', j, 'subject'],
          'is missing: only a follow-up can do without, as a reply in the same thread',
        )
      }
    }
  }
}

/** Each value once in a list; the second mention is the mistake. */
function unique<Item>(what: string, pathOf: (string | number)[], valueOf: (item: Item) => unknown) {
  return (items: Item[], report: Report): void => {
    const firsts = new Map<string, number>()
    for (const [i, item] of items.entries()) {
      const value = item === undefined || item === null ? undefined : valueOf(item)
      if (typeof value !== 'string') continue
      const first = firsts.get(value)
      if (first === undefined) firsts.set(value, i)
      else report([i, ...pathOf], `${what} ${value} is there twice`, [first, ...pathOf])
    }
  }
}

export type CampaignData = z.output<ReturnType<typeof campaign>>
