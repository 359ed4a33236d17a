/** A count per day against a limit per day. Room may be negative: a limit can be lowered below what is taken. */
export class DayCounter {
  readonly #used: Float64Array
  readonly #limits: Float64Array

  /** One place per day of the plan; without a limit there is always room. */
  constructor(days: number) {
    this.#used = new Float64Array(days)
    this.#limits = new Float64Array(days).fill(Number.POSITIVE_INFINITY)
  }

  get length(): number {
    return this.#limits.length
  }

  limit(day: number, limit: number): void {
    this.#limits[day] = limit
  }

  room(day: number): number {
    return (this.#limits[day] ?? 0) - (this.#used[day] ?? 0)
  }

  hasRoom(day: number): boolean {
    return this.room(day) >= 1
  }

  used(day: number): number {
    return this.#used[day] ?? 0
  }

  /** The part of the limit that is used; 0 where there is no limit. */
  load(day: number): number {
    const limit = this.#limits[day] ?? 0
    return limit === 0 ? 1 : this.used(day) / limit
  }

  /** Takes one place, or as many as told; a negative count gives them back. */
  take(day: number, count = 1): void {
    this.#used[day] = this.used(day) + count
  }
}
