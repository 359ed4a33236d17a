/** What is asked for within a moment becomes one run; a second one begins beside it only where the first is late. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Coalescer } from '../../src/delivery/batch.ts'
import { messageOf } from '../../src/errors.ts'

const WAIT_MS = 1
const LATE_MS = 250

interface Run {
  items: number[]
  resolve: (answers: string[]) => void
  reject: (error: Error) => void
}

let runs: Run[]
/** What each item was told. */
let told: Map<number, string>
let coalescer: Coalescer<number, string>

beforeEach(() => {
  vi.useFakeTimers()
  runs = []
  told = new Map()
  coalescer = new Coalescer({
    waitMs: WAIT_MS,
    lateMs: LATE_MS,
    most: 4,
    run: (items) => new Promise((resolve, reject) => runs.push({ items, resolve, reject })),
  })
})

afterEach(() => {
  vi.useRealTimers()
})

/** Asks for these, and lets the moment pass. */
async function ask(...items: number[]): Promise<void> {
  for (const item of items) void note(item)
  await vi.advanceTimersByTimeAsync(WAIT_MS)
}

async function note(item: number): Promise<void> {
  try {
    told.set(item, await coalescer.ask(item))
  } catch (error) {
    told.set(item, messageOf(error))
  }
}

/** Ends a run with an answer for each of its items. */
async function end(run: number): Promise<void> {
  runs[run]?.resolve(runs[run].items.map((item) => `answer ${item}`))
  await vi.advanceTimersByTimeAsync(0)
}

const itemsOf = (): number[][] => runs.map(({ items }) => items)

test('what is asked for within a moment is one run, and each item has its own answer', async () => {
  await ask(1, 2)
  expect(itemsOf()).toEqual([[1, 2]])
  await end(0)
  expect([...told]).toEqual([
    [1, 'answer 1'],
    [2, 'answer 2'],
  ])
})

test('what comes while a run is under way goes together when it has ended', async () => {
  await ask(1)
  await ask(2)
  await ask(3)
  expect(itemsOf()).toEqual([[1]])
  await end(0)
  expect(itemsOf()).toEqual([[1], [2, 3]])
})

test('a run takes no more than it may, and the others follow it', async () => {
  await ask(1, 2, 3, 4, 5, 6)
  expect(itemsOf()).toEqual([[1, 2, 3, 4]])
  await end(0)
  expect(itemsOf().at(-1)).toEqual([5, 6])
})

test('beside a run that is late the next one begins, and beside the two of them none', async () => {
  await ask(1)
  await ask(2)
  await vi.advanceTimersByTimeAsync(LATE_MS)
  expect(itemsOf()).toEqual([[1], [2]])
  await ask(3)
  await vi.advanceTimersByTimeAsync(10 * LATE_MS)
  expect(itemsOf()).toHaveLength(2)
  await end(0)
  expect(itemsOf()).toEqual([[1], [2], [3]])
})

test('what comes when a run is late already does not wait for it', async () => {
  await ask(1)
  await vi.advanceTimersByTimeAsync(LATE_MS)
  await ask(2)
  expect(itemsOf()).toEqual([[1], [2]])
  // The second is in time: what comes now goes behind it.
  await ask(3)
  expect(itemsOf()).toHaveLength(2)
  await end(1)
  expect(itemsOf()).toEqual([[1], [2], [3]])
})

test('a run that was late and has ended counts no longer', async () => {
  await ask(1)
  await vi.advanceTimersByTimeAsync(LATE_MS)
  await end(0)
  await ask(2)
  await ask(3)
  expect(itemsOf()).toEqual([[1], [2]])
})

test('a run that ended in time is not late afterwards', async () => {
  await ask(1)
  await end(0)
  await vi.advanceTimersByTimeAsync(LATE_MS)
  await ask(2)
  await ask(3)
  expect(itemsOf()).toEqual([[1], [2]])
})

test('a run that fails fails for its items alone', async () => {
  await ask(1)
  await ask(2)
  runs[0]?.reject(new Error('no connection'))
  await vi.advanceTimersByTimeAsync(0)
  await end(1)
  expect([...told]).toEqual([
    [1, 'no connection'],
    [2, 'answer 2'],
  ])
})

test('an item that a run leaves without an answer is told so', async () => {
  await ask(1)
  runs[0]?.resolve([])
  await vi.advanceTimersByTimeAsync(0)
  expect(told.get(1)).toMatch('left an item without an answer')
})
