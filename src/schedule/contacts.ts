/**
 * The contact gap: which campaigns have a lead on which days. A campaign may not take a lead on a day if another campaign took it
 * within the campaign's own gap before; and where the other's mail is planned for a later day, not within the other's gap before
 * that, or claim would hold the other one back. Two campaigns whose gaps are both 0 may take a lead on the same day.
 */
import { dayNumber } from './days.ts'
import type { PlanInput } from './plan-input.ts'

interface Contact {
  day: number
  campaignId: number
  /** The gap to keep before it; 0 for a mail that is out. */
  gapBefore: number
}

interface Taker {
  id: number
  contactGapDays: number
}

/** Only leads with mails of several campaigns are followed: for all others nothing can stand in the way. */
export class Contacts {
  readonly #byLead = new Map<number, Contact[]>()

  constructor(input: Pick<PlanInput, 'messages' | 'contacts'>) {
    const firstCampaigns = new Map<number, number>()
    const meet = (leadId: number, campaignId: number): void => {
      const first = firstCampaigns.get(leadId)
      if (first === undefined) firstCampaigns.set(leadId, campaignId)
      else if (first !== campaignId && !this.#byLead.has(leadId)) this.#byLead.set(leadId, [])
    }
    for (const { leadId, campaignId, kind } of input.messages) {
      if (kind === 'campaign' && leadId !== null && campaignId !== null) meet(leadId, campaignId)
    }
    for (const [leadId, contacts] of input.contacts) {
      for (const { campaignId } of contacts) if (firstCampaigns.has(leadId)) meet(leadId, campaignId)
      const followed = this.#byLead.get(leadId)
      for (const { day, campaignId } of contacts) followed?.push({ day: dayNumber(day), campaignId, gapBefore: 0 })
    }
  }

  /** Does another campaign keep this one from taking the lead on that day? */
  block(leadId: number | null, taker: Taker, day: number): boolean {
    const contacts = leadId === null ? undefined : this.#byLead.get(leadId)
    if (!contacts) return false
    return contacts.some(({ day: taken, campaignId, gapBefore }) => {
      if (campaignId === taker.id) return false
      return taken <= day
        ? day - taken < taker.contactGapDays || (taken === day && gapBefore > 0)
        : taken - day < gapBefore
    })
  }

  /** Notes a planned mail. */
  add(leadId: number | null, taker: Taker, day: number): void {
    if (leadId === null) return
    this.#byLead.get(leadId)?.push({ day, campaignId: taker.id, gapBefore: taker.contactGapDays })
  }

  /** Forgets a planned mail. */
  remove(leadId: number | null, taker: Taker, day: number): void {
    const contacts = leadId === null ? undefined : this.#byLead.get(leadId)
    const index = contacts?.findIndex((contact) => contact.day === day && contact.campaignId === taker.id) ?? -1
    if (index >= 0) contacts?.splice(index, 1)
  }
}
