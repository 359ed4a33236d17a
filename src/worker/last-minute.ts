/** How often something has happened within the last minute. */
export class LastMinute {
  #times: number[] = []

  /** It happens now; says which time it is. */
  count(): number {
    const now = performance.now()
    this.#times = [...this.#times.filter((time) => now - time < 60_000), now]
    return this.#times.length
  }

  /** As if it had never happened. */
  forget(): void {
    this.#times = []
  }
}
