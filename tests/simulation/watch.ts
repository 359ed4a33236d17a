/**
 * Looks at the stored slots before and after each plan of a simulated world: whatever has moved must have a recorded reason, and one that
 * something in the driver's journal, or in the mail server's record, accounts for. What nothing concerns may not have moved by a
 * millisecond.
 */
import type { Database } from '../../src/database/pool.ts'
import { instantAt, toLocalTime } from '../../src/time.ts'
import type { Journal } from './journal.ts'
import type { MailServer } from './mail-server.ts'
import { isSendingDay, localDay, nextDay } from './calendar.ts'

export interface WatchOptions {
  database: Database
  journal: Journal
  server: MailServer
  zone: string
}

/** A mail that waits, as it is stored. */
interface Waiting extends Record<string, unknown> {
  id: number
  kind: string
  campaign: string | null
  recipient: string
  salesperson: string | null
  at_ms: number | null
  closes_ms: number | null
  mailbox: string | null
  first_ms: number | null
  reason: string | null
}

const GRACE_MS = 300_000
const DAY_MS = 86_400_000

export class Watch {
  readonly violations: string[] = []
  /** How many mails have moved, by reason. */
  readonly moves = new Map<string, number>()
  #options: WatchOptions
  #first = new Map<number, number>()
  #before = new Map<number, Waiting>()
  #lastMs = Number.NEGATIVE_INFINITY
  #lastEvent = 0

  constructor(options: WatchOptions) {
    this.#options = options
  }

  async before(_nowMs: number): Promise<void> {
    const waiting = await this.#read()
    this.#compare(waiting, new Map(), _nowMs)
    this.#before = new Map(waiting.map((mail) => [mail.id, mail]))
  }

  async after(nowMs: number): Promise<void> {
    const waiting = await this.#read()
    const events = await this.#options.database.query<{
      id: number
      message_id: number
      type: string
      reason: string | null
    }>(
      `select id, message_id, type, data ->> 'reason' as reason from goniec.event
       where id > $1 and type in ('moved', 'withdrawn', 'planned') order by id`,
      [this.#lastEvent],
    )
    this.#lastEvent = events.at(-1)?.id ?? this.#lastEvent
    const reasons = new Map<number, string | null>()
    for (const { message_id: id, reason } of events) if (!reasons.get(id)) reasons.set(id, reason)
    this.#compare(waiting, reasons, nowMs)
    this.#before = new Map(waiting.map((mail) => [mail.id, mail]))
    this.#lastMs = nowMs
  }

  /** Slots that are no more, or elsewhere. Before a plan, when nothing has planned since the last look, none is. */
  #compare(now: readonly Waiting[], reasons: ReadonlyMap<number, string | null>, nowMs: number): void {
    for (const mail of now) {
      this.#keepsFirst(mail)
      const was = this.#before.get(mail.id)
      if (!was || was.at_ms === null || (was.at_ms === mail.at_ms && was.mailbox === mail.mailbox)) continue
      const reason = reasons.get(mail.id) ?? mail.reason
      this.moves.set(String(reason), (this.moves.get(String(reason)) ?? 0) + 1)
      const objection = reason === null ? 'no reason is recorded' : this.#objection(was, mail, reason, nowMs)
      if (objection === '') continue
      const from = this.#time(was.at_ms)
      const to = mail.at_ms === null ? 'nowhere' : this.#time(mail.at_ms)
      this.violations.push(
        `${this.#time(nowMs)}: mail ${mail.id} of ${mail.campaign ?? mail.kind} to ${mail.recipient} moved from ${from} (${was.mailbox}) to ${to}, reason ${reason}: ${objection}`,
      )
    }
  }

  #keepsFirst({ id, first_ms: firstMs }: Waiting): void {
    if (firstMs === null) return
    const first = this.#first.get(id) ?? firstMs
    this.#first.set(id, first)
    if (first !== firstMs)
      this.violations.push(`mail ${id} was first planned for ${this.#time(first)}, and now for ${this.#time(firstMs)}`)
  }

  /** Why this reason cannot be the reason; empty where it can. */
  #objection(was: Waiting, mail: Waiting, reason: string, nowMs: number): string {
    const atMs = was.at_ms ?? Number.NaN
    switch (reason) {
      case 'missed':
        return atMs < nowMs - GRACE_MS || (was.closes_ms ?? 0) <= nowMs ? '' : 'its time had not passed'
      case 'settings':
        return this.#wasEdited(was) ? '' : 'nothing that concerns it was edited'
      case 'mailbox':
        return this.#mailboxFailed(was, nowMs) ? '' : 'nothing was wrong with its mailbox'
      case 'paused':
        return this.#wasStopped(was, nowMs) ? '' : 'nothing was paused'
      case 'retry':
        return this.#wasTried(mail) ? '' : 'it had not been tried'
      case 'capacity':
        return this.#wasTaken(nowMs) ? '' : 'nobody had taken its room'
      case 'priority':
      case 'share':
        return this.#isFirm(was, nowMs) ? 'its day is firm' : ''
      case 'lead_not_mailable':
      case 'suppressed':
      case 'held':
        return ''
      default:
        return 'no such reason is known'
    }
  }

  /** Since the look before the last one: an edit may fall between two plans at one instant. */
  #wasEdited({ campaign, mailbox, salesperson }: Waiting): boolean {
    const names = new Set([`campaign ${campaign}`, `mailbox ${mailbox}`, `salesperson ${salesperson}`])
    return this.#options.journal.edits.some(
      ({ atMs, what }) => atMs >= this.#lastMs && (names.has(what) || what.startsWith('salesperson')),
    )
  }

  #mailboxFailed({ mailbox, salesperson }: Waiting, nowMs: number): boolean {
    const { journal, server } = this.#options
    const stopped = [`mailbox ${mailbox}`, `salesperson ${salesperson}`, 'all'].some((what) =>
      journal.stopsOf(what).some(({ fromMs, toMs }) => fromMs <= nowMs && toMs >= this.#lastMs),
    )
    const failed = server.offers.some(
      ({ from, atMs, outcome }) =>
        from === mailbox && atMs > nowMs - 2 * DAY_MS && outcome !== 'accepted' && outcome !== 'deferred',
    )
    return stopped || failed || journal.stopped('salesperson', nowMs).length > 0
  }

  #wasStopped({ campaign }: Waiting, nowMs: number): boolean {
    const { journal } = this.#options
    const names = [
      `campaign ${campaign}`,
      'all',
      ...[...journal.salespeople.keys()].map((name) => `salesperson ${name}`),
    ]
    return names.some((what) =>
      journal.stopsOf(what).some(({ fromMs, toMs }) => fromMs <= nowMs && toMs >= this.#lastMs),
    )
  }

  #wasTried({ recipient }: Waiting): boolean {
    return this.#options.server.offers.some(({ to, outcome }) => to === recipient && outcome !== 'accepted')
  }

  /** Responses, other programs, and what was offered twice use room that the plan had given away. */
  #wasTaken(nowMs: number): boolean {
    const { journal, server } = this.#options
    const sinceMs = Math.min(this.#lastMs, nowMs - DAY_MS)
    return (
      journal.external.some(({ atMs }) => atMs >= sinceMs) ||
      [...journal.responses.values()].some(({ atMs }) => atMs >= sinceMs - DAY_MS) ||
      journal.words.some(({ atMs, what }) => atMs >= sinceMs && what.startsWith('slot ')) ||
      server.offers.some(({ atMs, outcome }) => atMs >= sinceMs && outcome !== 'accepted')
    )
  }

  /** Today, and the campaign's next sending day. */
  #isFirm({ campaign, at_ms: atMs }: Waiting, nowMs: number): boolean {
    const settings = this.#options.journal.campaigns.get(campaign ?? '')?.at(nowMs)
    if (!settings || atMs === null) return false
    const today = localDay(nowMs, settings.zone)
    let next = nextDay(today)
    while (!isSendingDay(settings, next)) next = nextDay(next)
    return localDay(atMs, settings.zone) <= next
  }

  #time(ms: number): string {
    return toLocalTime(instantAt(ms), this.#options.zone, { seconds: true })
  }

  async #read(): Promise<Waiting[]> {
    return this.#options.database.query<Waiting>(
      `select m.id, m.kind, c.name as campaign, m.recipient, s.email as salesperson, b.address as mailbox, m.slot_reason as reason,
              (extract(epoch from m.scheduled_at) * 1000)::float8 as at_ms, (extract(epoch from m.window_closes_at) * 1000)::float8 as closes_ms,
              (extract(epoch from m.first_planned_at) * 1000)::float8 as first_ms
       from goniec.message m
       left join goniec.campaign c on c.id = m.campaign_id
       left join goniec.salesperson s on s.id = c.salesperson_id
       left join goniec.mailbox b on b.id = m.mailbox_id
       where m.status = 'pending' and m.first_planned_at is not null`,
    )
  }
}
