/** Guards that are switched off: the list fits the sources of today, what a test says is read rightly, and a sample of it is run. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { MUTATIONS } from '../../proof/mutations/catalogue.ts'
import { cells, judge } from '../../proof/mutations/cells.ts'
import { edited, ROOT } from '../../proof/mutations/checkout.ts'
import type { Mutation } from '../../proof/mutations/mutation.ts'
import { assert } from '../../src/errors.ts'
import { expectToHold, serverOfTests } from './sample.ts'

const server = serverOfTests()

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

test.each(MUTATIONS)('the change “$name” can be made to the sources as they are', ({ edits }) => {
  const texts = new Map(edits.map(({ file }) => [file, read(file)]))
  for (const edit of edits) {
    const before = texts.get(edit.file) ?? ''
    const after = edited(before, edit)
    expect(after).not.toBe(before)
    texts.set(edit.file, after)
  }
})

test.each(MUTATIONS)('the test that “$name” names exists', ({ test: { file, title } }) => {
  const titles = [...read(file).matchAll(/['"`]([^\n]{15,}?)['"`],/g)].map(([, found = '']) => found)
  const fits = titles.filter((found) => new RegExp(`^${escaped(found).replaceAll('%s', '.+')}$`).test(title))
  expect(fits, `a test “${title}” in ${file}`).not.toEqual([])
})

test('no two have a name', () => {
  expect(new Set(MUTATIONS.map(({ name }) => name)).size).toBe(MUTATIONS.length)
})

describe('what a test says', () => {
  const common = { name: 'x', off: 'the guard', edits: [], test: { file: 'x.test.ts', title: 'x' } }
  const bearing: Mutation = { ...common, says: /came twice/ }
  const backed: Mutation = { ...common, heldBy: 'the index' }

  test('shows the guard where it is red by what it was to see', () => {
    const end = { status: 'failed', message: 'AssertionError: it came twice\nmore' } as const
    expect(judge(bearing, end)).toEqual({ hit: 'red: it came twice', violations: [] })
  })

  test('shows nothing where it is red for another reason', () => {
    const end = { status: 'failed', message: 'syntax error' } as const
    expect(judge(bearing, end)).toEqual({ hit: null, violations: ['red for another reason: syntax error'] })
  })

  test('is missed where it stays green', () => {
    expect(judge(bearing, { status: 'passed', message: '' }).violations).toEqual(['nothing notices: the guard'])
  })

  test('has to be green where another guard holds', () => {
    expect(judge(backed, { status: 'passed', message: '' })).toEqual({
      hit: 'stays green: the index',
      violations: [],
    })
    expect(judge(backed, { status: 'failed', message: 'came twice' }).violations).toHaveLength(1)
  })
})

test('a passage that is not there, or twice, is not replaced', () => {
  const edit = { file: 'x', from: 'a', to: 'b' }
  expect(edited('cat', edit)).toBe('cbt')
  expect(() => edited('dog', edit)).toThrow('x has 0 times, instead of once: a')
  expect(() => edited('banana', edit)).toThrow('x has 3 times')
})

test.each(['G/one-message-per-step', 'G/response-key-lock'])(
  '%s: its test is green with the guard, and says what is broken without it, or is held by the other',
  { timeout: 240_000 },
  async (name) => {
    const cell = cells.find((candidate) => candidate.name === name)
    assert(cell, `${name} is on the list`)
    await expectToHold(cell, [1], server)
  },
)

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
}
