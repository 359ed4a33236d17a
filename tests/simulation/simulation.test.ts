/** Three of the worlds that `npm run simulate` runs: both clock changes, Christmas, Easter, 11 November and early May are in them. */
import { describe, test } from 'vitest'
import { assert } from '../../src/errors.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { simulate } from './simulate.ts'

const STORMY = [1, 3]
const CALM = [2]
const databases = new Map<number, TestDatabase>()
for (const seed of [...STORMY, ...CALM]) databases.set(seed, await createTestDatabase())

function databaseOf(seed: number): TestDatabase {
  const database = databases.get(seed)
  assert(database, 'every seed has its database')
  return database
}

describe.concurrent('eight weeks', { timeout: 900_000 }, () => {
  test.for(STORMY)(
    'with outages, kills, pauses, edits and refusals break no promise, as the mail server recorded them (seed %i)',
    async (seed, { expect }) => {
      const { violations, accepted } = await simulate({ seed, weather: 'full', database: databaseOf(seed) })
      expect(violations, `replay: npm run simulate -- --seed ${seed} --weather full`).toEqual([])
      expect(accepted).toBeGreaterThan(700)
    },
  )

  test.for(CALM)(
    'without any fault go as planned, and about as forecast on the first day (seed %i)',
    async (seed, { expect }) => {
      const { violations, scores } = await simulate({ seed, weather: 'calm', database: databaseOf(seed) })
      expect(violations, `replay: npm run simulate -- --seed ${seed} --weather calm`).toEqual([])
      expect(scores.map(({ campaign }) => campaign)).toEqual(['c1', 'c2', 'c3', 'c4', 'c5'])
      expect(scores.filter(({ narrow }) => !narrow)).toEqual([])
      // Not all are exact: which follow-up takes over whose place on a later day depends on when the plan is made.
      expect(scores.filter(({ exact }) => exact).length).toBeGreaterThanOrEqual(2)
    },
  )
})
