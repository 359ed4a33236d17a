/**
 * Which address stood on which line before, for files of millions of lines: 96 bits of a hash and the line number for each, in flat memory
 * (at most 43 bytes a line), where a Map of the addresses would take several times as much. That two addresses share 96
 * bits is less likely than that the disk misread one.
 */
import { hash } from 'node:crypto'

const WORDS = 4
const FIRST_SLOTS = 1 << 12

export class SeenLines {
  /** Slots of three words of the hash and the line; line 0: free. */
  #slots = new Uint32Array(FIRST_SLOTS * WORDS)
  #count = 0

  /** The line that had this address before, or undefined: then it is remembered with this line. */
  seen(address: string, line: number): number | undefined {
    if (this.#count * 4 > (this.#slots.length / WORDS) * 3) this.#grow()
    const digest = hash('sha256', address, 'buffer')
    const [a, b, c] = [digest.readUInt32LE(0), digest.readUInt32LE(4), digest.readUInt32LE(8)]
    const at = this.#find(a, b, c)
    const before = this.#slots[at + 3] ?? 0
    if (before !== 0) return before
    this.#slots.set([a, b, c, line], at)
    this.#count++
    return undefined
  }

  /** Where this hash is, or would be. */
  #find(a: number, b: number, c: number): number {
    const slots = this.#slots
    const mask = slots.length / WORDS - 1
    for (let slot = a & mask; ; slot = (slot + 1) & mask) {
      const at = slot * WORDS
      if (slots[at + 3] === 0) return at
      if (slots[at] === a && slots[at + 1] === b && slots[at + 2] === c) return at
    }
  }

  #grow(): void {
    const old = this.#slots
    this.#slots = new Uint32Array(old.length * 2)
    for (let at = 0; at < old.length; at += WORDS) {
      const [a = 0, b = 0, c = 0, line = 0] = old.subarray(at, at + WORDS)
      if (line !== 0) this.#slots.set([a, b, c, line], this.#find(a, b, c))
    }
  }
}
