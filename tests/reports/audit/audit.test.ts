/** The audit: all is well after everything has happened, and each check sees what it is there for. */
import { readFileSync } from 'node:fs'
import type { Client } from 'pg'
import { beforeAll, describe, expect, test } from 'vitest'
import { audit, runChecks, type CheckResult } from '../../../src/reports/audit/audit.ts'
import type { Ask } from '../../../src/reports/audit/check.ts'
import { CHECKS } from '../../../src/reports/audit/checks.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { goniec } from '../../support/goniec.ts'
import { BREACHES } from './breaches.ts'
import { makeRichWorld } from './rich-world.ts'

let database: TestDatabase
let session: Client

beforeAll(async () => {
  database = await createTestDatabase()
  await makeRichWorld(database)
  session = await database.session()
}, 180_000)

const broken = (results: CheckResult[]): string[] => results.filter(({ ok }) => !ok).map(({ name }) => name)
const command = (...args: string[]) => goniec(['audit', ...args], { env: { DATABASE_URL: database.urlAs('reporter') } })
const ask: Ask = async <Row>(text: string, values: readonly unknown[]) =>
  (await session.query(text, [...values])).rows as Row[]

test('after real sends, refusals, doubts, kills, pauses and an import all checks hold', async () => {
  const results = await audit(database)
  expect(results.filter(({ ok }) => !ok)).toEqual([])
  expect(results.map(({ name }) => name)).toEqual(CHECKS.map(({ name }) => name))
})

test('that world has everything in it that the checks are about', async () => {
  const [row] = await database.query(
    `select (select count(distinct status)::int from goniec.message) as statuses, (select array_agg(distinct state order by state) from goniec.attempt) as states,
            (select count(*)::int from goniec.message m, goniec.installation i
             where m.status = 'pending' and (m.scheduled_at at time zone i.timezone)::date > (goniec.now() at time zone i.timezone)::date) as tomorrow`,
  )
  expect(row).toMatchObject({ statuses: 5, tomorrow: expect.any(Number) })
  expect(row?.['states']).toEqual(
    expect.arrayContaining(['aborted', 'accepted', 'claimed', 'deferred', 'in_doubt', 'presumed_unsent', 'rejected']),
  )
  expect(row?.['tomorrow']).toBeGreaterThan(20)
})

test('every check has a case that breaks it, and is named once', () => {
  const names = CHECKS.map(({ name }) => name)
  expect(Object.keys(BREACHES).toSorted()).toEqual(names.toSorted())
  expect(new Set(names).size).toBe(names.length)
})

test('a reporter may ask, and gets names, results and rows by the contract', async () => {
  const { code, stdout } = await command('--json', '--check', 'nobody-is-mailed-a-step-twice', 'the-guards-are-on')
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({
    ok: true,
    checks: [
      { name: 'nobody-is-mailed-a-step-twice', ok: true, violations: [], total: 0 },
      { name: 'the-guards-are-on', ok: true, violations: [], total: 0 },
    ],
  })
})

test('people get a line for each check; a broken one with its rows and what to do, and the command ends 3', async () => {
  const whole = await command()
  expect(whole).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/^63 checks, and all of them hold \(.*\)\.\n$/),
  })
  expect(whole.stdout.match(/^yes +\S/gm)).toHaveLength(63)
  await database.query(`update goniec.mailbox_day set response_taken = response_taken + 1 where mailbox_id in (1, 2)`)
  try {
    const { code, stdout, stderr } = await command('--rows', '1', '--check', 'a-mailbox-day-counts-what-was-taken')
    expect(code).toBe(3)
    expect(stdout).toMatch(/^BROKEN +a-mailbox-day-counts-what-was-taken /m)
    expect(stdout).toMatch(/^BROKEN: a-mailbox-day-counts-what-was-taken, by \d+ rows\n/m)
    expect(stdout).toMatch(
      /^mailbox +day +kind +counted +held\nbox\d@team.example +\d{4}-\d\d-\d\d +response +\d+ +\d+\n… and \d+ more \(--rows \d+\)\nTo do: /m,
    )
    expect(stderr).toMatch(/^1 of 1 checks are broken \(/)
    const { checks } = JSON.parse(
      (await command('--json', '--check', 'a-mailbox-day-counts-what-was-taken')).stdout,
    ) as {
      checks: CheckResult[]
    }
    expect(checks[0]).toMatchObject({
      ok: false,
      violations: expect.arrayContaining([expect.objectContaining({ mailbox: 'box1@team.example', kind: 'response' })]),
    })
  } finally {
    await database.query(`update goniec.mailbox_day set response_taken = response_taken - 1 where mailbox_id in (1, 2)`)
  }
})

test('a check that there is not is named with the nearest one; --list needs no database', async () => {
  expect(await command('--check', 'the-guards-are-of')).toMatchObject({
    code: 2,
    stderr:
      'Error: there is no check "the-guards-are-of"; did you mean "the-guards-are-on"?\nTry: goniec audit --list\n',
  })
  expect((await goniec(['audit', '--list'], { env: { DATABASE_URL: undefined } })).stdout.split('\n')).toHaveLength(65)
})

test('a mail that left on a public holiday is seen', async () => {
  await session.query('begin')
  try {
    await session.query('set local session_replication_role = replica')
    await session.query(`update goniec.campaign set holidays = 'PL'`)
    const moved = `update goniec.attempt set transmitting_at = '2026-11-11 12:00+01', campaign_day = '2026-11-11' where message_id = (select min(id) from goniec.message where kind = 'campaign' and status = 'sent' and campaign_id = 1)`
    await session.query(`insert into goniec.campaign_day (campaign_id, day) values (1, '2026-11-01')`)
    await session.query(moved)
    const [result] = await runChecks(
      ask,
      CHECKS.filter(({ name }) => name === 'mails-left-within-their-windows'),
    )
    expect(result?.violations.map(({ local_time: at }) => at)).toContain('2026-11-11 12:00:00')
  } finally {
    await session.query('rollback')
  }
})

test('the guards that are looked for are all that the schema has', async () => {
  const triggers = await database.query<{ name: string }>(
    `select t.tgname as name from pg_trigger t join pg_class c on c.oid = t.tgrelid
     where c.relnamespace = 'goniec'::regnamespace and not t.tgisinternal and t.tgname not like '%\\_wakes\\_%' order by 1`,
  )
  const sql = CHECKS.find(({ name }) => name === 'the-guards-are-on')?.sql ?? ''
  expect(triggers.map(({ name }) => name).filter((name) => !sql.includes(`'${name}'`))).toEqual([])
})

test('the page about the audit names every check with what holds and what it proves', () => {
  const page = readFileSync('docs/audit.md', 'utf8')
  const rows = CHECKS.map(({ name, says, proves }) => `| \`${name}\` | ${says} | ${proves.join(', ')} |`)
  expect(page.slice(page.indexOf('| --- |')).trim().split('\n').slice(1)).toEqual(rows)
})

describe('broken on purpose, the audit sees', () => {
  test.each(Object.entries(BREACHES))(
    '%s, and nothing that is well',
    async (name, { break: statements, also = [] }) => {
      await session.query('begin')
      try {
        await session.query('set local session_replication_role = replica')
        for (const statement of statements) await session.query(statement)
        const found = broken(await runChecks(ask, CHECKS))
        expect(found).toContain(name)
        expect(found.filter((other) => other !== name && !also.includes(other))).toEqual([])
      } finally {
        await session.query('rollback')
      }
    },
  )
})
