import type { Campaign, Mail } from './world.ts'

/** How the mails of a mailbox's day are parted between campaigns. */
export class Parts {
  readonly #counts = new Map<Campaign, number>()
  #total = 0
  #weights = 0

  constructor(mails: readonly Mail[]) {
    for (const { campaign } of mails) {
      if (!campaign) continue
      this.join(campaign)
      this.#counts.set(campaign, (this.#counts.get(campaign) ?? 0) + 1)
      this.#total++
    }
  }

  /** From now on it has a part. */
  join(campaign: Campaign): void {
    if (this.#counts.has(campaign)) return
    this.#counts.set(campaign, 0)
    this.#weights += campaign.input.weight
  }

  /** How many mails a campaign is below its part, in whole mails; negative: above it. */
  missing(campaign: Campaign): number {
    const count = this.#counts.get(campaign)
    const weights = count === undefined ? this.#weights + campaign.input.weight : this.#weights
    return Math.floor((this.#total * campaign.input.weight) / weights) - (count ?? 0)
  }

  /** One mail goes over from one campaign to another. */
  pass(from: Campaign, to: Campaign): void {
    this.#counts.set(from, (this.#counts.get(from) ?? 0) - 1)
    this.#counts.set(to, (this.#counts.get(to) ?? 0) + 1)
  }
}
