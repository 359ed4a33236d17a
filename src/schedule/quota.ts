import type { Domain } from './domains.ts'
import type { Mailbox } from './world.ts'

/** A lane's part of what it shares with others on a day. */
export class Quota {
  salesperson: number
  readonly #byMailbox: number[]
  readonly #mailboxes: readonly Mailbox[]
  readonly #others: Map<Mailbox | Domain, number>

  /** `others`: its parts of mailboxes that only mails bound to them leave from, and of domains; of those that are not named there is no end. */
  constructor(
    mailboxes: readonly Mailbox[],
    byMailbox: number[],
    { salesperson, others }: { salesperson: number; others: Map<Mailbox | Domain, number> },
  ) {
    this.#mailboxes = mailboxes
    this.#byMailbox = byMailbox
    this.salesperson = salesperson
    this.#others = others
  }

  /** May the lane take one more of its mailbox with this index? */
  allowsAt(index: number): boolean {
    return (this.#byMailbox[index] ?? 0) >= 1
  }

  /** May it take one more of this mailbox, or send one more to this domain? */
  allows(owner: Mailbox | Domain): boolean {
    const index = this.#indexOf(owner)
    return index >= 0 ? this.allowsAt(index) : (this.#others.get(owner) ?? 1) >= 1
  }

  use(mailbox: Mailbox, domain: Domain | null): void {
    this.#use(mailbox)
    if (domain) this.#use(domain)
    this.salesperson--
  }

  #use(owner: Mailbox | Domain): void {
    const index = this.#indexOf(owner)
    const other = this.#others.get(owner)
    if (index >= 0) this.#byMailbox[index] = (this.#byMailbox[index] ?? 0) - 1
    else if (other !== undefined) this.#others.set(owner, other - 1)
  }

  #indexOf(owner: Mailbox | Domain): number {
    return 'gapMs' in owner ? this.#mailboxes.indexOf(owner) : -1
  }
}
