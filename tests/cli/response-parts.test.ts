import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, expect, test } from 'vitest'
import { parseAt } from '../../src/cli/response/at.ts'
import { readAttachments, readText } from '../../src/cli/response/files.ts'

const directory = mkdtempSync(join(tmpdir(), 'goniec-response-parts-'))
afterAll(() => rmSync(directory, { recursive: true }))

function file(name: string, content: string | Buffer, length?: number): string {
  const path = join(directory, name)
  writeFileSync(path, content)
  if (length !== undefined) truncateSync(path, length)
  return path
}

test.each([
  ['2026-12-01 09:00', '2026-12-01T08:00:00Z'],
  ['2026-12-01T9:05:30', '2026-12-01T08:05:30Z'],
  ['2026-07-01 09:00', '2026-07-01T07:00:00Z'],
  ['2026-12-01T09:00Z', '2026-12-01T09:00:00Z'],
  ['2026-12-01 09:00+02:00', '2026-12-01T07:00:00Z'],
  ['2027-10-31T02:30+01:00', '2027-10-31T01:30:00Z'],
])('%s in Warsaw is %s', (given, instant) => {
  expect(parseAt(given, 'Europe/Warsaw').toString()).toBe(instant)
})

test.each([
  ['2027-03-28 02:30', 'the local time 2027-03-28 02:30 does not exist in Europe/Warsaw: clocks change'],
  ['2027-10-31 02:30', 'the local time 2027-10-31 02:30 happens twice in Europe/Warsaw: clocks change'],
  ['2026-02-30 09:00', '--at is not a time: "2026-02-30 09:00"'],
  ['2026-12-01', '--at is not a time: "2026-12-01"'],
  ['09:00', '--at is not a time: "09:00"'],
  ['tomorrow', '--at is not a time: "tomorrow"'],
])('%s is refused', (given, message) => {
  expect(() => parseAt(given, 'Europe/Warsaw')).toThrow(
    expect.objectContaining({ message, code: 'usage', exitCode: 2 }),
  )
})

test('an attachment has the type that its name says, and keeps its bytes', async () => {
  const paths = [file('a b.pdf', '%PDF-'), file('data.xyzzy', Buffer.from([0, 255])), file('empty.txt', '')]
  expect(await readAttachments(paths)).toEqual([
    { filename: 'a b.pdf', contentType: 'application/pdf', content: 'JVBERi0=' },
    { filename: 'data.xyzzy', contentType: 'application/octet-stream', content: 'AP8=' },
    { filename: 'empty.txt', contentType: 'text/plain', content: '' },
  ])
})

test('attachments have ten megabytes together; the one that is too much is named', async () => {
  const six = file('six.bin', '', 6 * 1024 * 1024)
  const five = file('five.bin', '', 5 * 1024 * 1024)
  expect(await readAttachments([six])).toHaveLength(1)
  await expect(readAttachments([six, five])).rejects.toThrow(`${five} cannot be used: with its 5.0 MB it is too large`)
})

test('a folder, a file that is not there, and a text in another encoding are refused by name', async () => {
  await expect(readAttachments([directory])).rejects.toThrow(`${directory} cannot be used: it is not a file`)
  await expect(readText(join(directory, 'nothing.txt'))).rejects.toThrow(
    'nothing.txt cannot be used: there is no such file',
  )
  const latin = file('latin.txt', Buffer.from([0x70, 0xb9]))
  await expect(readText(latin)).rejects.toThrow(`${latin} cannot be used: it is not text in UTF-8`)
})

test('a text from standard input is read as strictly as one from a file: what would arrive broken is refused', async () => {
  expect(
    await readText('-', Readable.from([Buffer.from('Zażółć\n').subarray(0, 4), Buffer.from('Zażółć\n').subarray(4)])),
  ).toBe('Zażółć\n')
  const latin = Readable.from([Buffer.from([0x70, 0xb9])])
  await expect(readText('-', latin)).rejects.toThrow('standard input cannot be used: it is not text in UTF-8')
  const large = Readable.from(Array.from({ length: 20 }, () => Buffer.alloc(64 * 1024, 'x')))
  await expect(readText('-', large)).rejects.toThrow('standard input cannot be used: it has more than 1 MB')
})

test('a text with a NUL, as UTF-16 without its mark has many, is refused by name', async () => {
  const path = file('utf-16.txt', Buffer.from('Hello', 'utf16le'))
  await expect(readText(path)).rejects.toThrow(`${path} cannot be used: it holds a NUL character`)
})
