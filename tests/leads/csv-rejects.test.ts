import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, expect, it, onTestFinished } from 'vitest'
import { readCsv } from '../../src/leads/csv.ts'
import { RejectsFile } from '../../src/leads/csv-rejects.ts'

let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'goniec-rejects-'))
})
afterEach(() => {
  chmodSync(directory, 0o700)
  rmSync(directory, { recursive: true })
})

const table = (header = ['email', 'imie'], delimiter = ';') => ({
  name: join(directory, 'leads.csv'),
  header,
  delimiter,
})

it('no file is made where nothing is rejected', () => {
  expect(new RejectsFile(table()).close()).toBeNull()
  expect(readdirSync(directory)).toEqual([])
})

it('rejects stand in it with line and reason, their cells or their text, to the letter', () => {
  const rejects = new RejectsFile(table())
  rejects.write({ line: 2, reason: 'it has no @', cells: ['=1+1', ' Grażyna; "X" '] })
  rejects.write({ line: 7, reason: 'it has 1 column', raw: '"jan@a.pl' })
  expect(rejects.close()).toBe(join(directory, 'leads.rejects.csv'))
  expect(rejects.count).toBe(2)
  expect(readFileSync(join(directory, 'leads.rejects.csv'), 'utf8')).toBe(
    '\uFEFFreason;email;imie;raw;line\r\nit has no @;=1+1;" Grażyna; ""X"" ";;2\r\nit has 1 column;;;"""jan@a.pl";7\r\n',
  )
})

it('an older file is never written over', () => {
  writeFileSync(join(directory, 'leads.rejects.csv'), 'older')
  for (const expected of ['leads.2.rejects.csv', 'leads.3.rejects.csv']) {
    const rejects = new RejectsFile(table())
    rejects.write({ line: 2, reason: 'no', cells: ['a', 'b'] })
    expect(rejects.close()).toBe(join(directory, expected))
  }
  expect(readFileSync(join(directory, 'leads.rejects.csv'), 'utf8')).toBe('older')
})

it('mended, it is imported like any table, and so are its own rejects', async () => {
  let input = table(['E-mail', 'line', 'raw'])
  for (let round = 0; round < 3; round++) {
    const rejects = new RejectsFile(input)
    rejects.write({
      line: 3,
      reason: 'it has no @',
      cells: input.header.map((name) => (name === 'E-mail' ? 'jan@a.pl' : `was ${name}`)),
    })
    const path = rejects.close() ?? ''
    const read = await readCsv(path)
    for await (const row of read)
      expect(row).toMatchObject({ kind: 'row', address: 'jan@a.pl', fields: { line: 'was line', raw: 'was raw' } })
    input = { name: path, header: read.header, delimiter: read.delimiter }
  }
  expect(readdirSync(directory)).toHaveLength(3)
})

it('mended and saved by Excel, every line of it is imported, though Excel leaves out columns that are empty at the end of sixteen lines', async () => {
  const rejects = new RejectsFile(table(['email', 'imie', 'uwagi']))
  for (let line = 2; line < 42; line++) {
    rejects.write({ line, reason: 'it has no @', cells: [`jan${line}@a.pl`, 'Jan', line < 5 ? 'x' : ''] })
  }
  const path = rejects.close() ?? ''
  writeFileSync(path, savedByExcel(readFileSync(path, 'utf8')))
  const kinds = new Set<string>()
  for await (const { kind } of await readCsv(path)) kinds.add(kind)
  expect([...kinds]).toEqual(['row'])
})

/** What Microsoft's article 77295 says of it: sixteen rows at a time are written as wide as the widest of them. */
function savedByExcel(text: string): string {
  const lines = text.trimEnd().split('\r\n')
  return lines
    .map((line, i) => {
      const block = lines.slice(i - (i % 16), i - (i % 16) + 16)
      const width = Math.max(...block.map((one) => one.replace(/;+$/, '').split(';').length))
      return `${line.split(';').slice(0, width).join(';')}\r\n`
    })
    .join('')
}

it('a table that has its name from a descriptor (/dev/stdin, a shell’s <(…)) leaves its rejects in the working directory', () => {
  const before = process.cwd()
  onTestFinished(() => process.chdir(before))
  process.chdir(directory)
  for (const name of ['/dev/stdin', '/dev/fd/63', '/proc/self/fd/0']) {
    const rejects = new RejectsFile({ ...table(), name })
    rejects.write({ line: 1, reason: 'no' })
    expect(rejects.close()).toBe(`${basename(name)}.rejects.csv`)
  }
  expect(readdirSync(directory)).toHaveLength(3)
})

it('a directory that is missing ends in an error that names the file', () => {
  const rejects = new RejectsFile({ ...table(), name: join(directory, 'gone', 'leads.csv') })
  expect(() => rejects.write({ line: 1, reason: 'no' })).toThrow(
    `cannot write the rejected lines to ${join(directory, 'gone', 'leads.rejects.csv')}: ENOENT`,
  )
})

it('a full disk ends in an error that says so', () => {
  const script = join(directory, 'fill.ts')
  const source = join(import.meta.dirname, '../../src/leads/csv-rejects.ts')
  writeFileSync(
    script,
    `import { RejectsFile } from ${JSON.stringify(source)}
    const rejects = new RejectsFile({ name: ${JSON.stringify(join(directory, 'leads.csv'))}, header: ['email'], delimiter: ';' })
    try {
      for (let line = 0; line < 10_000; line++) rejects.write({ line, reason: 'no', cells: ['x'.repeat(100)] })
      rejects.close()
    } catch (error) {
      process.stdout.write(error.code + ': ' + error.message)
    }`,
  )
  // A limit on the size of files stands in for the disk: it fails the same way, without a mount.
  const output = execFileSync('bash', ['-c', `ulimit -f 100; exec ${process.execPath} ${script}`], { encoding: 'utf8' })
  expect(output).toBe(
    `rejects_unwritable: cannot write the rejected lines to ${join(directory, 'leads.rejects.csv')}: the disk is full`,
  )
})
