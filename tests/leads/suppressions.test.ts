import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { importSuppressions } from '../../src/leads/suppression-list.ts'
import {
  addSuppressions,
  countHeld,
  listSuppressions,
  readSuppressible,
  removeSuppressions,
} from '../../src/leads/suppressions.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { claim, claimOne, fence, settle } from '../support/protocol.ts'
import { NOON, World } from '../support/world.ts'

let database: TestDatabase
let world: World
let directory = ''
beforeEach(async () => {
  database = await createTestDatabase()
  await setClock(database, NOON)
  world = new World(database.pool)
  directory = mkdtempSync(join(tmpdir(), 'goniec-suppress-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const add = (...values: string[]) => addSuppressions(database, values.map((value) => ({ value, reason: 'test' }))) // prettier-ignore

it('addresses and domains are brought into their one form; what is neither is refused', () => {
  expect(readSuppressible(' Jan@Klient.Example ')).toEqual({ value: 'jan@klient.example' })
  expect(readSuppressible('@Firma.Example')).toEqual({ value: 'firma.example' })
  expect(readSuppressible('żółw.example')).toEqual({ value: 'xn--w-uga1v8h.example' })
  expect(readSuppressible('localhost').problem).toContain('has no dot')
  expect(readSuppressible('a b@c.pl').problem).toContain('has a space in it')
  for (const star of ['*@firma.example', '*.firma.example', '%@firma.example'])
    expect(readSuppressible(star).problem).toContain('write firma.example')
})

it('a suppressed domain holds the mails to its subdomains, at the fence too, and no others', async () => {
  const worker = await world.worker()
  await world.campaign()
  const leads = ['jan@dzial.firma.example', 'ola@firma.example', 'ewa@mojafirma.example']
  const mails = []
  for (const email of leads)
    mails.push(await world.mail({ mailbox: await world.mailbox(), lead: await world.lead({ email }) }))
  const [first, , third] = mails.map(({ id }) => id)
  const attempt = await claimOne(database.pool, worker, first ?? 0)
  expect(await add('firma.example')).toEqual(['firma.example'])
  expect(await countHeld(database, ['firma.example'])).toEqual({ held: 2, alreadyPassed: 0 })
  expect(await fence(database.pool, worker, attempt)).toMatchObject([{ verdict: 'suppressed' }])
  expect(await world.value('select status from goniec.message where id = $1', [third])).toBe('sending')
  await removeSuppressions(database, ['firma.example'])
  expect(await fence(database.pool, worker, attempt)).toMatchObject([{ verdict: 'passed' }])
  expect(await countHeld(database, ['jan@dzial.firma.example'])).toEqual({ held: 0, alreadyPassed: 1 })
})

it.each(['jan@dzial.firma.example', 'firma.example'])(
  'a lead whose mail was on the wire when %s was suppressed goes on when that is lifted',
  async (value) => {
    const worker = await world.worker()
    await world.mailbox()
    await world.campaign({ steps: ['intro', 'reminder'] })
    const lead = await world.lead({ email: 'jan@dzial.firma.example' })
    const attempt = await claimOne(database.pool, worker, (await world.mail({ lead })).id)
    await fence(database.pool, worker, attempt)
    await add(value)
    await settle(database.pool, worker, { attempt, outcome: 'accepted' })
    expect(await mailsTo(lead)).toEqual([{ step: 'intro', status: 'sent' }])
    await removeSuppressions(database, [value])
    expect(await mailsTo(lead)).toEqual([
      { step: 'intro', status: 'sent' },
      { step: 'reminder', status: 'pending' },
    ])
  },
)

it('who had had the last step before he was suppressed gets none that was added since', async () => {
  const worker = await world.worker()
  await world.mailbox()
  const campaign = await world.campaign()
  const lead = await world.lead({ email: 'jan@firma.example' })
  const attempt = await claimOne(database.pool, worker, (await world.mail({ lead })).id)
  await fence(database.pool, worker, attempt)
  await settle(database.pool, worker, { attempt, outcome: 'accepted' })
  await setClock(database, NOON.add({ hours: 24 }))
  await add('firma.example')
  await world.insert('step', { campaign_id: campaign, position: 2, key: 'reminder', keyed: true })
  await removeSuppressions(database, ['firma.example'])
  expect(await mailsTo(lead)).toEqual([{ step: 'intro', status: 'sent' }])
})

async function mailsTo(lead: number): Promise<unknown[]> {
  return database.query('select step_key as step, status from goniec.message where lead_id = $1 order by id', [lead])
}

it('what is added is recorded, listed, and added once', async () => {
  expect(await add('b.example', 'a@c.example')).toEqual(expect.arrayContaining(['b.example', 'a@c.example']))
  expect(await add('b.example')).toEqual([])
  expect(await listSuppressions(database)).toMatchObject([
    { value: 'a@c.example', reason: 'test' },
    { value: 'b.example' },
  ])
  expect(await listSuppressions(database, 'B.')).toMatchObject([{ value: 'b.example' }])
  expect(await listSuppressions(database, '@b.example')).toMatchObject([{ value: 'b.example' }])
  expect(await removeSuppressions(database, ['b.example', 'nowhere.example'])).toEqual(['b.example'])
  expect(await database.query(`select type, data ->> 'value' as value from goniec.event order by id`)).toEqual([
    { type: 'suppressed', value: 'a@c.example' },
    { type: 'suppressed', value: 'b.example' },
    { type: 'unsuppressed', value: 'b.example' },
  ])
})

it('an international domain is found as people write it', async () => {
  await add('xn--w-uga1v8h.example', 'jan@xn--w-uga1v8h.example')
  for (const text of ['żółw', 'ŻÓŁW.example', 'xn--w-uga1v8h'])
    expect(await listSuppressions(database, text)).toHaveLength(2)
  expect(await listSuppressions(database, 'Jan@Żółw.example')).toHaveLength(1)
})

it('two lists with the same values in opposite orders, added at once, take turns', async () => {
  const values = Array.from({ length: 3000 }, (_, n) => `firma${n}.example`)
  const added = await Promise.all([add(...values), add(...values.toReversed())])
  expect(added.flat()).toHaveLength(3000)
})

it('a list comes from a CSV file: reasons of its own, rejects beside it, and the open mails that it holds', async () => {
  await world.campaign()
  const mail = await world.mail({ lead: await world.lead({ email: 'jan@firma.example' }) })
  const path = join(directory, 'list.csv')
  writeFileSync(
    path,
    'Domena;reason\nfirma.example;competitor\nżona@klient.example;\nnot a domain;\nJan@Klient.example;\n',
  )
  expect(await importSuppressions(database, path, { reason: 'list' })).toEqual({
    rows: 4,
    added: 2,
    known: 0,
    rejected: 2,
    held: 1,
    alreadyPassed: 0,
    rejectsFile: join(directory, 'list.rejects.csv'),
  })
  expect(await listSuppressions(database)).toMatchObject([
    { value: 'firma.example', reason: 'competitor' },
    { value: 'jan@klient.example', reason: 'list' },
  ])
  expect((await claim(database.pool, await world.worker())).messages).not.toContain(mail.id)
  expect(await importSuppressions(database, path)).toMatchObject({
    added: 0,
    known: 2,
    rejectsFile: join(directory, 'list.2.rejects.csv'),
  })
})

it('why a line was rejected is no reason for its suppression, once it is mended and imported again', async () => {
  const path = join(directory, 'list.csv')
  writeFileSync(path, 'email\njan(at)klient.example\n')
  const { rejectsFile } = await importSuppressions(database, path)
  const mended = join(directory, 'mended.csv')
  writeFileSync(mended, readFileSync(rejectsFile ?? '', 'utf8').replaceAll('(at)', '@'))
  await importSuppressions(database, mended)
  expect(await listSuppressions(database)).toMatchObject([{ value: 'jan@klient.example', reason: null }])
})

it('of a table with addresses and domains nobody guesses which are meant: a whole provider would be suppressed for one address', async () => {
  const path = join(directory, 'list.csv')
  writeFileSync(path, 'email;domain\njan@poczta.example;poczta.example\n')
  await expect(importSuppressions(database, path)).rejects.toMatchObject({
    code: 'csv_header',
    message: expect.stringContaining('two columns that could be the address: "email" and "domain"'),
    hint: expect.stringContaining('--address-column email'),
  })
  expect(await listSuppressions(database)).toEqual([])
  await importSuppressions(database, path, { addressColumn: 'email' })
  expect(await listSuppressions(database)).toMatchObject([{ value: 'jan@poczta.example' }])
})
