/** Chance that comes again: everything that a simulation draws follows from its seed. */
import { createHash } from 'node:crypto'
import { assert } from '../../src/errors.ts'

/** A number in [0, 1) that depends on these words alone, and not on what was drawn before. */
export function chanceOf(...words: readonly (string | number)[]): number {
  return createHash('sha256').update(words.join(' ')).digest().readUInt32BE(0) / 0x1_0000_0000
}

/** A sequence of draws. */
export class Random {
  #words: readonly (string | number)[]
  #drawn = 0

  constructor(...words: readonly (string | number)[]) {
    this.#words = words
  }

  next(): number {
    this.#drawn += 1
    return chanceOf(...this.#words, this.#drawn)
  }

  chance(part: number): boolean {
    return this.next() < part
  }

  /** A whole number from `least` to `most`. */
  int(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1))
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.int(0, items.length - 1)]
    assert(item !== undefined, 'there is something to pick from')
    return item
  }

  /** So many different ones, in the order drawn. */
  sample<Item>(items: readonly Item[], count: number): Item[] {
    const left = [...items]
    return Array.from({ length: Math.min(count, left.length) }, () =>
      left.splice(this.int(0, left.length - 1), 1),
    ).flat()
  }
}
