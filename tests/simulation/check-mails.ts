/** Checks of single mails, and of mails to one lead: what the mail server's record may hold, by the driver's journal. */
import type { Complain } from './check.ts'
import { daysBetween, isSendingDay, localDay, localTime } from './calendar.ts'
import type { Journal } from './journal.ts'
import type { Offer } from './mail-server.ts'
import type { Accepted } from './record.ts'
import type { StepSettings } from './settings.ts'

/** Nobody gets a step, or a response, twice. */
export function checkOnce(record: readonly Accepted[], complain: Complain): void {
  const seen = new Map<string, Accepted>()
  for (const mail of record) {
    const what = mail.campaign === null ? `response ${mail.key}` : `${mail.campaign}/${mail.step} to ${mail.to}`
    if (seen.has(what)) complain(mail.atMs, `${what} came twice, first from ${seen.get(what)?.from}`)
    seen.set(what, mail)
  }
}

/** Inside the window, on a sending day, in the text and from a mailbox of the settings in force. */
export function checkWindows(record: readonly Accepted[], journal: Journal, complain: Complain): void {
  for (const mail of record) {
    if (mail.campaign === null) continue
    const settings = journal.campaigns.get(mail.campaign)?.at(mail.atMs)
    if (!settings) continue
    const what = `${mail.campaign}/${mail.step} to ${mail.to}`
    const day = localDay(mail.atMs, settings.zone)
    const time = localTime(mail.atMs, settings.zone)
    if (!isSendingDay(settings, day)) complain(mail.atMs, `${what} went on ${day}, which is no sending day`)
    if (time < settings.from || time >= settings.to)
      complain(mail.atMs, `${what} went at ${time}, outside ${settings.from}-${settings.to}`)
    if (mail.revision !== settings.revision)
      complain(mail.atMs, `${what} has text ${mail.revision}, in force is ${settings.revision}`)
    const isFirst = mail.step === settings.steps[0]?.key
    if (isFirst && !settings.mailboxes.includes(mail.from))
      complain(mail.atMs, `${what} left from ${mail.from}, which is not the campaign’s`)
  }
}

/** Nothing is offered to anybody, or from anywhere, that was stopped; a reply and a campaign's pause do not hold responses. */
export function checkStops(record: readonly Accepted[], journal: Journal, complain: Complain): void {
  for (const mail of record) {
    const salesperson = salespersonOf(mail, journal)
    const stops = [
      'all',
      `mailbox ${mail.from}`,
      `salesperson ${salesperson}`,
      `blocked ${mail.to}`,
      `unsubscribed ${mail.to}`,
    ]
    stops.push(`suppressed ${mail.to}`, `suppressed ${mail.to.split('@')[1]}`)
    if (mail.campaign !== null) stops.push(`campaign ${mail.campaign}`, `replied ${mail.to}`)
    for (const what of stops) {
      if (journal.isStopped(what, mail.atMs))
        complain(mail.atMs, `a mail to ${mail.to} from ${mail.from} went although stopped: ${what}`)
    }
  }
}

/** Whoever the server does not know gets nothing more. */
export function checkBounces(offers: readonly Offer[], complain: Complain): void {
  const bounced = new Set<string>()
  for (const { atMs, to, outcome, raw } of offers) {
    if (bounced.has(to)) complain(atMs, `${to} was offered a mail after its bounce`)
    if (outcome === 'refused' && raw === '') bounced.add(to)
  }
}

/** A lead is left alone after another campaign has mailed it, for as long as the later one says. */
export function checkContacts(record: readonly Accepted[], journal: Journal, zone: string, complain: Complain): void {
  const lastBy = new Map<string, Map<string, number>>()
  for (const mail of record) {
    if (mail.campaign === null) continue
    const gapDays = journal.campaigns.get(mail.campaign)?.at(mail.atMs).contactGapDays ?? 0
    const ofLead = lastBy.get(mail.to) ?? new Map<string, number>()
    lastBy.set(mail.to, ofLead)
    for (const [campaign, atMs] of ofLead) {
      if (campaign === mail.campaign) continue
      const apart = daysBetween(localDay(atMs, zone), localDay(mail.atMs, zone))
      if (apart < gapDays)
        complain(mail.atMs, `${mail.to} had ${mail.campaign} ${apart} days after ${campaign}, the gap is ${gapDays}`)
    }
    ofLead.set(mail.campaign, mail.atMs)
  }
}

/** Follow-ups: in their order, after their wait, from the mailbox of the mail before, in its thread where they have no subject. */
export function checkFollowUps(record: readonly Accepted[], journal: Journal, complain: Complain): void {
  const lastOf = new Map<string, Accepted>()
  for (const mail of record) {
    const settings = journal.campaigns.get(mail.campaign ?? '')?.at(mail.atMs)
    if (!settings) continue
    const key = `${mail.campaign} ${mail.to}`
    const before = lastOf.get(key)
    lastOf.set(key, mail)
    const position = settings.steps.findIndex((step) => step.key === mail.step)
    const step = settings.steps[position]
    const what = `${mail.campaign}/${mail.step} to ${mail.to}`
    if (!step) complain(mail.atMs, `${what} is of no step in force`)
    else if (position === 0 && before) complain(mail.atMs, `${what} came after ${before.step}`)
    else if (position > 0 && !before) complain(mail.atMs, `${what} follows nothing`)
    else if (before) followsWell({ mail, before, step, zone: settings.zone, what }, complain)
  }
}

interface Following {
  mail: Accepted
  before: Accepted
  step: StepSettings
  zone: string
  what: string
}

function followsWell({ mail, before, step, zone, what }: Following, complain: Complain): void {
  if (mail.from !== before.from)
    complain(mail.atMs, `${what} left from ${mail.from}, the mail before from ${before.from}`)
  if (!step.hasSubject && !mail.references.includes(before.messageId))
    complain(mail.atMs, `${what} is not in the thread of ${before.messageId}`)
  if (step.wait === null) return
  const isEarly =
    'days' in step.wait
      ? daysBetween(localDay(before.atMs, zone), localDay(mail.atMs, zone)) < step.wait.days
      : mail.atMs - before.atMs < step.wait.hours * 3_600_000
  if (isEarly) complain(mail.atMs, `${what} came too early after ${before.step}, waits ${JSON.stringify(step.wait)}`)
}

/** Whose day a mail counts on: the campaign's salesperson, or a response's mailbox's. */
export function salespersonOf({ campaign, from }: Pick<Accepted, 'campaign' | 'from'>, journal: Journal): string {
  const owner = campaign === null ? journal.mailboxes.get(from)?.latest : journal.campaigns.get(campaign)?.latest
  return owner?.salesperson ?? ''
}
