/** Three of the worlds that `npm run simulate` runs: both clock changes, Easter, 11 November and early May are in them. */
import { describe, test } from 'vitest'
import { assert } from '../../src/errors.ts'
import { createTestDatabase } from '../support/database.ts'
import { simulate } from './simulate.ts'

const STORMY = [1, 3]
const CALM = [1]
// Made here, since tests that run beside each other cannot make them.
const stormy = await Promise.all(STORMY.map(() => createTestDatabase()))
const calm = await Promise.all(CALM.map(() => createTestDatabase()))

describe.concurrent('eight weeks', { timeout: 900_000 }, () => {
  test.for(STORMY)(
    'with outages, kills, pauses, edits and refusals break no promise, as the mail server recorded them (seed %i)',
    async (seed, { expect }) => {
      const database = stormy[STORMY.indexOf(seed)]
      assert(database, 'every seed has its database')
      const { violations, accepted } = await simulate({ seed, weather: 'full', database })
      expect(violations, `replay: npm run simulate -- --seed ${seed} --weather full`).toEqual([])
      expect(accepted).toBeGreaterThan(700)
    },
  )

  test.for(CALM)(
    'without any fault end on the very days that were forecast on the first one (seed %i)',
    async (seed, { expect }) => {
      const database = calm[CALM.indexOf(seed)]
      assert(database, 'every seed has its database')
      const { violations, scores } = await simulate({ seed, weather: 'calm', database })
      expect(violations, `replay: npm run simulate -- --seed ${seed} --weather calm`).toEqual([])
      expect(scores.map(({ campaign }) => campaign)).toEqual(['c1', 'c2', 'c3', 'c4', 'c5'])
      expect(scores.filter(({ exact, narrow }) => !exact || !narrow)).toEqual([])
    },
  )
})
