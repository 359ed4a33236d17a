/**
 * What has nothing to do with each other can be planned apart: campaigns that share no mailbox, no salesperson with a limit and no lead, each
 * with its mails, and the other mail of those mailboxes. The plans of all parts are together the plan of the whole; the first can be written
 * while the next is reckoned.
 */
import type { MessageList, PlanInput, PlanMessage, WholePlanInput } from './plan-input.ts'

/** The parts of an input, each as small as it can be with at least so many mails, if it is not the last. Only its own mails are made for a part. */
export function* apart(input: WholePlanInput, atLeastMails: number): Generator<PlanInput> {
  const all = Array.from({ length: input.messages.length }, (_, place) => place)
  // Any two mails may go to the same domain.
  if (input.domainLimits.size > 0 || all.length < 2 * atLeastMails) {
    yield { ...input, messages: mailsAt(input.messages, all) }
    return
  }
  const groups = new Groups(input)
  const [mailboxes, salespeople, campaigns, places] = [
    Map.groupBy(input.mailboxes, ({ id }) => groups.of('mailbox', id)),
    Map.groupBy(input.salespeople, ({ id, dailyLimit }) => (dailyLimit === null ? null : groups.of('salesperson', id))),
    Map.groupBy(input.campaigns, ({ id }) => groups.of('campaign', id)),
    Map.groupBy(all, (place) => groups.ofMail(place)),
  ]
  const roots = [...new Set([...campaigns.keys(), ...places.keys()])]
  for (const part of bundles(roots, (root) => places.get(root)?.length ?? 0, atLeastMails)) {
    const of = <Thing>(things: Map<number | null, Thing[]>): Thing[] => part.flatMap((root) => things.get(root) ?? [])
    const messages = mailsAt(input.messages, of(places))
    yield {
      ...input,
      // Nobody waits for one without a limit, and any part may count on him.
      salespeople: [...of(salespeople), ...(salespeople.get(null) ?? [])],
      mailboxes: of(mailboxes),
      campaigns: of(campaigns),
      messages,
      contacts: contactsOf(input, messages),
    }
  }
}

/** By id. */
function mailsAt(list: MessageList, places: readonly number[]): PlanMessage[] {
  return places.flatMap((place) => list.at(place) ?? []).sort((a, b) => a.id - b.id)
}

function* bundles(
  roots: readonly number[],
  mailsOf: (root: number) => number,
  atLeastMails: number,
): Generator<number[]> {
  let bundle: number[] = []
  let mails = 0
  for (const root of roots) {
    bundle.push(root)
    mails += mailsOf(root)
    if (mails < atLeastMails) continue
    yield bundle
    bundle = []
    mails = 0
  }
  if (bundle.length > 0) yield bundle
}

function contactsOf({ contacts }: WholePlanInput, mails: readonly PlanMessage[]): PlanInput['contacts'] {
  if (contacts.size === 0) return contacts
  const own = new Map<number, readonly { day: string; campaignId: number }[]>()
  for (const { leadId } of mails) {
    const known = leadId === null ? undefined : contacts.get(leadId)
    if (leadId !== null && known) own.set(leadId, known)
  }
  return own
}

type Kind = 'mailbox' | 'salesperson' | 'campaign'

/** Whoever shares something is in one group, named by one of its members. */
class Groups {
  /** Each member's way to the one that names its group. */
  readonly #ways: number[] = []
  readonly #members: Record<Kind, Map<number, number>> = {
    mailbox: new Map(),
    salesperson: new Map(),
    campaign: new Map(),
  }
  readonly #limited: ReadonlySet<number>
  /** By the place of a mail in its list. */
  readonly #memberOfMail: Uint32Array

  constructor({ salespeople, campaigns, messages }: WholePlanInput) {
    this.#memberOfMail = new Uint32Array(messages.length)
    this.#limited = new Set(salespeople.filter(({ dailyLimit }) => dailyLimit !== null).map(({ id }) => id))
    for (const { id, mailboxIds, salespersonId } of campaigns) {
      const campaign = this.#member('campaign', id)
      for (const mailboxId of mailboxIds) this.#join(campaign, this.#member('mailbox', mailboxId))
      this.#joinSalesperson(campaign, salespersonId)
    }
    const leads = new Map<number, number>()
    for (let place = 0; place < messages.length; place += 1) {
      const message = messages.at(place)
      if (!message) continue
      const { kind, leadId, boundMailboxId, salespersonId, slot } = message
      const member = this.#memberOf(message)
      this.#memberOfMail[place] = member
      if (boundMailboxId !== null) this.#join(member, this.#member('mailbox', boundMailboxId))
      if (slot) this.#join(member, this.#member('mailbox', slot.mailboxId))
      if (kind !== 'campaign') this.#joinSalesperson(member, salespersonId)
      if (kind !== 'campaign' || leadId === null) continue
      const other = leads.get(leadId)
      if (other === undefined) leads.set(leadId, member)
      else if (other !== member) this.#join(member, other)
    }
  }

  of(kind: Kind, id: number): number {
    return this.#root(this.#member(kind, id))
  }

  ofMail(place: number): number {
    return this.#root(this.#memberOfMail[place] ?? 0)
  }

  /** Campaign mail belongs to its campaign, other mail to its mailbox. */
  #memberOf({ kind, campaignId, boundMailboxId }: PlanMessage): number {
    return kind === 'campaign'
      ? this.#member('campaign', campaignId ?? 0)
      : this.#member('mailbox', boundMailboxId ?? 0)
  }

  #joinSalesperson(member: number, id: number | null): void {
    if (id !== null && this.#limited.has(id)) this.#join(member, this.#member('salesperson', id))
  }

  #member(kind: Kind, id: number): number {
    const known = this.#members[kind].get(id)
    if (known !== undefined) return known
    const member = this.#ways.length
    this.#ways.push(member)
    this.#members[kind].set(id, member)
    return member
  }

  #root(member: number): number {
    let at = member
    for (let next = this.#ways[at] ?? at; next !== at; next = this.#ways[at] ?? at) {
      // Each look shortens the way of the next one.
      this.#ways[at] = this.#ways[next] ?? next
      at = next
    }
    return at
  }

  #join(one: number, other: number): void {
    this.#ways[this.#root(one)] = this.#root(other)
  }
}
