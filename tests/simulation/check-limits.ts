/** Checks of what a day may hold, and of what lies between mails: by the mail server's record and the driver's journal. */
import type { Complain } from './check.ts'
import { daysBetween, localDay } from './calendar.ts'
import { salespersonOf } from './check-mails.ts'
import type { Journal } from './journal.ts'
import type { Accepted } from './record.ts'

/** Between two mails of a campaign lies its shortest delay, between two of a mailbox its gap. After an outage too: nothing bursts. */
export function checkDistances(record: readonly Accepted[], journal: Journal, complain: Complain): void {
  const last = new Map<string, number>()
  const keep = (what: string, atMs: number, leastMs: number): void => {
    const apartMs = atMs - (last.get(what) ?? Number.NEGATIVE_INFINITY)
    if (apartMs < leastMs) complain(atMs, `two mails of ${what} are ${apartMs} ms apart, ${leastMs} are asked for`)
    last.set(what, atMs)
  }
  for (const { atMs, from, campaign } of record) {
    keep(`mailbox ${from}`, atMs, (journal.mailboxes.get(from)?.at(atMs).gapSeconds ?? 0) * 1000)
    const settings = campaign === null ? undefined : journal.campaigns.get(campaign)?.at(atMs)
    if (settings) keep(`campaign ${campaign}`, atMs, settings.delaySeconds * 1000 * (1 - settings.jitterPercent / 100))
  }
}

/** A use of a mailbox's day: our own mail, or another program's. */
interface Use {
  atMs: number
  mailbox: string
  kind: 'campaign' | 'warmup' | 'response'
  /** Null: another program's, which nothing refuses. */
  mail: Accepted | null
}

/** What left from a mailbox on a day is within its limit, and campaign mail within what its warm-up allows. */
export function checkMailboxDays(
  record: readonly Accepted[],
  journal: Journal,
  zone: string,
  complain: Complain,
): void {
  const own = record.map((mail): Use => ({
    atMs: mail.atMs,
    mailbox: mail.from,
    kind: mail.campaign === null ? 'response' : 'campaign',
    mail,
  }))
  const uses: Use[] = [...journal.external.map((use): Use => ({ ...use, mail: null })), ...own]
  const counts = new Map<string, { all: number; campaign: number }>()
  for (const use of uses.toSorted((one, other) => one.atMs - other.atMs)) {
    const day = localDay(use.atMs, zone)
    const count = counts.get(`${use.mailbox} ${day}`) ?? { all: 0, campaign: 0 }
    counts.set(`${use.mailbox} ${day}`, count)
    count.all += 1
    if (use.kind === 'campaign') count.campaign += 1
    if (use.mail === null) continue
    const settings = journal.mailboxes.get(use.mailbox)?.at(use.atMs)
    const limit = settings?.dailyLimit ?? 0
    if (count.all > limit) complain(use.atMs, `${use.mailbox} sends mail ${count.all} of ${day}, its limit is ${limit}`)
    const allowed = campaignLimit(use, journal, day)
    if (use.kind === 'campaign' && count.campaign > allowed)
      complain(
        use.atMs,
        `${use.mailbox} sends campaign mail ${count.campaign} of ${day}, its warm-up allows ${allowed}`,
      )
  }
}

/** While it is warming: the least of its warm-up's limit and its stage's. */
function campaignLimit({ mailbox, atMs }: Use, journal: Journal, day: string): number {
  const warmup = journal.mailboxes.get(mailbox)?.at(atMs).warmup
  if (!warmup) return Number.POSITIVE_INFINITY
  const warmupDay = daysBetween(warmup.started, day) + 1
  const stage = journal.stages.findLast(({ fromDay }) => fromDay <= warmupDay)
  const isWarm = stage !== undefined && stage === journal.stages.at(-1)
  if (isWarm) return Number.POSITIVE_INFINITY
  // A warm-up that begins later does not limit yet.
  if (stage === undefined) return Number.POSITIVE_INFINITY
  return Math.min(stage.campaignLimit ?? Number.POSITIVE_INFINITY, warmup.dailyLimit)
}

/** Campaign mail to a recipient domain is within the domain's limits, a day and an hour. */
export function checkDomains(record: readonly Accepted[], journal: Journal, zone: string, complain: Complain): void {
  const limits = journal.domainLimits
  if (limits === null) return
  const counts = new Map<string, number>()
  const count = (domain: string, when: string, atMs: number, most: number): void => {
    const taken = (counts.get(`${domain} ${when}`) ?? 0) + 1
    counts.set(`${domain} ${when}`, taken)
    if (taken > most) complain(atMs, `${domain} gets mail ${taken} of ${when}, its limit is ${most}`)
  }
  for (const { atMs, to, campaign } of record) {
    const domain = to.split('@')[1] ?? ''
    if (campaign === null || domain === limits.free) continue
    count(domain, localDay(atMs, zone), atMs, limits.daily)
    count(domain, `the hour from ${Math.floor(atMs / 3_600_000)}`, atMs, limits.hourly)
  }
}

/** Mails of a campaign on its own day, and of a salesperson on the installation's, are within their limits. */
export function checkOwnersDays(record: readonly Accepted[], journal: Journal, zone: string, complain: Complain): void {
  const counts = new Map<string, number>()
  const count = (what: string, day: string, atMs: number, limit: number | null): void => {
    const taken = (counts.get(`${what} ${day}`) ?? 0) + 1
    counts.set(`${what} ${day}`, taken)
    if (limit !== null && taken > limit) complain(atMs, `${what} sends mail ${taken} of ${day}, its limit is ${limit}`)
  }
  for (const mail of record) {
    const salesperson = salespersonOf(mail, journal)
    count(
      `salesperson ${salesperson}`,
      localDay(mail.atMs, zone),
      mail.atMs,
      journal.salespeople.get(salesperson)?.at(mail.atMs).dailyLimit ?? null,
    )
    const settings = mail.campaign === null ? undefined : journal.campaigns.get(mail.campaign)?.at(mail.atMs)
    if (settings) count(`campaign ${mail.campaign}`, localDay(mail.atMs, settings.zone), mail.atMs, settings.dailyLimit)
  }
}
