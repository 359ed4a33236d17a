import { spawn } from 'node:child_process'
import { expect, test } from 'vitest'
import { setClock } from '../support/clock.ts'
import { createTestDatabase } from '../support/database.ts'
import { goniec } from '../support/goniec.ts'
import { NOON, World } from '../support/world.ts'

const database = await createTestDatabase()
await setClock(database, NOON)
const world = new World(database.pool)
const env = { DATABASE_URL: database.url }

await world.salesperson({ email: 'anna@firma.example' })
await world.mailbox({ address: 'anna@firma.example' })
await world.campaign({ name: 'spring-offer', timezone: 'America/New_York' })
const lead = await world.lead({ email: '=cmd@klient.example' })
await world.mail({ lead, dueInMs: 1500 })
for (let n = 0; n < 1200; n++) await world.mail({ dueInMs: 2000 + n })
await world.campaign({ name: 'summer-offer' })
await world.mail({ dueInMs: 90_000_000, closesInMs: 100_000_000 })

const report = (...args: string[]) => goniec(['report', ...args], { env })

test('without a name all reports are listed, each with its sentence; as JSON with its columns', async () => {
  const { code, stdout, stderr } = await report()
  expect({ code, stderr }).toEqual({ code: 0, stderr: 'Next: goniec report campaigns, or psql with docs/sql.md\n' })
  expect(stdout).toMatch(/^duplicates +Who got the same mail twice: always empty\./m)
  const views = JSON.parse((await report('--json')).stdout) as { name: string; columns: unknown[] }[]
  expect(views.find(({ name }) => name === 'metrics')?.columns).toContainEqual({
    name: 'metric',
    type: 'text',
    sentence: 'What is measured.',
  })
})

test('people get fifty rows, local times, and no columns that say nothing', async () => {
  const { stdout, stderr } = await report('queue', '--campaign', 'spring-offer')
  const lines = stdout.trimEnd().split('\n')
  expect(lines).toHaveLength(51)
  expect(lines[1]).toMatch(/=cmd@klient\.example .* 2026-12-01 06:00:01/)
  expect(lines[0]).not.toMatch(/timezone|is_test|moved_because|recipient/)
  expect(stderr).toBe(
    'Left out, since they say nothing here: recipient, moved_because, is_test.\n' +
      'Times are local in America/New_York.\nThere are more: --limit 500, or --json or --csv for all.\n',
  )
})

test('programs get all rows, as one array, with the columns of the view', async () => {
  const { code, stdout, stderr } = await report('queue', '--json')
  const rows = JSON.parse(stdout) as Record<string, unknown>[]
  expect({ code, stderr, count: rows.length }).toEqual({ code: 0, stderr: '', count: 1202 })
  expect(rows[0]).toMatchObject({
    campaign: 'spring-offer',
    scheduled_at: '2026-12-01T11:00:01.500Z',
    day: '2026-12-01',
  })
  expect((await report('duplicates', '--json')).stdout).toBe('[]\n')
})

test('spreadsheets get all rows, and what a lead calls himself is no formula there', async () => {
  const { stdout } = await report('queue', '--csv')
  const lines = stdout.split('\r\n')
  expect(lines).toHaveLength(1204)
  expect(lines[0]).toMatch(/^\uFEFFmessage_id,kind,/)
  expect(lines[1]).toContain(`,'=cmd@klient.example,`)
})

async function count(...args: string[]): Promise<number> {
  return (JSON.parse((await report('queue', '--json', ...args)).stdout) as unknown[]).length
}

test('flags narrow it down by name and by day; a day is a date or a word', async () => {
  expect(await count('--campaign', 'summer-offer', '--salesperson', 'Anna@firma.example')).toBe(1)
  expect(await count('--lead', '=cmd@klient.example')).toBe(1)
  expect(await count('--day', 'tomorrow')).toBe(1)
  expect(await count('--from', '2026-12-01', '--to', 'today')).toBe(1201)
  expect(await count('--limit', '7')).toBe(7)
})

test.each([
  [['snet'], 'there is no report "snet"; did you mean "sent"?', 2],
  [['sent', '--campaign', 'spring-ofer'], 'there is no campaign "spring-ofer"; did you mean "spring-offer"?', 1],
  [
    ['sent', '--salesperson', 'ana@firma.example'],
    'there is no salesperson "ana@firma.example"; did you mean "anna@firma.example"?',
    1,
  ],
  [
    ['variants', '--day', 'today'],
    'the report "variants" has no day, so --day cannot narrow it down; it takes --campaign, --salesperson',
    2,
  ],
  [['sent', '--day', '2026-02-30'], '--day is a day, not "2026-02-30"', 2],
  [['sent', '--from', '2026-12-02', '--to', '2026-12-01'], '--from 2026-12-02 is after --to 2026-12-01', 2],
  [['sent', '--json', '--csv'], '--json and --csv exclude each other', 2],
])('%j: %s', async (args, message, code) => {
  const run = await report(...args)
  expect([run.code, run.stderr.split('\n')[0]]).toEqual([code, `Error: ${message}`])
})

test('campaign-days is campaign_days', async () => {
  expect((await report('campaign-days', '--json', '--limit', '1')).code).toBe(0)
})

test('whoever stops reading (head) ends it, and that is no error', async () => {
  const child = spawn(process.execPath, ['bin/goniec.js', 'report', 'queue', '--csv'], {
    env: { ...process.env, ...env },
  })
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  child.stdout.once('data', () => child.stdout.destroy())
  const code = await new Promise((resolve) => child.on('close', resolve))
  expect({ code, errors }).toEqual({ code: 0, errors: '' })
})

test('a lead and a domain are found as they stand on the list, and as they are kept', async () => {
  await world.mail({ lead: await world.lead({ email: 'zofia@xn--w-uga1v8h.example' }) })
  const asked = ['--lead zofia@żółw.example', '--domain ŻÓŁW.example', '--domain xn--w-uga1v8h.example']
  for (const flags of asked) {
    const { stdout } = await report('leads', '--json', ...flags.split(' '))
    expect(JSON.parse(stdout)).toMatchObject([{ lead: 'zofia@xn--w-uga1v8h.example' }])
  }
})
