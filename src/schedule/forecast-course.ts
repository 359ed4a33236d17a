/**
 * The course that things take without any fault: each planned mail goes out at its time and is accepted, its capacity is taken, and its
 * follow-up is made as settle makes it: bound to the same mailbox, due by the next step's wait. Owns the queue and the counters on
 * their way through the days; when to plan is decided by `forecast.ts`.
 */
// long: how a queue goes through the days, its feeding and its follow-ups are read together
import { dayText, zoneDays } from './days.ts'
import { dueMsOf } from './due.ts'
import { Counters } from './forecast-counters.ts'
import type { ForecastCampaign, ForecastInput, MailOut } from './forecast-input.ts'
import { HeldLeads } from './held-leads.ts'
import type { PlanInput, PlanMailbox, PlanMessage } from './plan-input.ts'
import type { Plan } from './plan-result.ts'
import { roomOf, roomOfDomain } from './room.ts'
import { NEVER_TRIED } from './untouched-mail.ts'
import { windowsOf } from './windows.ts'

/** A mail that has gone out in the forecast. */
export interface Departure {
  campaignId: number
  day: string
  isFollowUp: boolean
}

/**
 * A mail of the queue, as the plan is told it. There may be a million of them: each is one object that is made once and changed in its place, and
 * its slot is the very one that the plan has made.
 */
interface Open extends PlanMessage {
  slot: PlanMessage['slot']
  lost: PlanMessage['lost']
  /** It goes no earlier than this. */
  dueMs: number
  /** It has had a slot: the plan is given it whether it has one now or not. */
  wasPlanned: boolean
}

/** A follow-up that is due on the day on which it is made is planned so long after at the latest. */
const DUE_SOON_MS = 600_000

export class Course {
  nowMs: number
  readonly #input: PlanInput
  readonly #mailboxes: ReadonlyMap<number, PlanMailbox>
  readonly #of: ReadonlyMap<number, ForecastCampaign>
  readonly #counters: Counters
  readonly #open = new Map<number, Open>()
  readonly #fed = new Map<number, number>()
  /** By campaign: first mails passed over, since of those to their domain as many are open as it may get. */
  readonly #aside = new Map<number, PlanMessage[]>()
  readonly #horizons = new Map<number, { day: number; endMs: number }>()
  readonly #planAfterMs: number
  #lastId: number

  constructor({ plan: input, campaigns, lastMessageId, planAfterMs }: ForecastInput) {
    this.#input = input
    this.#mailboxes = new Map(input.mailboxes.map((it) => [it.id, it]))
    this.nowMs = input.nowMs
    this.#lastId = lastMessageId
    this.#planAfterMs = planAfterMs ?? Number.POSITIVE_INFINITY
    this.#of = new Map(campaigns.map((it) => [it.id, it]))
    this.#counters = new Counters(input)
    for (const message of input.messages) this.#add(message)
    for (const { underWay } of campaigns) for (const mail of underWay) this.#followUp(mail)
  }

  /** All zones in which a midnight may change what can be planned. */
  get timeZones(): string[] {
    return [
      ...new Set([this.#input.timeZone, ...Array.from(this.#counters.campaigns.values(), ({ timeZone }) => timeZone)]),
    ]
  }

  /** Lets campaigns run whose time has come. True where one began. */
  startDue(): boolean {
    let started = false
    for (const [id, { runsFromMs }] of this.#of) {
      const campaign = this.#counters.campaigns.get(id)
      if (!campaign || campaign.running || runsFromMs === null || runsFromMs > this.nowMs) continue
      campaign.running = true
      started = true
    }
    return started
  }

  /** Has the end of some campaign's horizon moved since this was asked last? Then there are days to plan. */
  horizonMoved(): boolean {
    let moved = false
    for (const campaign of this.#counters.campaigns.values()) {
      const day = zoneDays(campaign.timeZone).dayAt(this.nowMs)
      const known = this.#horizons.get(campaign.id)
      if (known?.day === day) continue
      const endMs = windowsOf(campaign, dayText(day), this.#input.horizonDays).at(-1)?.closesMs ?? 0
      moved ||= endMs !== known?.endMs
      this.#horizons.set(campaign.id, { day, endMs })
    }
    return moved
  }

  /** What lies so far back that it holds nobody any more. */
  forget(): void {
    this.#counters.forgetContacts(this.nowMs)
  }

  /** The plan's input as things stand. First mails are fed to it as the database would be read: those there could be room for. */
  planInput(): PlanInput {
    this.#feed()
    const messages: PlanMessage[] = []
    for (const message of this.#open.values()) {
      const horizon = message.kind === 'campaign' ? this.#horizons.get(message.campaignId ?? Number.NaN) : undefined
      // What is due behind the horizon would find no place.
      if (message.slot || message.dueMs <= (horizon?.endMs ?? Number.POSITIVE_INFINITY)) messages.push(message)
    }
    return {
      ...this.#input,
      nowMs: this.nowMs,
      ...this.#counters.state,
      messages,
    }
  }

  /** Stores what a plan says. Returns the campaigns of those that are given up. */
  store(plan: Plan): PlanMessage[] {
    for (const slot of plan.slots) {
      const open = this.#open.get(slot.messageId)
      if (open) Object.assign(open, { slot, lost: null, wasPlanned: true })
    }
    // Why it waits stands where its slot's reason stood: the next plan knows only of those that were missed.
    for (const { messageId, reason, from } of plan.withdrawals) {
      const open = this.#open.get(messageId)
      if (open) Object.assign(open, { slot: null, lost: reason === 'missed' ? { ...from, reason } : null })
    }
    for (const { messageId, ...stamp } of plan.restamps) {
      const open = this.#open.get(messageId)
      if (open?.slot) open.slot = { ...open.slot, ...stamp }
    }
    const givenUp = plan.giveUps.flatMap(({ messageId }) => this.#open.get(messageId) ?? [])
    for (const { id } of givenUp) this.#open.delete(id)
    return givenUp
  }

  /**
   * Lets time pass to an instant, or only so far as nothing has to be planned: to a follow-up that comes soon, or to the last mail of a
   * campaign whose sending time is full today (`fullToday`). `depart` is told of campaign mails. Says whether there is anything to plan.
   */
  pass(
    untilMs: number,
    { depart, fullToday }: { depart: (departure: Departure) => void; fullToday: ReadonlySet<number> },
  ): { toPlan: boolean } {
    const due = this.#dueBefore(untilMs)
    const lastOfDay = new Map(due.map(({ campaignId, id }) => [campaignId, id]))
    let endMs = untilMs
    let toPlan = false
    for (const message of due) {
      const { slot, id, campaignId } = message
      if (!slot || slot.atMs >= endMs) break
      const sentAtMs = Math.max(slot.atMs, this.nowMs)
      this.#counters.take(message, slot.mailboxId, sentAtMs)
      this.#tell(message, sentAtMs, depart)
      this.#open.delete(id)
      const next = this.#followUp({ message, mailboxId: slot.mailboxId, sentAtMs })
      // The delay after a mail that is out is drawn anew, and may leave room for one more.
      const isLast = lastOfDay.get(campaignId) === id && fullToday.has(campaignId ?? Number.NaN)
      toPlan ||= next !== null || isLast || Number.isFinite(this.#planAfterMs)
      if (isLast) endMs = sentAtMs
      const soonMs = next ? Math.max(next.dueMs, this.nowMs + DUE_SOON_MS) : Number.POSITIVE_INFINITY
      endMs = Math.min(endMs, Math.max(sentAtMs, soonMs), sentAtMs + this.#planAfterMs)
    }
    this.nowMs = Math.max(this.nowMs, endMs)
    return { toPlan }
  }

  /** The latest instant from which an open mail may go. */
  lastDueMs(): number {
    let lastMs = Number.NEGATIVE_INFINITY
    for (const { dueMs } of this.#open.values()) lastMs = Math.max(lastMs, dueMs)
    return lastMs
  }

  /** Is there a campaign that has yet to begin? */
  willStart(): boolean {
    return [...this.#of.values()].some(({ id, runsFromMs }) => runsFromMs !== null && !this.isRunning(id))
  }

  /** Mails that are still to go, by campaign, with the follow-ups that they will have. */
  left(): Map<number, number> {
    const left = new Map<number, number>()
    const { messages, waiting } = this.rest()
    const add = (id: number, position: number, mails: number): void => {
      const after = this.#of.get(id)?.steps.filter((step) => step.position > position).length ?? 0
      if (this.isRunning(id)) left.set(id, (left.get(id) ?? 0) + mails * (1 + after))
    }
    for (const { campaignId, stepPosition } of messages) if (campaignId !== null) add(campaignId, stepPosition ?? 1, 1)
    for (const { campaignId, mails } of waiting) add(campaignId, 1, mails)
    return left
  }

  /** What is still in the queue; first mails that were not fed to a plan yet only as a number. */
  rest(): { messages: PlanMessage[]; waiting: { campaignId: number; mails: number }[] } {
    return {
      messages: [...this.#open.values()],
      waiting: Array.from(this.#of, ([campaignId, { waiting }]) => {
        return {
          campaignId,
          mails: waiting.size - (this.#fed.get(campaignId) ?? 0) + (this.#aside.get(campaignId)?.length ?? 0),
        }
      }),
    }
  }

  /** Does any mail have a slot? */
  hasSlots(): boolean {
    for (const { slot } of this.#open.values()) if (slot) return true
    return false
  }

  isRunning(campaignId: number): boolean {
    return this.#counters.campaigns.get(campaignId)?.running === true
  }

  /** Of a campaign that does not run. */
  stoppedBy(campaignId: number): string {
    return this.#of.get(campaignId)?.stoppedBy ?? 'campaign_not_running'
  }

  #add(message: PlanMessage): Open {
    const campaign = this.#counters.campaigns.get(message.campaignId ?? Number.NaN)
    const open = { ...message, dueMs: dueMsOf(message, campaign?.timeZone ?? null), wasPlanned: false }
    this.#open.set(message.id, open)
    return open
  }

  /** In the order of their slots. */
  #dueBefore(untilMs: number): Open[] {
    const due: Open[] = []
    for (const open of this.#open.values()) if (open.slot && open.slot.atMs < untilMs) due.push(open)
    return due.sort((a, b) => (a.slot?.atMs ?? 0) - (b.slot?.atMs ?? 0) || a.id - b.id)
  }

  #feed(): void {
    const fresh = new Map<number, number>()
    const toDomains = new Map<string, number>()
    const held = this.#heldLeads()
    for (const message of this.#open.values()) {
      const { campaignId, leadId, domain, slot, lost, follows, notBeforeMs, kind, wasPlanned } = message
      if (kind !== 'campaign' || campaignId === null || slot || lost || follows || notBeforeMs !== null) continue
      if (wasPlanned || held.isHeld(leadId, campaignId)) continue
      fresh.set(campaignId, (fresh.get(campaignId) ?? 0) + 1)
      count(toDomains, `${campaignId} ${domain}`)
    }
    for (const [id, { waiting }] of this.#of) {
      const campaign = this.#counters.campaigns.get(id)
      if (!campaign) continue
      const fed = this.#fed.get(id) ?? 0
      const aside = this.#aside.get(id) ?? []
      if (fed >= waiting.size && aside.length === 0) continue
      const room = roomOf(campaign, this.#mailboxes, this.#input.horizonDays)
      let left = room - (fresh.get(id) ?? 0)
      const stays: PlanMessage[] = []
      const feed = (message: PlanMessage): void => {
        if (left > 0 && held.isHeld(message.leadId, id)) {
          this.#add(message)
          return
        }
        const most = roomOfDomain(this.#input.domainLimits, message.domain, this.#input.horizonDays)
        if (left <= 0 || (toDomains.get(`${id} ${message.domain}`) ?? 0) >= most) {
          stays.push(message)
          return
        }
        left--
        count(toDomains, `${id} ${message.domain}`)
        this.#add(message)
      }
      for (const message of aside) feed(message)
      let index = fed
      for (; index < waiting.size; index++) {
        if (left <= 0) break
        feed(waiting.at(index))
      }
      this.#aside.set(id, stays)
      this.#fed.set(id, index)
    }
  }

  /** As a plan finds them. */
  #heldLeads(): HeldLeads {
    const { campaigns, contacts } = this.#counters.state
    const held = new HeldLeads({ timeZone: this.#input.timeZone, nowMs: this.nowMs, campaigns, contacts })
    if (!held.lookAhead || campaigns.length === 1) return held
    for (const { slot, leadId, campaignId } of this.#open.values())
      if (slot && leadId !== null && campaignId !== null) held.add(leadId, campaignId)
    return held
  }

  #tell({ kind, campaignId, stepPosition }: PlanMessage, atMs: number, depart: (departure: Departure) => void): void {
    const campaign = kind === 'campaign' ? this.#counters.campaigns.get(campaignId ?? Number.NaN) : undefined
    if (!campaign) return
    const day = dayText(zoneDays(campaign.timeZone).dayAt(atMs))
    depart({ campaignId: campaign.id, day, isFollowUp: (stepPosition ?? 1) > 1 })
  }

  #followUp({ message, mailboxId, sentAtMs }: MailOut): Open | null {
    const steps = message.kind === 'campaign' ? this.#of.get(message.campaignId ?? Number.NaN)?.steps : undefined
    const next = steps?.find(({ position }) => position > (message.stepPosition ?? 1))
    if (!next) return null
    const id = ++this.#lastId
    return this.#add({
      ...message,
      id,
      order: id,
      stepPosition: next.position,
      boundMailboxId: mailboxId,
      notBeforeMs: null,
      follows: { sentAtMs, wait: next.wait },
      triedDays: NEVER_TRIED,
      slot: null,
      lost: null,
    })
  }
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
