/** The counters of a forecast on their way through the days: what is taken of mailboxes, campaigns and salespeople, and which leads were mailed. */
import { dayText, zoneDays } from './days.ts'
import type { PlanCampaign, PlanInput, PlanMailbox, PlanMessage, PlanSalesperson } from './plan-input.ts'

const HOUR_MS = 3_600_000

type Counts = { campaign: number; warmup: number; response: number }
type Mutable<Thing> = { -readonly [Key in keyof Thing]: Thing[Key] }

interface Mailbox extends Mutable<PlanMailbox> {
  taken: Map<string, Counts>
}
interface Salesperson extends Mutable<PlanSalesperson> {
  taken: Map<string, number>
}
interface Campaign extends Mutable<PlanCampaign> {
  taken: Map<string, number>
}

export class Counters {
  readonly campaigns: ReadonlyMap<number, Campaign>
  readonly #timeZone: string
  readonly #mailboxes: ReadonlyMap<number, Mailbox>
  readonly #salespeople: ReadonlyMap<number, Salesperson>
  readonly #contacts: Map<number, { day: string; campaignId: number }[]>

  readonly #domains: Map<string, { days: Map<string, number>; hours: Map<number, number> }>
  readonly #countsDomains: boolean

  constructor(input: PlanInput) {
    this.#timeZone = input.timeZone
    this.#mailboxes = new Map(input.mailboxes.map((it) => [it.id, { ...it, taken: new Map(it.taken) }]))
    this.#salespeople = new Map(input.salespeople.map((it) => [it.id, { ...it, taken: new Map(it.taken) }]))
    this.campaigns = new Map(input.campaigns.map((it) => [it.id, { ...it, taken: new Map(it.taken) }]))
    this.#contacts = new Map(Array.from(input.contacts, ([lead, days]) => [lead, [...days]]))
    this.#countsDomains = input.domainLimits.size > 0
    this.#domains = new Map(
      Array.from(input.domainsTaken, ([domain, { days, hours }]) => [
        domain,
        { days: new Map(days), hours: new Map(hours) },
      ]),
    )
  }

  /** As the plan is told. */
  get state(): Pick<PlanInput, 'mailboxes' | 'salespeople' | 'campaigns' | 'contacts' | 'domainsTaken'> {
    return {
      mailboxes: [...this.#mailboxes.values()],
      salespeople: [...this.#salespeople.values()],
      campaigns: [...this.campaigns.values()],
      contacts: this.#contacts,
      domainsTaken: this.#domains,
    }
  }

  /** A mail goes out: takes what claim and fence take of it. */
  take({ kind, campaignId, leadId, salespersonId, domain }: PlanMessage, mailboxId: number, atMs: number): void {
    const day = dayText(zoneDays(this.#timeZone).dayAt(atMs))
    const mailbox = this.#mailboxes.get(mailboxId)
    if (mailbox) {
      const taken = mailbox.taken.get(day) ?? { campaign: 0, warmup: 0, response: 0 }
      mailbox.taken.set(day, { ...taken, [kind]: taken[kind] + 1 })
      mailbox.lastFenceMs = atMs
    }
    const campaign = kind === 'campaign' ? this.campaigns.get(campaignId ?? Number.NaN) : undefined
    // Warm-up mails count on no salesperson.
    const ownerId = campaign?.salespersonId ?? (kind === 'response' ? salespersonId : null)
    const owner = this.#salespeople.get(ownerId ?? Number.NaN)
    owner?.taken.set(day, (owner.taken.get(day) ?? 0) + 1)
    if (!campaign) return
    const localDay = dayText(zoneDays(campaign.timeZone).dayAt(atMs))
    campaign.taken.set(localDay, (campaign.taken.get(localDay) ?? 0) + 1)
    campaign.lastFenceMs = atMs
    if (domain !== null && this.#countsDomains) this.#takeOfDomain(domain, day, atMs)
    // A campaign is never kept from its own leads.
    if (leadId === null || this.campaigns.size === 1) return
    const contacts = this.#contacts.get(leadId) ?? []
    contacts.push({ day, campaignId: campaign.id })
    this.#contacts.set(leadId, contacts)
  }

  #takeOfDomain(domain: string, day: string, atMs: number): void {
    const { days, hours } = this.#domains.get(domain) ?? { days: new Map(), hours: new Map() }
    this.#domains.set(domain, { days, hours })
    const hourMs = Math.floor(atMs / HOUR_MS) * HOUR_MS
    days.set(day, (days.get(day) ?? 0) + 1)
    hours.set(hourMs, (hours.get(hourMs) ?? 0) + 1)
  }

  /** Contacts older than the widest gap say nothing any more, and a year of them would slow every plan down. */
  forgetContacts(nowMs: number): void {
    const today = zoneDays(this.#timeZone).dayAt(nowMs)
    const widest = Math.max(0, ...Array.from(this.campaigns.values(), ({ contactGapDays }) => contactGapDays))
    const oldest = dayText(today - widest)
    for (const [lead, contacts] of this.#contacts) {
      if (contacts.every(({ day }) => day < oldest)) this.#contacts.delete(lead)
    }
    for (const { days, hours } of this.#domains.values()) {
      for (const day of days.keys()) if (day < dayText(today)) days.delete(day)
      for (const hourMs of hours.keys()) if (hourMs < nowMs - HOUR_MS) hours.delete(hourMs)
    }
  }
}
