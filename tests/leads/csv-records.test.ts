import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { CsvRecords, type RawRecord } from '../../src/leads/csv-records.ts'

const WIDTH = { needed: 3, total: 3 }

/** Everything in a text, pushed in pieces of this size. */
function readAll(text: string, { width = WIDTH, piece = text.length } = {}): RawRecord[] {
  const records = new CsvRecords({ delimiter: ';', lineBreak: '\n' })
  records.width = width
  const found: RawRecord[] = []
  const drain = () => {
    for (let record = records.take(); record !== undefined; record = records.take()) found.push(record)
  }
  for (let i = 0; i < text.length; i += Math.max(1, piece)) {
    records.push(text.slice(i, i + Math.max(1, piece)))
    drain()
  }
  records.end()
  drain()
  return found
}

/** `2: a|b|c` for a record, `3! reason` for a reject. */
const brief = (records: RawRecord[]) => {
  return records.map((record) =>
    record.kind === 'record' ? `${record.line}: ${record.cells.join('|')}` : `${record.line}! ${record.reason}`,
  )
}

it('a quoted cell holds delimiters, doubled quotes and line breaks', () => {
  expect(brief(readAll('1;"a;b";"say ""hi"""\r\n2;"two\r\nlines";x\r\n3;"";""""\r\n'))).toEqual([
    '1: 1|a;b|say "hi"',
    '2: 2|two\nlines|x',
    '4: 3||"',
  ])
})

it('a quote inside an unquoted cell is text', () => {
  expect(brief(readAll('1;Firma "Jan" sp. z o.o.;24"\n'))).toEqual(['1: 1|Firma "Jan" sp. z o.o.|24"'])
})

it('a quote that is never closed costs its own line and no other', () => {
  const text = '1;a;b\n2;"a;b\n3;a;b\n4;"a";b\n5;a;b\n'
  expect(brief(readAll(text))).toEqual([
    '1: 1|a|b',
    '2! the quote in column 2 is closed before the cell ends',
    '3: 3|a|b',
    '4: 4|a|b',
    '5: 5|a|b',
  ])
  expect(brief(readAll('1;a;b\n2;"a;b\n3;a;b'))).toEqual([
    '1: 1|a|b',
    '2! the quote that opens column 2 is not closed',
    '3: 3|a|b',
  ])
})

it('a quote that another one happens to close costs its own line, when the columns do not fit', () => {
  expect(brief(readAll('1;"a;b\n2;a;b"\n3;a;b\n'))).toEqual([
    '1! it has 2 columns where the header has 3',
    '2: 2|a|b"',
    '3: 3|a|b',
  ])
})

it('a quote that stays open gives up after a hundred lines, not at the end of the file', () => {
  const after = Array.from({ length: 5000 }, (_, i) => `${i + 2};a;""`).join('\n')
  const found = readAll(`1;"a;b\n${after}\n`, { piece: 1000 })
  expect(brief(found.slice(0, 2))).toEqual(['1! the quote that opens column 2 is not closed', '2: 2|a|'])
  expect(found.filter(({ kind }) => kind === 'record')).toHaveLength(5000)
})

/** A record whose quoted cell has so many lines, and one after it. */
function tall(lines: number): string {
  return `1;"${'x\n'.repeat(lines - 1)}x";b\n2;a;b\n`
}

it('a cell of a hundred lines is a cell, one of more is broken', () => {
  expect(brief(readAll(tall(100))).at(-1)).toBe('101: 2|a|b')
  expect(readAll(tall(100))).toHaveLength(2)
  expect(brief(readAll(tall(101)))[0]).toBe('1! the quote that opens column 2 is not closed')
})

it.each([
  ['1;a', 'it has 2 columns where the header has 3'],
  ['1', 'it has 1 column where the header has 3'],
  ['1;a;b;c', 'it has 4 columns where the header has 3'],
  ['1;"a"b;c', 'the quote in column 2 is closed before the cell ends'],
  ['1;a;\0', 'it holds a NUL character'],
  ['1;a;\uFFFD', 'it holds a character that cannot be read: it was damaged, or is in another encoding than the rest'],
])('%j is broken: %s', (line, reason) => {
  expect(readAll(`0;a;b\n${line}\n9;a;b\n`)).toEqual([
    { kind: 'record', line: 1, cells: ['0', 'a', 'b'] },
    { kind: 'reject', line: 2, reason, raw: line },
    { kind: 'record', line: 3, cells: ['9', 'a', 'b'] },
  ])
})

it('blank lines, and lines of nothing but delimiters, are passed over and counted', () => {
  expect(brief(readAll('\n1;a;b\n \n;;\n;;;;\n2;a;b;;\n'))).toEqual(['2: 1|a|b', '6: 2|a|b||'])
})

it('columns without a name at the end of the header may be left out', () => {
  expect(brief(readAll('1;a;b\n2;a;b;;\n3;a;b;x;\n4;a\n', { width: { needed: 3, total: 5 } }))).toEqual([
    '1: 1|a|b',
    '2: 2|a|b||',
    '3: 3|a|b|x|',
    '4! it has 2 columns where the header has 5',
  ])
})

it('a line of over a million characters is rejected with its start, whatever its length', () => {
  const found = readAll(`1;a;b\n2;${'x'.repeat(5_000_000)};b\n3;a;b\n`, { piece: 300_000 })
  expect(brief(found)).toEqual(['1: 1|a|b', '2! the line is longer than 1 million characters', '3: 3|a|b'])
  expect(found[1]).toMatchObject({ raw: `2;${'x'.repeat(998)}…` })
})

it('a thousand broken lines are a thousand rejects, and every other line is read', () => {
  const broken = ['x', 'x;"y;z', 'x;y;z;q', 'x;"y"z;q', 'x;\0;z']
  const lines = Array.from({ length: 5000 }, (_, i) =>
    i % 5 === 4 ? (broken[Math.floor(i / 5) % 5] ?? '') : `${i};a;b`,
  )
  const found = readAll(lines.join('\n'), { piece: 777 })
  expect(found.filter(({ kind }) => kind === 'reject').map(({ line }) => line)).toEqual(
    Array.from({ length: 1000 }, (_, i) => i * 5 + 5),
  )
  expect(found.filter(({ kind }) => kind === 'record')).toHaveLength(4000)
})

it('every line is in exactly one record or reject, in order, however the text is cut', () => {
  const cell = fc.string({ unit: fc.constantFrom('a', ' ', '"', ';', '\n', 'ł'), maxLength: 6 })
  fc.assert(
    fc.property(fc.array(cell, { maxLength: 30 }), fc.integer({ min: 1, max: 40 }), (parts, piece) => {
      const text = parts.join(';')
      const found = readAll(text)
      expect(readAll(text, { piece })).toEqual(found)
      const lines = text.split('\n')
      let next = 1
      for (const record of found) {
        for (const skipped of lines.slice(next - 1, record.line - 1)) expect(skipped).toMatch(/^[ ;"]*$/)
        expect(record.line).toBeGreaterThanOrEqual(next)
        next = record.line + (record.kind === 'reject' ? 1 : record.cells.join('').split('\n').length)
      }
    }),
    { numRuns: 1000 },
  )
})

function quote(text: string): string {
  return `"${text.replaceAll('"', '""')}"`
}

it('what is quoted as the standard says comes back as it was', () => {
  const cells = fc.array(fc.string({ unit: fc.constantFrom('a', '"', ';', '\n', 'ó') }), { minLength: 3, maxLength: 3 })
  fc.assert(
    fc.property(
      fc.array(
        cells.filter((row) => row.some((value) => value.trim() !== '')),
        { maxLength: 20 },
      ),
      (table) => {
        const found = readAll(table.map((row) => `${row.map(quote).join(';')}\r\n`).join(''))
        expect(found.map((record) => (record.kind === 'record' ? record.cells : record.reason))).toEqual(table)
      },
    ),
  )
})
