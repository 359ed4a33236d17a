/** Two of the twenty seeds that `npm run simulate` runs: both clock changes, Easter and 11 November are in them. */
import { describe, test } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { simulate } from './simulate.ts'

const SEEDS = [1, 3]
const databases = new Map(await Promise.all(SEEDS.map(async (seed) => [seed, await createTestDatabase()] as const)))

describe.concurrent('eight weeks with outages, kills, pauses, edits and refusals', () => {
  test.for(SEEDS)(
    'break no promise, as the mail server recorded them (seed %i)',
    { timeout: 900_000 },
    async (seed, { expect }) => {
      const database = databases.get(seed)
      if (!database) throw new Error('every seed has its database')
      const { violations, accepted } = await simulate({ seed, weather: 'full', database })
      expect(violations, `replay: npm run simulate -- --seed ${seed}`).toEqual([])
      expect(accepted).toBeGreaterThan(800)
    },
  )
})
