import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { describeReason } from '../../src/reports/reason-words.ts'
import { MOVE_REASONS, WAITING_CODES } from '../../src/schedule/plan-input.ts'

/** Names of gates that are no codes. */
const GATES = new Set(['mailbox_free', 'mailbox_rest'])

/** Every code that the gates and the statement name. */
async function ownCodes(): Promise<string[]> {
  const gates = await readFile('migrations/000016_gates.sql', 'utf8')
  const rows = gates.slice(gates.indexOf('(values'), gates.indexOf(') as g ('))
  const shut = [...rows.matchAll(/'([a-z]+_[a-z_]*[a-z]|missed|held|planned|suppressed)'/g)].map(
    ([, code = '']) => code,
  )
  const source = await readFile('src/reports/reason.ts', 'utf8')
  const named = [...source.matchAll(/(?:then|else|, )\s*'([a-z_]+)'/g)].map(([, code = '']) => code)
  const composed = ['draft', 'scheduled', 'paused', 'completed', 'cancelled'].map((status) => `campaign_${status}`)
  return [...named, ...shut.filter((code) => !GATES.has(code)), ...composed, 'mailbox_paused', 'mailbox_broken']
}

test('every reason has words of its own, and stands on the page that explains them', async () => {
  const page = await readFile('docs/looking.md', 'utf8')
  const codes = [...(await ownCodes()), ...WAITING_CODES, ...MOVE_REASONS]
  expect(codes.length).toBeGreaterThan(40)
  expect(
    codes.filter(
      (code) =>
        describeReason(code) === code.replaceAll('_', ' ') && !['planned', 'failed', 'cancelled'].includes(code),
    ),
  ).toEqual([])
  expect(
    codes.filter((code) => code !== 'cancelled' && !page.includes(`\`${code}\``) && code !== 'attempt_open'),
  ).toEqual([])
})

test('what is no code stands for itself, an unknown code for its words', () => {
  expect(describeReason('550 relay not permitted')).toBe('550 relay not permitted')
  expect(describeReason('campaign cancelled')).toBe('campaign cancelled')
  expect(describeReason('lease_over')).toBe('lease over')
})
