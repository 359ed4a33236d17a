/** Slots that are written in several sessions, of which one fails. */
import { expect, test } from 'vitest'
import { PlanWriter } from '../../src/campaigns/plan/save.ts'
import { SlotWriter } from '../../src/campaigns/plan/write-slots.ts'
import type { PlannedSlot } from '../../src/schedule/plan-result.ts'
import { firstMail } from '../schedule/worlds.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

/** Five batches, and three sessions. */
const SLOTS = 10_000

const NONE: ReadonlySet<number> = new Set()

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
  await untilAllHaveEnded(database, begun)
  expect(begun).toHaveLength(3)
})

test('where the counters of a later part’s domains cannot be made, no batch of the parts before it begins any more', async () => {
  const database = await createTestDatabase()
  const begun: Promise<unknown>[] = []
  const query: TestDatabase['query'] = async (text, values) => {
    if (text.includes('make_domain_rows')) throw new Error('the connection was lost')
    const answer = database.query(text, values)
    if (text.includes('with mine as')) begun.push(answer)
    return (await answer) as never
  }
  const limits = { dailyLimit: 10, hourlyLimit: null }
  const writer = new PlanWriter({ ...database, query }, { domainLimits: new Map([['*', limits]]) })
  const nothing = {
    restamps: [],
    withdrawals: [],
    waiting: [],
    giveUps: [],
    reasons: [],
    bindings: [],
    withoutRoom: NONE,
  }
  const slots = Array.from({ length: SLOTS }, (_, index) => slotOf(index + 1))
  const first = { part: { messages: [] }, planned: { ...nothing, slots } }
  const later = {
    part: { messages: [firstMail(SLOTS + 1, { domain: 'klient.example' })] },
    planned: { ...nothing, slots: [slotOf(SLOTS + 1)] },
  }
  await expect(writer.write([first, later])).rejects.toThrow('lost')
  await untilAllHaveEnded(database, begun)
  expect(begun).toHaveLength(3)
})

/** Also those that begin when one has ended. */
async function untilAllHaveEnded(database: TestDatabase, begun: readonly Promise<unknown>[]): Promise<void> {
  for (let known = 0; known < begun.length;) {
    known = begun.length
    await Promise.all(begun)
    await database.query('select')
  }
}

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
