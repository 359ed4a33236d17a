/**
 * Leads that other campaigns have: a campaign's mails to them wait for its contact gap. There may be any number of them in front of those that
 * nobody has, so whoever looks for as many first mails as there is room for does not count them.
 */
import { dayNumber, zoneDays } from './days.ts'
import type { PlanInput } from './plan-input.ts'

export class HeldLeads {
  readonly #contacts: PlanInput['contacts']
  readonly #gaps: ReadonlyMap<number, number>
  readonly #today: number
  /** Do slots count for more than the day on which they are? Otherwise they need not be added. */
  readonly lookAhead: boolean
  /** By lead the campaign that has a slot for it; null: several. */
  readonly #planned = new Map<number, number | null>()

  constructor({
    timeZone,
    nowMs,
    campaigns,
    contacts,
  }: Pick<PlanInput, 'timeZone' | 'nowMs' | 'campaigns' | 'contacts'>) {
    this.#contacts = contacts
    this.#gaps = new Map(campaigns.map(({ id, contactGapDays }) => [id, contactGapDays]))
    this.#today = zoneDays(timeZone).dayAt(nowMs)
    this.lookAhead = campaigns.some(({ contactGapDays }) => contactGapDays > 1)
  }

  /** Has any campaign mailed any lead? */
  get anyContact(): boolean {
    return this.#contacts.size > 0
  }

  /** A campaign has a slot for the lead. */
  add(leadId: number, campaignId: number): void {
    const known = this.#planned.get(leadId)
    if (known === undefined) this.#planned.set(leadId, campaignId)
    else if (known !== campaignId) this.#planned.set(leadId, null)
  }

  /** Does another campaign have it, today or on days to come? */
  isHeld(leadId: number | null, campaignId: number): boolean {
    if (leadId === null) return false
    const planned = this.#planned.get(leadId)
    if (this.lookAhead && planned !== undefined && planned !== campaignId) return true
    const gap = this.#gaps.get(campaignId) ?? 0
    return (this.#contacts.get(leadId) ?? []).some(
      (contact) => contact.campaignId !== campaignId && this.#today - dayNumber(contact.day) < gap,
    )
  }
}
