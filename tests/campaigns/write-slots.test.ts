/** Slots that are written in several sessions, of which one fails. */
import { expect, test } from 'vitest'
import { SlotWriter } from '../../src/campaigns/plan/write-slots.ts'
import type { PlannedSlot } from '../../src/schedule/plan-result.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

/** Five batches, and three sessions. */
const SLOTS = 10_000

test('after the first batch that fails no other one begins, and whoever finishes is told', async () => {
  const database = await createTestDatabase()
  const begun: Promise<unknown>[] = []
  const query: TestDatabase['query'] = async (text, values) => {
    const first = begun.length === 0
    const answer = first ? Promise.reject(new Error('the connection was lost')) : database.query(text, values)
    if (text.includes('with mine as')) begun.push(answer.catch(() => []))
    return (await answer) as never
  }
  const writer = new SlotWriter({ ...database, query })
  writer.add(
    Array.from({ length: SLOTS }, (_, index) => slotOf(index + 1)),
    () => null,
  )
  await expect(writer.finish()).rejects.toThrow('the connection was lost')
  for (let known = 0; known < begun.length;) {
    known = begun.length
    await Promise.all(begun)
    await database.query('select')
  }
  expect(begun).toHaveLength(3)
})

/** Of a message that is not there: nothing is written. */
function slotOf(messageId: number): PlannedSlot {
  return {
    messageId,
    atMs: messageId,
    mailboxId: 1,
    windowClosesMs: SLOTS,
    campaignVersion: 1,
    mailboxVersion: 1,
    move: null,
    from: null,
  }
}
