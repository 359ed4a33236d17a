import { expect, test } from 'vitest'
import { csvHeader, csvLine } from '../../src/cli/report/csv.ts'
import type { ViewRow, ViewValue } from '../../src/reports/views.ts'
import { Temporal } from '../../src/time.ts'

const COMMA = { delimiter: ',', timeZone: 'Europe/Warsaw' }
const SEMICOLON = { delimiter: ';', timeZone: 'Europe/Warsaw' }

function cell(value: ViewValue, { type = 'text', dialect = COMMA } = {}): string {
  return csvLine([{ name: 'x', type, sentence: '' }], { x: value }, dialect).slice(0, -1)
}

test('a file begins with a byte order mark, and its lines end as RFC 4180 has it', () => {
  const columns = ['a', 'b'].map((name) => ({ name, type: 'text', sentence: '' }))
  expect(csvHeader(columns, COMMA)).toBe('\uFEFFa,b\r')
  expect(csvLine(columns, { a: 'x', b: null }, COMMA)).toBe('x,\r')
})

test('quotes are doubled, and what could be taken for the end of a cell is quoted', () => {
  expect(['say "no"', 'a,b', 'a;b', 'two\r\nlines', ' edge', 'zażółć'].map((text) => cell(text))).toEqual([
    '"say ""no"""',
    '"a,b"',
    '"a;b"',
    '"two\r\nlines"',
    '" edge"',
    'zażółć',
  ])
})

test.each(['=1+1', '+48 600 100 200', '-1', '@sum(a1)', '\tx', '\r=x', '"=1', `'=1`, ' =1', '＝1', '\n=1'])(
  'the text %j is no formula to a spreadsheet',
  (text) => expect(cell(text)).toMatch(/^"?'/),
)

test('a text that would begin a cell with a formula, were another delimiter read, does not either', () => {
  expect(cell('Firma;=cmd()')).toBe(`"Firma;'=cmd()"`)
  expect(cell('Firma,=cmd()', { dialect: SEMICOLON })).toBe(`"Firma,'=cmd()"`)
  expect(cell('Firma\n=cmd()')).toBe(`"Firma\n'=cmd()"`)
  expect(cell('Firma;"=cmd()')).toBe(`"Firma;'""=cmd()"`)
})

test('an ordinary text stays as it is', () => {
  const texts = [
    '550 5.7.1 <x@y.example>: refused - policy',
    'a = b',
    'Re: oferta',
    'jan@firma.example',
    '<1@a.example>',
  ]
  expect(texts.map((text) => cell(text))).toEqual(texts)
})

test('numbers stay numbers, negative ones too; with a semicolon decimals have a comma', () => {
  expect([cell(-40), cell(2.5), cell(2.5, { dialect: SEMICOLON })]).toEqual(['-40', '2.5', '2,5'])
})

test('times are local in the zone of their row, to the second; lists and labels are texts', () => {
  const at = Temporal.Instant.from('2026-12-01T11:00:00.123Z')
  const columns = [{ name: 'at', type: 'timestamp with time zone', sentence: '' }]
  const line = (row: ViewRow): string => csvLine(columns, row, COMMA)
  expect(line({ at })).toBe('2026-12-01 12:00:00\r')
  expect(line({ at, timezone: 'America/New_York' })).toBe('2026-12-01 06:00:00\r')
  expect(cell([1, 2], { type: 'bigint[]' })).toBe('1 2')
  expect(cell([at, at], { type: 'timestamp with time zone[]' })).toBe('"2026-12-01 12:00:00, 2026-12-01 12:00:00"')
  expect(cell({ quantile: '0.5' }, { type: 'jsonb' })).toBe('"{""quantile"":""0.5""}"')
  expect([cell(true), cell(false), cell(null)]).toEqual(['yes', 'no', ''])
})
