/** docs/guarantees.md is true as far as names go: each requirement has its row, and each file, test and database object that it names exists. */
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const page = readFileSync('docs/guarantees.md', 'utf8')
const schema = readFileSync('migrations/schema.sql', 'utf8')
const rows = page
  .split('\n')
  .filter((line) => /^\| (I|RF)-\d/.test(line))
  .map((line) => {
    const [id = '', promised = '', held = '', tested = ''] = line
      .slice(2, -2)
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim())
    return { id, promised, held, tested }
  })

const INCIDENTS = ['I-1', 'I-2', 'I-3', 'I-4', 'I-5', 'I-6', 'I-7', 'I-8', 'I-9']
const FUNCTIONS =
  `001 001a 001b 002/003 004 005 006 007 007a 007b 008 009/012/013 010 011 014 015 016/017 017a 018 019 020 020a 021 022 023
  024 025 026 027 028 029`
    .split(/\s+/)
    .map((number) => `RF-${number}`)

test('every requirement has its row, in order', () => {
  expect(rows.map(({ id }) => id)).toEqual([...INCIDENTS, ...FUNCTIONS])
})

test.each(rows)('$id names tests that exist, or says that it is not built', ({ tested }) => {
  const named = testsIn(tested)
  expect(named.filter(({ file, title }) => !existsSync(file) || !hasTest(file, title))).toEqual([])
  expect(named.length > 0 || /\*\*Not (built|proved) yet/.test(tested)).toBe(true)
})

test('every file and folder it names is there', () => {
  const paths = [...page.matchAll(/`((?:src|tests|migrations|docs)\/[^`*]+)`/g)].map(([, path = '']) => path)
  const links = [...page.matchAll(/\]\(([^)#:]+)\)/g)].map(([, path = '']) => `docs/${path}`)
  expect([...paths, ...links].filter((path) => !existsSync(path))).toEqual([])
})

test('every function, constraint, index, trigger and table it names is in the schema', () => {
  const names = rows.flatMap(({ held }) => [
    ...held.matchAll(/`(?:goniec\.)?([a-z]+(?:_[a-z]+)+|(?<=goniec\.)[a-z]+)`/g),
  ])
  const missing = names.map(([, name = '']) => name).filter((name) => !new RegExp(`\\b${name}\\b`).test(schema))
  expect(missing).toEqual([])
})

/** `tests/x.test.ts` "title", "title" · … */
function testsIn(cell: string): { file: string; title: string }[] {
  return [...cell.matchAll(/`(tests\/[^`]+)`((?:,? "[^"]+")+)/g)].flatMap(([, file = '', titles = '']) =>
    [...titles.matchAll(/"([^"]+)"/g)].map(([, title = '']) => ({ file, title })),
  )
}

/** The title as it stands in the file, or as the key of a table of cases. */
function hasTest(file: string, title: string): boolean {
  const text = readFileSync(file, 'utf8')
  return ["'", '`', '"'].some((quote) => text.includes(`${quote}${title}${quote}`))
}
