/** Imports among others that want the same rows. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Client } from 'pg'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { importLeads } from '../../src/leads/import.ts'
import { tendCampaigns } from '../../src/campaigns/tend.ts'
import { pauseCampaign } from '../../src/campaigns/pause.ts'
import { runGoniec } from '../cli/run-goniec.ts'
import { untilBlocked } from '../support/blocked.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { claim } from '../support/protocol.ts'
import { NOON, World } from '../support/world.ts'

let database: TestDatabase
let world: World
let campaign = 0
let directory = ''
beforeEach(async () => {
  database = await createTestDatabase()
  world = new World(database.pool)
  campaign = await world.campaign({ name: 'spring' })
  directory = mkdtempSync(join(tmpdir(), 'goniec-import-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

function table(name: string, addresses: readonly string[], imie = 'Jan'): string {
  const path = join(directory, name)
  writeFileSync(path, `email,imie\n${addresses.map((address) => `${address},${imie}\n`).join('')}`)
  return path
}

const addresses = (count: number) => Array.from({ length: count }, (_, n) => `lead${n}@klient${n % 7}.example`)

const batch = (session: Client | TestDatabase['pool'], ...emails: string[]) =>
  session.query('select goniec.import_leads($1, $2)', [
    campaign,
    JSON.stringify(emails.map((email, n) => ({ line: n + 2, email, given: email, fields: {} }))),
  ])

/** Ends the session of the import that waits for `holder`. Batches may also wait for each other, while a table grows. */
async function endImportBehind(holder: Client): Promise<void> {
  const { rows } = await holder.query<{ pid: number }>('select pg_backend_pid() as pid')
  for (;;) {
    const ended = await database.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and query like '%import_leads%' and $1::integer = any (pg_blocking_pids(pid))`,
      [rows[0]?.pid],
    )
    if (ended.length > 0) return
  }
}

it('the same leads, imported by two commands at once and in opposite orders, are enrolled once each', async () => {
  const all = addresses(9000)
  const files = [table('a.csv', all, 'A'), table('b.csv', all.toReversed(), 'B')]
  const runs = await Promise.all(
    files.map((file) => runGoniec(['lead', 'import', file, '--campaign', 'spring', '--json'], { url: database.url })),
  )
  expect(runs.map(({ code }) => code)).toEqual([0, 0])
  const counts = runs.map(({ stdout }) => JSON.parse(stdout) as Record<string, number>)
  expect(counts.map(({ rows, rejected }) => [rows, rejected])).toEqual([
    [9000, 0],
    [9000, 0],
  ])
  expect((counts[0]?.['enrolled'] ?? 0) + (counts[1]?.['enrolled'] ?? 0)).toBe(9000)
  expect((counts[0]?.['new'] ?? 0) + (counts[1]?.['new'] ?? 0)).toBe(9000)
  expect(
    await database.query(
      'select (select count(*) from goniec.lead) as leads, (select count(*) from goniec.enrollment) as enrollments, (select count(*) from goniec.message) as mails',
    ),
  ).toEqual([{ leads: 9000, enrollments: 9000, mails: 9000 }])
})

it('imports of overlapping batches in many sessions never deadlock', async () => {
  const all = addresses(60)
  const shuffled = (seed: number) => all.toSorted((a, b) => ((a.length * seed + a.charCodeAt(4) * 31 * seed) % 97) - ((b.length * seed + b.charCodeAt(4) * 31 * seed) % 97)) // prettier-ignore
  const sessions = await Promise.all(Array.from({ length: 6 }, () => database.session()))
  await Promise.all(
    sessions.map(async (session, s) => {
      for (let round = 0; round < 25; round++) {
        const emails = shuffled(s * 25 + round + 1).slice(0, 30)
        const rows = emails.map((email, n) => ({
          line: n + 2,
          email,
          given: email,
          fields: { round: String(s * 25 + round) },
        }))
        await session.query('select goniec.import_leads($1, $2)', [campaign, JSON.stringify(rows)])
      }
    }),
  )
  expect(await world.value('select count(*) from goniec.message')).toBe(
    await world.value('select count(*) from goniec.lead'),
  )
})

it('a campaign is not completed while leads are added to it', async () => {
  const session = await database.session()
  await session.query('begin')
  await batch(session, 'jan@klient.example')
  expect(await database.query('select goniec.complete_campaigns() as name')).toEqual([])
  await session.query('commit')
  expect(await database.query('select goniec.complete_campaigns() as name')).toEqual([])
  expect(await world.row('campaign', campaign)).toMatchObject({ status: 'running' })
})

it('leads that come while a campaign is being completed wait for that, and make it run again', async () => {
  const [completing, importing] = [await database.session(), await database.session()]
  await completing.query('begin')
  expect((await completing.query('select goniec.complete_campaigns() as name')).rows).toEqual([{ name: 'spring' }])
  const imported = batch(importing, 'jan@klient.example')
  await untilBlocked(database, importing)
  await completing.query('commit')
  await imported
  expect(await world.row('campaign', campaign)).toMatchObject({ status: 'completed' })
  // What the command does itself; had it died before that, this does it within a minute.
  expect(await tendCampaigns(database)).toMatchObject({ revived: ['spring'] })
})

it('whoever pauses a campaign does not wait for an import into it, and claim neither', async () => {
  await setClock(database, NOON)
  const mail = await world.mail({ campaign })
  const session = await database.session()
  await session.query('begin')
  await batch(session, 'jan@klient.example')
  expect((await claim(database.pool, await world.worker())).messages).toEqual([mail.id])
  expect(await pauseCampaign(database, 'spring')).toMatchObject({ status: 'paused' })
  await session.query('rollback')
})

it('an open transaction that changes a lead holds up neither its import nor the claim of its mail', async () => {
  await setClock(database, NOON)
  const mail = await world.mail({ campaign })
  const session = await database.session()
  await session.query('begin')
  await session.query('update goniec.lead set email_given = $1', ['X'])
  await world.campaign({ name: 'autumn' })
  const { rows } = await database.pool.query<{ email: string }>('select email from goniec.lead')
  await importLeads(database, table('a.csv', rows.map(({ email }) => email)), { campaign: 'autumn' }) // prettier-ignore
  expect((await claim(database.pool, await world.worker())).messages).toEqual([mail.id])
  await session.query('rollback')
})

it('an import that is cut off says how far it came, and repeated it enrolls the rest', async () => {
  const all = addresses(5000)
  const holder = await database.session()
  await holder.query('begin')
  await holder.query('insert into goniec.lead (email) values ($1)', [all.at(-1)])
  const file = table('a.csv', all)
  await Promise.all([
    expect(importLeads(database, file, { campaign: 'spring' })).rejects.toThrow(
      /^the import stopped: the connection to the database .* was lost: .*; 4000 lines were done before, and 4000 leads enrolled$/,
    ),
    endImportBehind(holder),
  ])
  await holder.query('rollback')
  expect(await importLeads(database, file, { campaign: 'spring' })).toMatchObject({
    rows: 5000,
    known: 4000,
    new: 1000,
    enrolled: 1000,
  })
})
