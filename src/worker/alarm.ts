/** Waiting that ends when somebody rings. Whoever rings while nobody waits has rung for the next one, until it is set again. */
export class Alarm {
  #hasRung = false
  #ring: () => void = () => undefined

  get hasRung(): boolean {
    return this.#hasRung
  }

  /** What has rung so far is forgotten. */
  set(): void {
    this.#hasRung = false
  }

  ring(): void {
    this.#hasRung = true
    this.#ring()
  }

  /** Waits so long, a minute at most, or until it rings; undefined: until it rings. */
  async until(waitMs: number | undefined): Promise<void> {
    if (this.#hasRung) return
    await new Promise<void>((resolve) => {
      const timer = waitMs === undefined ? undefined : setTimeout(resolve, Math.min(waitMs, LONGEST_WAIT_MS))
      this.#ring = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#ring = () => undefined
  }
}

const LONGEST_WAIT_MS = 60_000
