/** A priority queue of which most is put in in order, as mails are by their rank: that part is a list, and only what comes out of turn a heap. */
import { Heap } from './heap.ts'

export class Line<Item> {
  readonly #comesBefore: (a: Item, b: Item) => boolean
  readonly #outOfTurn: Heap<Item>
  #inTurn: Item[] = []
  /** All before are gone. */
  #next = 0

  constructor(comesBefore: (a: Item, b: Item) => boolean) {
    this.#comesBefore = comesBefore
    this.#outOfTurn = new Heap(comesBefore)
  }

  get size(): number {
    return this.#inTurn.length - this.#next + this.#outOfTurn.size
  }

  peek(): Item | undefined {
    return this.#isInTurn() ? this.#inTurn[this.#next] : this.#outOfTurn.peek()
  }

  push(item: Item): void {
    const last = this.#inTurn.at(-1)
    if (last !== undefined && this.#comesBefore(item, last)) this.#outOfTurn.push(item)
    else this.#inTurn.push(item)
  }

  pop(): Item | undefined {
    if (!this.#isInTurn()) return this.#outOfTurn.pop()
    const item = this.#inTurn[this.#next]
    this.#next++
    if (this.#next === this.#inTurn.length) {
      this.#inTurn = []
      this.#next = 0
    }
    return item
  }

  #isInTurn(): boolean {
    const first = this.#inTurn[this.#next]
    if (first === undefined) return false
    const other = this.#outOfTurn.peek()
    return other === undefined || !this.#comesBefore(other, first)
  }
}
