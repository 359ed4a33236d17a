import type { Mailbox } from './world.ts'

/** A lane's part of what it shares with others on a day. */
export class Quota {
  salesperson: number
  readonly #byMailbox: number[]
  readonly #mailboxes: readonly Mailbox[]

  constructor(mailboxes: readonly Mailbox[], byMailbox: number[], salesperson: number) {
    this.#mailboxes = mailboxes
    this.#byMailbox = byMailbox
    this.salesperson = salesperson
  }

  /** May the lane take one more of its mailbox with this index? */
  allows(index: number): boolean {
    return (this.#byMailbox[index] ?? 0) >= 1
  }

  use(mailbox: Mailbox): void {
    const index = this.#mailboxes.indexOf(mailbox)
    if (index >= 0) this.#byMailbox[index] = (this.#byMailbox[index] ?? 0) - 1
    this.salesperson--
  }
}
