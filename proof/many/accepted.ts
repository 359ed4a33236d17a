/** How many mails the server has accepted so far, for whoever waits for a number of them. */
export class Accepted {
  #count = 0
  #isOver = false
  #waiting: { at: number; resolve: () => void }[] = []

  add(): void {
    this.#count += 1
    this.#wake()
  }

  /** Nobody waits any more. */
  end(): void {
    this.#isOver = true
    this.#wake()
  }

  async until(at: number): Promise<void> {
    if (this.#isOver || this.#count >= at) return
    await new Promise<void>((resolve) => void this.#waiting.push({ at, resolve }))
  }

  async more(mails: number): Promise<void> {
    await this.until(this.#count + mails)
  }

  #wake(): void {
    const isDue = ({ at }: { at: number }): boolean => this.#isOver || this.#count >= at
    const due = this.#waiting.filter(isDue)
    this.#waiting = this.#waiting.filter((waiting) => !isDue(waiting))
    for (const { resolve } of due) resolve()
  }
}
