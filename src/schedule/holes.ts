/**
 * The free places between the mails that a mailbox or a campaign already has on a day: stretches of time in which one more may
 * stand. A pass over a day goes forward in time only, so a mail that is put into a hole leaves of it what comes after.
 */
export class Holes {
  readonly #starts: number[] = []
  readonly #ends: number[] = []
  #current = 0

  /** A stretch, both ends included, after those already there; an empty one is left out. */
  push(startMs: number, endMs: number): void {
    if (startMs > endMs) return
    this.#starts.push(startMs)
    this.#ends.push(endMs)
  }

  /** The first free instant at or after this one; Infinity where there is none. */
  first(fromMs: number): number {
    const index = this.#find(fromMs)
    const startMs = this.#starts[index]
    return startMs === undefined ? Number.POSITIVE_INFINITY : Math.max(startMs, fromMs)
  }

  /** Puts a mail at a free instant. In this hole the next one may come at `nextMs` at the earliest; all that is before is over. */
  take(atMs: number, nextMs: number): void {
    this.#current = this.#find(atMs)
    this.#starts[this.#current] = nextMs
    if (nextMs > (this.#ends[this.#current] ?? 0)) this.#current++
  }

  /** The first hole that ends at or after an instant. Most often it is the current one or the next. */
  #find(fromMs: number): number {
    let low = this.#current
    if (this.#ends[low] === undefined || (this.#ends[low] ?? 0) >= fromMs) return low
    let step = 1
    while (low + step < this.#ends.length && (this.#ends[low + step] ?? 0) < fromMs) {
      low += step
      step *= 2
    }
    let high = Math.min(low + step, this.#ends.length)
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if ((this.#ends[middle] ?? 0) < fromMs) low = middle
      else high = middle
    }
    return high
  }
}
