import { expect, test } from 'vitest'
import { readWorkerSettings } from '../../src/worker/settings.ts'

test.each([
  ['GONIEC_TICK', '2m', 'between 100ms and 1m'],
  ['GONIEC_TICK', '10ms', 'between 100ms and 1m'],
  // No server answers within 0s; a timer of 60 days fires at once.
  ['GONIEC_DATABASE_SILENCE', '0s', 'between 100ms and 1h'],
  ['GONIEC_DATABASE_SILENCE', '60d', 'between 100ms and 1h'],
  ['GONIEC_DRAIN', '60d', 'between 0s and 1d'],
])('a worker refuses to run with %s=%s, and says what it may be', (name, text, bounds) => {
  expect(() => readWorkerSettings({ [name]: text })).toThrow(new RegExp(`\\(${name}\\) is ${bounds}`))
})

test('a worker need not drain, and may take a day for it', () => {
  expect(readWorkerSettings({ GONIEC_DRAIN: '0s' }).drainMs).toBe(0)
  expect(readWorkerSettings({ GONIEC_DRAIN: '1d' }).drainMs).toBe(86_400_000)
})
