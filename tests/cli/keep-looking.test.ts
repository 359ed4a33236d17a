import { expect, test } from 'vitest'
import { keepLooking, pauseAfter, type Looking } from '../../src/cli/keep-looking.ts'

test('looking takes no more than a twentieth of the time, and comes each second where it costs next to nothing', () => {
  expect([1, 50, 200, 1000, 60_000].map(pauseAfter)).toEqual([1000, 1000, 4000, 20_000, 30_000])
})

test('a database that is away is told at each look, and the return once; what is no outage ends it', async () => {
  const told: string[] = []
  const away = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
  const answers = [away, away, true, true, new TypeError('a defect')]
  const looking: Looking = keepLooking({
    async look() {
      const answer = answers.shift()
      if (answer instanceof Error) throw answer
      told.push('looked')
      return answer === true
    },
    onAway: () => {
      told.push('away')
      queueMicrotask(() => looking.again())
    },
    onBack: () => told.push('back'),
  })
  await expect(looking.ended).rejects.toThrow('a defect')
  expect(told).toEqual(['away', 'away', 'looked', 'back', 'looked'])
})
