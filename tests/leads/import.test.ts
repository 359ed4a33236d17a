import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import iconv from 'iconv-lite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { importLeads, type ImportOptions } from '../../src/leads/import.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { World } from '../support/world.ts'

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

function table(content: string | Buffer): string {
  const path = join(directory, 'leads.csv')
  writeFileSync(path, content)
  return path
}

const load = (content: string | Buffer, options: Partial<ImportOptions> = {}) =>
  importLeads(database, table(content), { campaign: 'spring', ...options })

/** Line and reason of every reject. */
function rejects(path: string | null): string[] {
  const text = readFileSync(path ?? '', 'utf8').replace('\uFEFF', '')
  return text
    .trimEnd()
    .split('\r\n')
    .slice(1)
    .map((line) => line.split(';'))
    .map((cells) => `${cells.at(-1)}: ${cells[0]}`)
}

const mails = () => world.value('select count(*) from goniec.message')
const addresses = (count: number) => Array.from({ length: count }, (_, n) => `lead${n}@klient${n % 7}.example`)

describe('what comes in', () => {
  it('each line becomes a lead, an enrollment with its fields, and the mail of the first step', async () => {
    const { rejectsFile, written, ...counts } = await load(
      'Adres e-mail;Imię;Firma\n Jan@Klient.Example ;Jan;"Firma ""X"""\nola@klient.example;Ola;\n',
    )
    expect({ counts, rejectsFile, written }).toEqual({
      counts: { rows: 2, new: 2, known: 0, updated: 0, enrolled: 2, rejected: 0 },
      rejectsFile: null,
      written: true,
    })
    expect(
      await database.query(`
        select l.email, e.fields, m.kind, m.status, m.recipient, m.step_key, m.variant = goniec.pick_variant(m.step_id, e.id) as picked
        from goniec.message m join goniec.enrollment e on e.id = m.enrollment_id join goniec.lead l on l.id = m.lead_id order by l.email`),
    ).toEqual([
      {
        email: 'jan@klient.example',
        fields: { adres_e_mail: 'Jan@Klient.Example', imie: 'Jan', firma: 'Firma "X"' },
        kind: 'campaign',
        status: 'pending',
        recipient: 'jan@klient.example',
        step_key: 'intro',
        picked: true,
      },
      expect.objectContaining({
        email: 'ola@klient.example',
        fields: { adres_e_mail: 'ola@klient.example', imie: 'Ola', firma: '' },
      }),
    ])
  })

  it('mails stand in the order of the lines, so that who is first in the file is mailed first', async () => {
    const given = Array.from({ length: 6000 }, (_, n) => `lead${(n * 7919) % 6000}@klient.example`)
    await load(`email\n${given.join('\n')}\n`)
    const made = await database.query<{ recipient: string }>('select recipient from goniec.message order by id')
    expect(made.map(({ recipient }) => recipient)).toEqual(given)
  })

  it('variants are those that pick_variant picks, whatever their weights', async () => {
    const step = await world.value('select id from goniec.step')
    for (const [letter, weight] of [
      ['B', 3],
      ['C', 0],
      ['D', 5],
    ] as const) {
      await world.insert('variant', { step_id: step, letter, weight, subject: 'S', text: 'T' }, 'step_id')
    }
    await load(`email\n${addresses(300).join('\n')}`)
    expect(
      await database.query(
        `select variant, bool_and(variant = goniec.pick_variant(step_id, enrollment_id)) as picked from goniec.message group by 1 order by 1`,
      ),
    ).toEqual([
      { variant: 'A', picked: true },
      { variant: 'B', picked: true },
      { variant: 'D', picked: true },
    ])
  })

  it('the same file again changes nothing; other fields are kept; another campaign’s stay as they are', async () => {
    const file = 'email,imie\njan@klient.example,Jan\nola@klient.example,Ola\n'
    await load(file)
    expect(await load(file)).toMatchObject({ rows: 2, new: 0, known: 2, updated: 0, enrolled: 0, rejected: 0 })
    expect(await load(file.replace(',Jan', ',Janek'))).toMatchObject({ known: 2, updated: 1, enrolled: 0 })
    await world.campaign({ name: 'autumn' })
    expect(await load(file, { campaign: 'autumn' })).toMatchObject({ new: 0, known: 2, enrolled: 2, updated: 0 })
    expect(
      await database.query(`select c.name, e.fields ->> 'imie' as imie from goniec.enrollment e join goniec.campaign c on c.id = e.campaign_id
                            join goniec.lead l on l.id = e.lead_id where l.email like 'jan%' order by 1`),
    ).toEqual([
      { name: 'autumn', imie: 'Jan' },
      { name: 'spring', imie: 'Janek' },
    ])
    expect(await mails()).toBe(4)
  })

  it('a file in Windows-1250, as Polish spreadsheets write it, keeps its letters', async () => {
    await load(iconv.encode('E-mail;Imię\r\nlukasz@klient.example;Łukasz Żółć\r\n', 'win1250'))
    expect(await world.value(`select fields ->> 'imie' from goniec.enrollment`)).toBe('Łukasz Żółć')
  })

  it('a table comes from a pipe as well, also where it has to be read twice', async () => {
    const pipe = Readable.from(['email\njan@klient', '.example\n'])
    expect(await importLeads(database, pipe, { campaign: 'spring', strict: true })).toMatchObject({ enrolled: 1 })
  })
})

describe('what does not', () => {
  it('where rejects cannot be written it stops, and says how many had come in', async () => {
    // Its rejects would have a longer name than a file may have.
    const path = join(directory, `${'x'.repeat(248)}.csv`)
    writeFileSync(path, 'email\njan@klient.example\nnobody\n')
    await expect(importLeads(database, path, { campaign: 'spring' })).rejects.toMatchObject({
      code: 'rejects_unwritable',
      message: expect.stringMatching(/; 2 lines were done before, and 1 leads enrolled$/),
    })
    expect(await mails()).toBe(1)
  })

  it('a thousand broken lines among good ones are set aside one by one, and the good ones come in', async () => {
    const lines = addresses(1000).flatMap((address, n) => [
      `${address};Jan`,
      ['"quote;never closed', 'one column', `no-address-${n};Jan`, `${address};twice`][n % 4],
    ])
    const { rejectsFile, ...counts } = await load(`email;imie\n${lines.join('\n')}\n`)
    expect(counts).toMatchObject({ rows: 2000, new: 1000, enrolled: 1000, rejected: 1000 })
    const reasons = rejects(rejectsFile)
    expect(reasons).toHaveLength(1000)
    expect(reasons.slice(0, 4)).toEqual([
      '3: the quote in column 1 is closed before the cell ends',
      '5: it has 1 column where the header has 2',
      '7: """no-address-2"" is not an e-mail address: it has no @"',
      '9: lead3@klient3.example stands on line 8 already',
    ])
    expect(reasons.map((reason) => Number.parseInt(reason, 10))).toEqual(
      Array.from({ length: 1000 }, (_, n) => 3 + 2 * n),
    )
  })

  it('whoever may not be mailed is rejected with the reason, and no trace is left of who was unknown', async () => {
    await world.lead({ email: 'blocked@klient.example', blocked_at: world.now })
    await world.lead({ email: 'replied@klient.example', replied_at: world.now })
    await world.lead({ email: 'out@klient.example', unsubscribed_at: world.now })
    await world.lead({ email: 'gone@klient.example', bounced_at: world.now })
    await world.enrollment(campaign, await world.lead({ email: 'removed@klient.example' }), { removed_at: world.now })
    await database.query(`insert into goniec.suppression (value) values ('no@klient.example'), ('konkurent.example')`)
    const { rejectsFile, ...counts } = await load(
      'email\nblocked@klient.example\nreplied@klient.example\nout@klient.example\ngone@klient.example\nremoved@klient.example\n' +
        'no@klient.example\nanna@dzial.konkurent.example\nanna@konkurent.example.pl\n',
    )
    expect(counts).toMatchObject({ rows: 8, new: 1, known: 0, enrolled: 1, rejected: 7 })
    expect(rejects(rejectsFile)).toEqual([
      '2: the lead is blocked (goniec lead unblock lifts it)',
      '3: the lead has replied, and gets no more campaign mail',
      '4: the lead has unsubscribed',
      '5: mail to the lead bounced: its server says that there is no such mailbox',
      '6: the lead was removed from this campaign',
      '7: the address or its domain is suppressed (goniec suppress list)',
      '8: the address or its domain is suppressed (goniec suppress list)',
    ])
    expect(
      await world.value(
        `select count(*) from goniec.lead where email in ('no@klient.example', 'anna@dzial.konkurent.example')`,
      ),
    ).toBe(0)
  })

  it('half a character, as a damaged UTF-16 file has it, spoils its line only', async () => {
    const text = '\uFEFFemail\timie\njan@klient.example\tJan \uD83D x\nola@klient.example\tOla\n'
    expect(await load(Buffer.from(text, 'utf16le'))).toMatchObject({ enrolled: 1, rejected: 1 })
  })

  it('with --strict one rejected line keeps all out; a clean file comes in', async () => {
    const counts = await load('email\njan@klient.example\nnobody\n', { strict: true })
    expect(counts).toMatchObject({ rows: 2, new: 1, enrolled: 1, rejected: 1, written: false })
    expect(await world.value('select count(*) from goniec.lead')).toBe(0)
    expect(await load('email\njan@klient.example\n', { strict: true })).toMatchObject({ enrolled: 1, written: true })
    expect(await mails()).toBe(1)
  })

  it('a dry run counts as the import would, and writes nothing to the database', async () => {
    const file = 'email\njan@klient.example\nola@klient.example\nnobody\n'
    const { rejectsFile: _, written, ...dry } = await load(file, { dryRun: true })
    expect(written).toBe(false)
    expect(await world.value('select count(*) from goniec.lead')).toBe(0)
    expect(await load(file)).toMatchObject(dry)
  })

  it('a cancelled campaign takes nobody; an unknown one is answered with the nearest', async () => {
    await world.update('campaign', campaign, { status: 'cancelled' })
    await expect(load('email\na@b.pl\n')).rejects.toThrow('campaign "spring" is cancelled')
    await expect(load('email\na@b.pl\n', { campaign: 'sprin' })).rejects.toThrow('did you mean "spring"?')
  })

  it('a completed campaign runs again when somebody came in, and only then', async () => {
    await load('email\njan@klient.example\n')
    await database.query(`update goniec.message set status = 'cancelled'`)
    await database.query('select goniec.complete_campaigns()')
    await load('email\njan@klient.example\n')
    expect(await world.row('campaign', campaign)).toMatchObject({ status: 'completed' })
    await load('email\nola@klient.example\n')
    expect(await world.row('campaign', campaign)).toMatchObject({ status: 'running' })
  })
})
