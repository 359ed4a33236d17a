/** Mails in the order of their planned times, in a list per day, so that putting one in moves a day's mails at most. */
export class Timeline<Item extends { atMs: number }> {
  readonly #days: Item[][]
  readonly #unsorted = new Set<number>()

  constructor(days: number) {
    this.#days = Array.from({ length: days }, () => [])
  }

  add(day: number, item: Item): void {
    const list = this.#days[day]
    const last = list?.at(-1)
    if (last && last.atMs > item.atMs) this.#unsorted.add(day)
    list?.push(item)
  }

  /** The mails of a day, earliest first. Not to be kept beyond the next change. */
  on(day: number): readonly Item[] {
    const list = this.#days[day] ?? []
    // Runs of sorted mails are appended to sorted ones, which this sort merges in linear time.
    if (this.#unsorted.delete(day)) list.sort((a, b) => a.atMs - b.atMs)
    return list
  }

  lastBefore(day: number): Item | undefined {
    for (let before = day - 1; before >= 0; before--) {
      const last = this.on(before).at(-1)
      if (last) return last
    }
    return undefined
  }

  firstAfter(day: number): Item | undefined {
    for (let after = day + 1; after < this.#days.length; after++) {
      const first = this.on(after)[0]
      if (first) return first
    }
    return undefined
  }

  remove(day: number, item: Item): void {
    const list = this.#days[day]
    const index = list?.indexOf(item) ?? -1
    if (index >= 0) list?.splice(index, 1)
  }

  /** Drops all mails that do not pass. */
  keep(passes: (item: Item) => boolean): void {
    for (const [day, list] of this.#days.entries()) {
      if (!list.every(passes)) this.#days[day] = list.filter(passes)
    }
  }
}
