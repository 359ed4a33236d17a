/** Access tokens, asked of a real HTTP server on loopback. */
import { chmodSync, lstatSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { AccessTokens, type TokenSource } from '../../src/mailboxes/access-tokens.ts'
import { startTokenServer, type TokenServer } from '../support/token-server.ts'

const ENVIRONMENT = { REFRESH: 'refresh-1', SECRET: 'hush' }

let server: TokenServer
let source: TokenSource
let warnings: string[]
let tokens: AccessTokens
let folder: string

beforeEach(async () => {
  server = await startTokenServer()
  warnings = []
  tokens = new AccessTokens({ environment: ENVIRONMENT, onWarning: (text) => void warnings.push(text) })
  source = {
    tokenUrl: server.url,
    clientId: 'goniec',
    clientSecret: 'env:SECRET',
    refreshToken: 'env:REFRESH',
    scope: 'smtp',
  }
  folder = mkdtempSync(join(tmpdir(), 'goniec-tokens-'))
})

afterEach(() => rmSync(folder, { recursive: true }))

test('a refresh token is exchanged for an access token, with what the provider wants beside it', async () => {
  expect(await tokens.of(source)).toMatchObject({ token: 'access-1' })
  expect(server.asked).toEqual([
    {
      grant_type: 'refresh_token',
      client_id: 'goniec',
      client_secret: 'hush',
      refresh_token: 'refresh-1',
      scope: 'smtp',
    },
  ])
})

test('without a refresh token the client asks in its own right', async () => {
  await tokens.of({ ...source, refreshToken: null })
  expect(server.asked[0]).toEqual({
    grant_type: 'client_credentials',
    client_id: 'goniec',
    client_secret: 'hush',
    scope: 'smtp',
  })
})

test('a token is asked for once, however many want it, and again where the mail server did not take it', async () => {
  const all = await Promise.all(Array.from({ length: 20 }, () => tokens.of(source)))
  expect(new Set(all.map(({ token }) => token))).toEqual(new Set(['access-1']))
  tokens.forget(source)
  expect(await tokens.of(source)).toMatchObject({ token: 'access-2' })
  expect(server.asked).toHaveLength(2)
})

test('a token that is about to expire is not used for another dialogue', async () => {
  server.answer = () => ({ body: { access_token: 'short', expires_in: 120 } })
  await tokens.of(source)
  server.answer = undefined
  expect(await tokens.of(source)).toMatchObject({ token: 'access-1' })
})

test('a token that lives for five minutes is used for more than one connection', async () => {
  server.answer = () => ({ body: { access_token: 'short', expires_in: 300 } })
  await tokens.of(source)
  await tokens.of(source)
  expect(server.asked).toHaveLength(1)
})

test.each([
  ['no refresh token', { refresh_token: null }],
  ['an empty refresh token', { refresh_token: '' }],
  ['no time', { expires_in: null }],
  ['a time that is none', { expires_in: 'soon' }],
  ['a time of nothing', { expires_in: 0 }],
])('a token with %s beside it is used', async (_, beside) => {
  server.answer = () => ({ body: { access_token: 'a', ...beside } })
  expect(await tokens.of(source)).toMatchObject({ token: 'a' })
  await tokens.of(source)
  expect(server.asked).toHaveLength(1)
  expect(warnings).toEqual([])
})

test('a failure is told to whoever asked, and the next one asks anew', async () => {
  server.answer = () => ({ status: 503, body: 'busy' })
  await expect(tokens.of(source)).rejects.toMatchObject({ code: 'token_unavailable' })
  server.answer = undefined
  expect(await tokens.of(source)).toMatchObject({ token: 'access-1' })
})

test.each([429, 503])(
  'a server that answers %i and when to come again is left alone till then, by every mailbox of its client',
  async (status) => {
    const passTime = stopClock()
    server.answer = () => ({ status, headers: { 'retry-after': '120' }, body: 'busy' })
    const leftAlone = new RegExp(`it answered ${status}, and no token; it wants to be left alone for another 2m$`)
    await expect(tokens.of(source)).rejects.toThrow(leftAlone)
    server.answer = undefined
    tokens.forget(source)
    const other = { ...source, refreshToken: null }
    for (const asker of [source, other])
      await expect(tokens.of(asker)).rejects.toMatchObject({
        code: 'token_unavailable',
        message: expect.stringMatching(leftAlone) as string,
      })
    expect(server.asked).toHaveLength(1)
    await tokens.of({ ...source, clientId: 'another' })
    passTime(120_000)
    expect(await tokens.of(source)).toMatchObject({ token: 'access-2' })
  },
)

test.each([
  ['a day', '86400', '15m'],
  ['more than a number holds', '9'.repeat(400), undefined],
  ['a date', 'Wed, 21 Oct 2026 07:28:00 GMT', undefined],
  ['nothing', '0', undefined],
  ['less than nothing', '-5', undefined],
])('a server that wants to be left alone for %s is, for a quarter of an hour at most', async (_, wanted, granted) => {
  server.answer = () => ({ status: 429, headers: { 'retry-after': wanted }, body: 'busy' })
  const error = await tokens.of(source).catch((problem: unknown) => problem)
  expect(/left alone for another (.*)$/.exec(String(error))?.[1]).toBe(granted)
  await tokens.of(source).catch(() => undefined)
  expect(server.asked).toHaveLength(granted === undefined ? 2 : 1)
})

test('a token that is good yet is used while its server wants to be left alone', async () => {
  await tokens.of(source)
  server.answer = () => ({ status: 429, headers: { 'retry-after': '120' }, body: 'busy' })
  await expect(tokens.of({ ...source, refreshToken: null })).rejects.toMatchObject({ code: 'token_unavailable' })
  expect(await tokens.of(source)).toMatchObject({ token: 'access-1' })
})

test.each([
  [
    'a revoked consent',
    400,
    { error: 'invalid_grant', error_description: 'AADSTS70008: expired refresh-1' },
    'token_refused',
  ],
  ['a wrong secret', 401, { error: 'invalid_client', error_description: 'no hush' }, 'token_refused'],
  ['a consent that is over, without a word', 400, { error: 'invalid_grant', error_description: null }, 'token_refused'],
  [
    'a secret across the cut',
    400,
    { error: 'invalid_grant', error_description: `${'x'.repeat(480)} refresh-1` },
    'token_refused',
  ],
  ['a moment of rest', 400, { error: 'temporarily_unavailable' }, 'token_unavailable'],
  ['too many requests', 429, { error: 'invalid_grant' }, 'token_unavailable'],
  ['an error of the server', 500, { error: 'server_error' }, 'token_unavailable'],
  ['a page', 200, '<html>log in</html>', 'token_unavailable'],
  ['no token', 200, { expires_in: 3600 }, 'token_unavailable'],
  ['another protocol', 101, '', 'token_unavailable'],
  ['an endless answer', 200, 'x'.repeat(200_000), 'token_unavailable'],
])('%s is told apart, and no secret is repeated', async (_, status, body, code) => {
  server.answer = () => ({ status, body })
  const error = await tokens.of(source).catch((problem: unknown) => problem)
  expect(error).toMatchObject({ code })
  expect(String(error)).toMatch(/^GoniecError: 127\.0\.0\.1:\d+ /)
  expect(String(error)).not.toMatch(/hush|refr/)
})

test('a secret that came back as it was sent is not repeated either', async () => {
  const environment = { ...ENVIRONMENT, SECRET: 'hush  hush+/=' }
  tokens = new AccessTokens({ environment, onWarning: () => undefined })
  const sent = new URLSearchParams({ client_secret: environment.SECRET }).toString()
  server.answer = () => ({
    status: 401,
    body: { error: 'invalid_client', error_description: `${sent} ${environment.SECRET}` },
  })
  const error = await tokens.of(source).catch((problem: unknown) => problem)
  expect(String(error)).toMatch(/gives no access token: invalid_client client_secret=\*\*\* \*\*\*$/)
})

test('what a server says is told without controls: a NUL would not even fit into Postgres', async () => {
  server.answer = () => ({ status: 400, body: { error: 'invalid_grant', error_description: 'a\0b \u001b[31mc\r\nd' } })
  await expect(tokens.of(source)).rejects.toThrow(/gives no access token: invalid_grant a b \[31mc d$/)
})

test('a server that is not there can be asked later', async () => {
  await server.close()
  await expect(tokens.of(source)).rejects.toMatchObject({ code: 'token_unavailable' })
})

test('a redirect is not followed: it would be sent the secrets', async () => {
  const other = await startTokenServer()
  server.answer = () => ({ status: 307, body: '' })
  await expect(tokens.of(source)).rejects.toMatchObject({ code: 'token_unavailable' })
  expect(other.asked).toEqual([])
})

test('a renewed refresh token is used from then on, and stored where it is a file', async () => {
  const path = join(folder, 'anna')
  writeFileSync(path, 'refresh-1\n')
  chmodSync(path, 0o600)
  server.answer = ({ refresh_token: old = '' }) => ({
    body: { access_token: 'a', expires_in: 1, refresh_token: old.replace(/\d+/, (n) => String(Number(n) + 1)) },
  })
  for (let n = 0; n < 3; n++) await tokens.of({ ...source, refreshToken: `file:${path}` })
  expect(server.asked.map((form) => form['refresh_token'])).toEqual(['refresh-1', 'refresh-2', 'refresh-3'])
  expect(readFileSync(path, 'utf8')).toBe('refresh-4\n')
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(warnings).toEqual([])
})

test('what a person puts there while the server is asked stays, and is used', async () => {
  const path = join(folder, 'anna')
  writeFileSync(path, 'refresh-1\n')
  server.answer = () => {
    writeFileSync(path, 'by-a-person\n')
    return { body: { access_token: 'a', expires_in: 1, refresh_token: 'renewed' } }
  }
  for (let n = 0; n < 2; n++) await tokens.of({ ...source, refreshToken: `file:${path}` })
  expect(server.asked.map((form) => form['refresh_token'])).toEqual(['refresh-1', 'by-a-person'])
})

test('where the file is a link, it is written where the link leads', async () => {
  const path = join(folder, 'anna')
  writeFileSync(path, 'refresh-1\n')
  symlinkSync('anna', join(folder, 'link'))
  server.answer = () => ({ body: { access_token: 'a', refresh_token: 'renewed' } })
  await tokens.of({ ...source, refreshToken: `file:${join(folder, 'link')}` })
  expect(readFileSync(path, 'utf8')).toBe('renewed\n')
  expect(lstatSync(join(folder, 'link')).isSymbolicLink()).toBe(true)
})

test('one that cannot be stored is used all the same, with a warning; what a person puts there goes before it', async () => {
  server.answer = () => ({ body: { access_token: 'a', expires_in: 1, refresh_token: 'renewed' } })
  await tokens.of(source)
  await tokens.of(source)
  expect(server.asked.map((form) => form['refresh_token'])).toEqual(['refresh-1', 'renewed'])
  expect(warnings).toEqual([expect.stringContaining('the token server has renewed env:REFRESH')])
  const changed = new AccessTokens({ environment: { ...ENVIRONMENT }, onWarning: () => undefined })
  await changed.of(source)
  expect(server.asked.at(-1)?.['refresh_token']).toBe('refresh-1')
})

/** The monotonic clock stands still, but for what is let pass. */
function stopClock(): (ms: number) => void {
  let now = performance.now()
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now)
  onTestFinished(() => clock.mockRestore())
  return (ms) => void (now += ms)
}
