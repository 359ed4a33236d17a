/**
 * A line of mails that wait for a place: those that are due by rank, the others by the time at which they become due. One that
 * cannot go in the stretch of time that is being filled steps aside, and holds up nobody behind it.
 */
import { Heap } from './heap.ts'
import { Line } from './line.ts'
import type { Mail } from './world.ts'

export class Queue {
  /** All leave from the same mailboxes: where the first finds no place, no other does. */
  readonly uniform: boolean
  /** No place is left for any of them until the stretch of time ends. */
  closed = false
  readonly #ready = new Line<Mail>((a, b) => a.rank < b.rank)
  readonly #later = new Heap<Mail>(
    (a, b) => startMsOf(a) < startMsOf(b) || (startMsOf(a) === startMsOf(b) && a.rank < b.rank),
  )
  #aside: Mail[] = []

  constructor(uniform: boolean) {
    this.uniform = uniform
  }

  get size(): number {
    return this.#ready.size + this.#later.size + this.#aside.length
  }

  add(mail: Mail, nowMs: number): void {
    if (startMsOf(mail) <= nowMs) this.#ready.push(mail)
    else this.#later.push(mail)
  }

  /** Who goes first at an instant: the first of those due by then, else the one that is due next. */
  head(atMs: number): Mail | undefined {
    for (let next = this.#later.peek(); next && startMsOf(next) <= atMs; next = this.#later.peek()) {
      this.#later.pop()
      this.#ready.push(next)
    }
    // A day may be gone through twice: who had become due late in it is not yet due when it begins anew.
    for (let next = this.#ready.peek(); next && startMsOf(next) > atMs; next = this.#ready.peek()) {
      this.#ready.pop()
      this.#later.push(next)
    }
    return this.#ready.peek() ?? this.#later.peek()
  }

  /** Takes the head out of the line. */
  takeHead(): Mail | undefined {
    return this.#ready.pop() ?? this.#later.pop()
  }

  /** Lets the head wait until the stretch of time ends. */
  setHeadAside(): void {
    const mail = this.takeHead()
    if (mail) this.#aside.push(mail)
  }

  /** Lets the head wait until an instant; whoever stands behind it goes first. */
  holdHead(untilMs: number): void {
    const mail = this.takeHead()
    if (!mail) return
    mail.heldMs = untilMs
    this.#later.push(mail)
  }

  /** A new stretch of time: all may try again. */
  reopen(): void {
    this.closed = false
    for (const mail of this.#aside) this.#ready.push(mail)
    this.#aside = []
  }
}

/** It is not placed before this: when it is due, when its mailbox and an hour of its domain are free again, and after the slot that it lost. */
export function startMsOf({ dueMs, afterMs, heldMs, bound }: Mail): number {
  return Math.max(dueMs, afterMs ?? dueMs, heldMs, bound?.input.freeFromMs ?? dueMs)
}
