import { PerformanceObserver } from 'node:perf_hooks'
import { expect, onTestFinished, test } from 'vitest'
import { sharedLookup } from '../../src/delivery/shared-lookup.ts'
import { AccessTokens } from '../../src/mailboxes/access-tokens.ts'
import { startTokenServer } from '../support/token-server.ts'
import { against } from './dialogue-with.ts'

/** Names that this process looks up from now on with success, as Node tells them. */
function lookedUp(): () => string[] {
  const names: string[] = []
  const keep = (entries: ReturnType<PerformanceObserver['takeRecords']>): void => {
    for (const entry of entries) names.push((entry as unknown as { detail: { hostname: string } }).detail.hostname)
  }
  const observer = new PerformanceObserver((list) => keep(list.getEntries()))
  observer.observe({ entryTypes: ['dns'] })
  onTestFinished(() => observer.disconnect())
  return () => {
    keep(observer.takeRecords())
    return names
  }
}

test('mailboxes that want the addresses of one name at the same time ask for them once, and the next one anew', async () => {
  const mailboxes = await Promise.all([1, 2, 3].map(async () => against({ account: { host: 'localhost' } })))
  const names = lookedUp()
  const sent = await Promise.all(mailboxes.map(async ({ send }) => send()))
  expect(sent.map(({ failure }) => failure)).toEqual([null, null, null])
  expect(names()).toEqual(['localhost'])
  const later = await against({ account: { host: 'localhost' } })
  expect(await later.send()).toMatchObject({ failure: null })
  expect(names()).toEqual(['localhost', 'localhost'])
})

test('so do those that want access tokens of one server', async () => {
  const { url, given } = await startTokenServer()
  const tokens = new AccessTokens({ environment: {}, onWarning: () => undefined })
  const source = {
    tokenUrl: url.replace('127.0.0.1', 'localhost'),
    clientSecret: null,
    refreshToken: null,
    scope: null,
  }
  const names = lookedUp()
  await Promise.all(['anna', 'jan', 'ewa'].map(async (clientId) => tokens.of({ ...source, clientId })))
  expect(given).toHaveLength(3)
  expect(names()).toEqual(['localhost'])
})

test('one address is told where no more are wanted', async () => {
  const one = await new Promise((resolve) => {
    sharedLookup('localhost', {}, (error, address, family) => resolve({ error, address, family }))
  })
  expect(one).toEqual({
    error: null,
    address: expect.stringMatching(/^(127\.0\.0\.1|::1)$/),
    family: expect.any(Number),
  })
})

test('that a name has no address is told to each who asked', async () => {
  const mailboxes = await Promise.all([1, 2].map(async () => against({ account: { host: 'no-such-host.invalid' } })))
  const failed = await Promise.all(mailboxes.map(async ({ send }) => send()))
  expect(failed.map(({ stage, failure }) => `${stage}: ${failure}`)).toEqual(['connect: dns', 'connect: dns'])
})
