/**
 * On random worlds: the view says of each waiting mail the reason that `goniec queue list` says, says "due" exactly of those that claim would
 * take alone, and leaves none out. REPORT_SEED replays a run that failed.
 */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { readQueue } from '../../src/reports/queue.ts'
import { claimableAlone, readFacts } from '../support/claim-oracle.ts'
import { buildWorld, worlds } from '../support/random-world.ts'
import { worldForEachTest } from '../support/rolled-back.ts'
import { NOON } from '../support/world.ts'
import { inSession } from './in-session.ts'

const here = worldForEachTest()
const seed = Number(process.env['REPORT_SEED'] ?? Math.floor(Date.now() % 0x7fff_ffff))

test('every waiting mail stands in the view once, with the reason of the queue; what is due there is what claim would take', async () => {
  const property = fc.asyncProperty(worlds, async (plan) => {
    await here.session.query('savepoint before')
    try {
      await buildWorld(here.world, plan)
      await compare()
    } finally {
      await here.session.query('rollback to savepoint before')
    }
  })
  const run = await fc.check(property, { seed, numRuns: 40 })
  expect(fc.defaultReportMessage(run)).toBeUndefined()
}, 120_000)

async function compare(): Promise<void> {
  const listed: (readonly [number, string | null])[] = []
  for await (const page of readQueue(inSession(here.session), { statuses: ['pending'] })) {
    listed.push(...page.map(({ id, reason }) => [id, reason] as const))
  }
  const { rows } = await here.session.query<{ message_id: number; reason: string; opened_by: string | null }>(
    'select message_id, reason, opened_by from goniec_report.waiting order by message_id',
  )
  expect(rows.map(({ message_id: id, reason }) => [id, reason])).toEqual(
    listed.toSorted(([one], [other]) => one - other),
  )
  const due = rows.filter(({ reason }) => reason === 'due').map(({ message_id: id }) => id)
  const alone = claimableAlone(await readFacts(here.session, NOON)).map(({ id }) => id)
  expect(due).toEqual(alone.toSorted((one, other) => one - other))
  expect(rows.filter(({ reason, opened_by: by }) => (reason === 'due') !== (by === null))).toEqual([])
}
