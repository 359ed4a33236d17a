import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import iconv from 'iconv-lite'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { type CsvOptions, type CsvRow, readCsv } from '../../src/leads/csv.ts'
import type { CsvReject } from '../../src/leads/csv-records.ts'

const directory = mkdtempSync(join(tmpdir(), 'goniec-csv-'))
afterAll(() => rmSync(directory, { recursive: true }))

const POLISH = 'E-mail;Imię;Firma\r\njan@a.pl;Grażyna;Łódzkie Źródła\r\nola@b.pl;Świętopełk;Ćma\r\n'
const POLISH_FIELDS = [
  { e_mail: 'jan@a.pl', imie: 'Grażyna', firma: 'Łódzkie Źródła' },
  { e_mail: 'ola@b.pl', imie: 'Świętopełk', firma: 'Ćma' },
]

function file(content: string | Buffer, name = 'leads.csv'): string {
  const path = join(directory, name)
  writeFileSync(path, content)
  return path
}

async function read(content: string | Buffer, options?: CsvOptions) {
  const table = await readCsv(file(content), options)
  const rows: CsvRow[] = []
  const rejects: CsvReject[] = []
  for await (const record of table) {
    if (record.kind === 'row') rows.push(record)
    else rejects.push(record)
  }
  return { table, rows, rejects, fields: rows.map(({ fields }) => fields) }
}

const found = async (text: string, encoding: string) => (await read(iconv.encode(text, encoding))).table.encoding

const failure = (content: string | Buffer, options?: CsvOptions) =>
  read(content, options).then(
    () => expect.unreachable(),
    (error: { message: string; code: string; hint: string }) => ({
      code: error.code,
      message: error.message.replaceAll(`${directory}/`, ''),
      hint: error.hint,
    }),
  )

describe('the encoding', () => {
  it.each([
    ['UTF-8', 'utf8', Buffer.from(POLISH)],
    ['UTF-8 with a byte order mark', 'utf8', Buffer.from(`\uFEFF${POLISH}`)],
    ['Windows-1250', 'windows1250', iconv.encode(POLISH, 'windows1250')],
    ['ISO 8859-2', 'iso88592', iconv.encode(POLISH, 'iso88592')],
    ['UTF-16 little endian', 'utf16le', Buffer.from(`\uFEFF${POLISH}`, 'utf16le')],
    ['UTF-16 big endian', 'utf16be', Buffer.from(`\uFEFF${POLISH}`, 'utf16le').swap16()],
    ['UTF-16 without a mark', 'utf16le', Buffer.from(POLISH, 'utf16le')],
  ])('%s is found, and ą ę ł ź read right', async (_, encoding, bytes) => {
    const { table, fields, rejects } = await read(bytes)
    expect(table.encoding).toBe(encoding)
    expect(fields).toEqual(POLISH_FIELDS)
    expect(rejects).toEqual([])
  })

  it('is found though the first Polish letter stands far behind the start', async () => {
    const far = `email;imie\n${'a@a.pl;Jan\n'.repeat(100_000)}z@z.pl;Grażyna\n`
    expect((await read(iconv.encode(far, 'windows1250'))).fields.at(-1)).toEqual({ email: 'z@z.pl', imie: 'Grażyna' })
    expect((await read(far)).fields.at(-1)).toEqual({ email: 'z@z.pl', imie: 'Grażyna' })
  })

  it('is told by ą ś ź, which ISO 8859-2 has elsewhere than Windows-1250; signs beside no letter are none of them', async () => {
    for (const word of ['Śląsk', 'Zając', 'ŁÓDŹ', 'gęś', 'Źrebak', 'Józio Maź', 'Uździcki']) {
      expect([word, await found(`email;imie\na@b.pl;${word}\n`, 'iso88592')]).toEqual([word, 'iso88592'])
      expect([word, await found(`email;imie\na@b.pl;${word}\n`, 'windows1250')]).toEqual([word, 'windows1250'])
    }
    for (const word of ['pompa ±5 °C', 'Ľubica Kováčová', 'JÁN KRÁĽ', 'VEĽKÝ MEDER', '§ 5 ¦ ż', 'Łoś „Zając”'])
      expect([word, await found(`email;imie\na@b.pl;${word}\n`, 'windows1250')]).toEqual([word, 'windows1250'])
  })

  it('stays UTF-8 where a single line is damaged, and that line is rejected', async () => {
    const bytes = Buffer.concat([
      Buffer.from(POLISH),
      Buffer.from([0x78, 0xb3, 0x3b, 0x3b, 0x0a]),
      Buffer.from('ą@b.pl;Ż;ę\n'),
    ])
    const { table, rows, rejects } = await read(bytes)
    expect(table.encoding).toBe('utf8')
    expect(rows.map(({ line }) => line)).toEqual([2, 3, 5])
    expect(rejects).toEqual([
      {
        kind: 'reject',
        line: 4,
        raw: 'x\uFFFD;;',
        reason: 'it holds a character that cannot be read: it was damaged, or is in another encoding than the rest',
      },
    ])
  })

  it('can be said', async () => {
    expect((await read(iconv.encode(POLISH, 'iso-8859-2'), { encoding: 'iso-8859-2' })).fields).toEqual(POLISH_FIELDS)
    expect(await failure(POLISH, { encoding: 'klingon' })).toEqual({
      code: 'csv_unreadable',
      message: 'cannot read leads.csv as "klingon": there is no such encoding',
      hint: 'utf8, windows-1250, iso-8859-2 and utf16le are the usual ones',
    })
  })

  it('survives characters cut in two by the chunks of reading', async () => {
    const many = `email;imie\n${Array.from({ length: 60_000 }, (_, i) => `a${i}@a.pl;ążź\n`).join('')}`
    for (const shift of ['', 'x', 'xx']) {
      const { rows, rejects } = await read(`${shift}email;imie\n${many.slice(11)}`, { addressColumn: `${shift}email` })
      expect([rows.length, rejects.length, rows.every(({ fields }) => fields['imie'] === 'ążź')]).toEqual([
        60_000,
        0,
        true,
      ])
    }
  })
})

describe('the delimiter', () => {
  it.each([
    [';', 'email;imie;uwagi\na@a.pl;Jan;"a, b"\n', ['Jan', 'a, b']],
    [',', 'email,imie,uwagi\na@a.pl,Jan,"a, b"\n', ['Jan', 'a, b']],
    ['\t', 'email\timie\tuwagi\na@a.pl\tJan\ta, b\n', ['Jan', 'a, b']],
    [';', 'sep=;\r\nemail;imie;uwagi\r\na@a.pl;Jan;a, b\r\n', ['Jan', 'a, b']],
    ['|', 'sep=|\nemail|imie|uwagi\na@a.pl|Jan|a, b\n', ['Jan', 'a, b']],
    [',', 'email,"nazwa; skrót; kod","x;y"\na@a.pl,"1;2;3",z\n', ['1;2;3', 'z']],
    [';', 'email\na@a.pl\n', []],
    [';', 'email;imie\ra@a.pl;Jan\r', ['Jan']],
    [';', 'email;imie;uwagi\ra@a.pl;Jan;"a\nb"\r', ['Jan', 'a\nb']],
    [';', 'email;imie\r\r\na@a.pl;Jan\r\r\n', ['Jan']],
  ])('is %j', async (delimiter, text, others) => {
    const { table, rows, rejects } = await read(text)
    expect(table.delimiter).toBe(delimiter)
    expect(rows.map(({ fields }) => Object.values(fields))).toEqual([['a@a.pl', ...others]])
    expect(rejects).toEqual([])
  })

  it('can be said', async () => {
    expect((await read('email:imie\na@a.pl:Jan\n', { delimiter: ':' })).fields).toEqual([
      { email: 'a@a.pl', imie: 'Jan' },
    ])
  })
})

describe('the header', () => {
  it('gives every column the name that templates call it by', async () => {
    const { table } = await read('Adres e-mail;Imię i nazwisko;NIP (firmy);2. telefon;Źródło;Имя;blank;;\n')
    expect(table.columns.map(({ name, field, index }) => [name, field, index])).toEqual([
      ['Adres e-mail', 'adres_e_mail', 0],
      ['Imię i nazwisko', 'imie_i_nazwisko', 1],
      ['NIP (firmy)', 'nip_firmy', 2],
      ['2. telefon', '_2_telefon', 3],
      ['Źródło', 'zrodlo', 4],
      ['Имя', 'имя', 5],
      ['blank', 'blank_', 6],
    ])
    expect(table.addressColumn.name).toBe('Adres e-mail')
  })

  it.each(['email', 'E-mail', 'ADRES E-MAIL', 'mail', 'Adres email', 'Email Address', 'e_mail', ' E-Mail: '])(
    'takes %j for the address',
    async (name) => {
      expect((await read(`x;${name}\n1;a@a.pl\n`)).rows[0]?.address).toBe('a@a.pl')
    },
  )

  it('takes the column that is named', async () => {
    const { rows } = await read('email;e-mail prywatny;Adres Służbowy\na@a.pl;b@b.pl;c@c.pl\n', {
      addressColumn: 'adres sluzbowy',
    })
    expect(rows[0]?.address).toBe('c@c.pl')
  })

  it.each([
    [
      'imie;firma\nJan;ACME\n',
      {},
      'leads.csv has no column for the address; its header is: imie, firma',
      'call the column "email", or name it: --address-column NAME',
    ],
    [
      'jan@a.pl;Jan\nola@b.pl;Ola\n',
      {},
      'leads.csv has no header: its first line is already a lead: jan@a.pl, Jan',
      'put a line above it that names the columns, one of them "email"',
    ],
    [
      'email;mail\n',
      {},
      'leads.csv has two columns that could be the address: "email" and "mail"',
      'say which: --address-column email',
    ],
    [
      'email;Imię;imie\n',
      {},
      'leads.csv has two columns that templates would call {{ imie }}: column 2 "Imię" and column 3 "imie"',
      'rename or remove one of them',
    ],
    [
      'email;kontakt\n',
      { addressColumn: 'kontkat' },
      'leads.csv has no column "kontkat"; its header is: email, kontakt',
      '--address-column kontakt',
    ],
    [
      'email;"imie\nx',
      {},
      'the header of leads.csv (line 1) cannot be read: the quote that opens column 2 is not closed',
      'mend that line; quotes around names are not needed',
    ],
    [
      '\n \n\n',
      {},
      'leads.csv is empty: it has no header line',
      'a list of leads has a header line with a column "email", and a lead on each line after it',
    ],
  ])('of %j is refused', async (text, options, message, hint) => {
    expect(await failure(text, options)).toEqual({ code: 'csv_header', message, hint })
  })

  it('without lines below it is an empty list', async () => {
    const { rows, rejects, table } = await read('email;imie')
    expect([rows, rejects, table.header]).toEqual([[], [], ['email', 'imie']])
  })
})

describe('what is no table', () => {
  it.each([
    [
      Buffer.alloc(0),
      'leads.csv is empty',
      'a list of leads has a header line with a column "email", and a lead on each line after it',
    ],
    [
      Buffer.from('PK\u0003\u0004xxxx'),
      'leads.csv is a workbook or an archive, not a CSV file',
      'in the spreadsheet: Save as, CSV UTF-8',
    ],
    [
      Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 7919) % 256)),
      'leads.csv holds binary data, not a table',
      'in the spreadsheet: Save as, CSV UTF-8',
    ],
    [Buffer.alloc(4096), 'leads.csv holds binary data, not a table', 'in the spreadsheet: Save as, CSV UTF-8'],
  ])('is refused with its reason', async (bytes, message, hint) => {
    expect(await failure(bytes)).toEqual({ code: 'csv_unreadable', message, hint })
  })

  it('is a missing file, or a directory', async () => {
    await expect(readCsv('/nowhere/leads.csv')).rejects.toMatchObject({
      code: 'csv_unreadable',
      message: 'there is no file /nowhere/leads.csv',
    })
    await expect(readCsv(directory)).rejects.toMatchObject({
      code: 'csv_unreadable',
      message: `${directory} is a directory, not a CSV file`,
    })
  })
})

it('a stream is read like a file, and knows its encoding too', async () => {
  const table = await readCsv(Readable.from([iconv.encode(POLISH, 'windows1250')]))
  const fields: unknown[] = []
  for await (const record of table) if (record.kind === 'row') fields.push(record.fields)
  expect([table.name, table.encoding, table.bytesRead, fields]).toEqual(['stdin', 'windows1250', 77, POLISH_FIELDS])
})

it('what flows in stands under no name, also while it flows: a process that is ended meanwhile leaves no list of leads behind', async () => {
  const own = mkdtempSync(join(directory, 'tmp-'))
  vi.stubEnv('TMPDIR', own)
  const found: string[][] = []
  const flow = async function* (): AsyncGenerator<string> {
    yield 'email\n'
    found.push(readdirSync(own))
    yield 'jan@a.pl\n'
  }
  await readCsv(Readable.from(flow()))
  vi.unstubAllEnvs()
  expect(found).toEqual([[]])
})
