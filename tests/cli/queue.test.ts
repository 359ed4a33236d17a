import { expect, test } from 'vitest'
import { setClock } from '../support/clock.ts'
import { createTestDatabase } from '../support/database.ts'
import { goniec } from '../support/goniec.ts'
import { NOON, World } from '../support/world.ts'

const database = await createTestDatabase()
await setClock(database, NOON)
const world = new World(database.pool)
const env = { DATABASE_URL: database.url }

await world.mailbox({ address: 'anna@firma.example' })
await world.campaign({ name: 'spring-offer', timezone: 'America/New_York' })
const lead = await world.lead({ email: 'jan@klient.example' })
const first = await world.mail({ lead, dueInMs: 1500 })
// What was imported as sent before has no variant.
for (let n = 0; n < 60; n++) await world.mail({ dueInMs: 2000 + n, columns: n === 0 ? { variant: null } : {} })

test('the queue as JSON has the documented fields, in planned order, and all of it', async () => {
  const { code, stdout, stderr } = await goniec(['queue', 'list', '--json', '--campaign', 'spring-offer'], { env })
  const mails = JSON.parse(stdout)
  expect({ code, stderr, count: mails.length }).toEqual({ code: 0, stderr: '', count: 61 })
  expect(mails[0]).toMatchObject({
    id: first.id,
    kind: 'campaign',
    campaign: 'spring-offer',
    lead: 'jan@klient.example',
    step: 'intro',
    variant: 'A',
    mailbox: 'anna@firma.example',
    status: 'pending',
    first_planned_at: '2026-12-01T11:00:01.500Z',
    scheduled_at: '2026-12-01T11:00:01.500Z',
    reason: 'planned',
  })
})

test('people get a table with the times of the campaign’s zone, and are told that there is more', async () => {
  const { code, stdout, stderr } = await goniec(['queue', 'list'], { env })
  const lines = stdout.trimEnd().split('\n')
  expect(code).toBe(0)
  expect(lines).toHaveLength(51)
  expect(lines[0]).toMatch(/^ *id +planned +status +to +campaign +mail +from +why$/)
  expect(lines[1]).toMatch(
    /2026-12-01 06:00:01 +pending +jan@klient\.example +spring-offer +intro A +anna@firma\.example +planned$/,
  )
  expect(lines[2]).toMatch(/ spring-offer +intro +anna@firma\.example +planned$/)
  expect(stderr).toBe('Times are local in America/New_York.\nThere are more: --limit 500, or --json for all.\n')
})

/** The exit code and the first line of what is said. */
const run = async (...args: string[]): Promise<string> => {
  const { code, stderr } = await goniec(['queue', 'list', ...args], { env })
  return `${code} ${stderr.split('\n')[0]}`
}

test('an unknown name gets the nearest one; a wrong status or limit is wrong usage', async () => {
  expect(await run('--campaign', 'spring-ofer')).toBe(
    '1 Error: there is no campaign "spring-ofer"; did you mean "spring-offer"?',
  )
  expect(await run('--mailbox', 'ana@firma.example')).toBe(
    '1 Error: there is no mailbox "ana@firma.example"; did you mean "anna@firma.example"?',
  )
  expect(await run('--status', 'penfing')).toMatch(/^2 Error: "penfing" is no status .*; did you mean "pending"\?$/)
  expect(await run('--limit', 'many')).toBe('2 Error: --limit is a whole number from 1, not "many"')
  expect(await run('--limit', '0')).toBe('2 Error: --limit is a whole number from 1, not "0"')
  expect(await run('--status', 'sent,failed', '--json')).toBe('0 ')
})
