import { expect, test } from 'vitest'
import { readConfig, readDurationMs } from '../src/config.ts'

test('a variable that is wrong is named, with what it is and what it should be', () => {
  expect(() => readConfig({ GONIEC_LOG_LEVEL: 'debgu' })).toThrow(
    'GONIEC_LOG_LEVEL is "debgu", and should be one of trace, debug, info, warn, error, fatal, silent; did you mean "debug"?',
  )
  expect(() => readConfig({ GONIEC_DATABASE_CONNECTIONS: '1' })).toThrow(
    'GONIEC_DATABASE_CONNECTIONS is "1", and should be a number from 2 to 1000',
  )
  expect(() => readDurationMs({ GONIEC_LEASE: '3 minutes' }, 'GONIEC_LEASE', 1)).toThrow(
    /GONIEC_LEASE is "3 minutes", and should be a duration/,
  )
})

test('a variable that is empty is as good as none', () => {
  expect(readConfig({ DATABASE_URL: '', GONIEC_EMBEDDED: '', GONIEC_LOG_LEVEL: '' })).toEqual({
    databaseUrl: undefined,
    embeddedDirectory: undefined,
    databaseConnections: 10,
    logLevel: 'info',
  })
  expect(readDurationMs({ GONIEC_LEASE: '' }, 'GONIEC_LEASE', 1000)).toBe(1000)
  expect(readDurationMs({ GONIEC_LEASE: '2m' }, 'GONIEC_LEASE', 1000)).toBe(120_000)
})
