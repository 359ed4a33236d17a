/** The proof's record, page and oracle: what is counted, and that nothing of it is lost or counted twice. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { BLOCKS, chooseCells } from '../../proof/blocks.ts'
import type { Cell, Run } from '../../proof/cell.ts'
import { gather } from '../../proof/gather.ts'
import { openOracle, readOracle } from '../../proof/oracle.ts'
import { bound, describePage } from '../../proof/page.ts'
import {
  addRuns,
  fromRanges,
  mergeRecords,
  nextSeed,
  readRecord,
  sinceMended,
  toRanges,
  totalOf,
  writeRecord,
  type Invocation,
  withoutMachine,
} from '../../proof/record.ts'
import { SHRUNK, SHRUNK_ATTEMPT_MS, SHRUNK_LEASE_MS } from '../../proof/shrunk.ts'
import { readWorkerSettings } from '../../src/worker/settings.ts'

const directory = mkdtempSync(join(tmpdir(), 'goniec-proof-record-'))
afterAll(() => rmSync(directory, { recursive: true }))

const run = (seed: number, given: Partial<Run> = {}): Run => ({
  seed,
  hit: `hit ${seed}`,
  violations: [],
  accepted: 2,
  doubts: 0,
  ...given,
})

const invocation = (id: string): Invocation => ({
  id,
  startedAt: id,
  commit: 'abc',
  clean: true,
  machine: 'a machine',
  versions: { node: '24', postgres: '18', goniec: '1' },
  arguments: [],
  cells: {},
})

test('a run whose fault was not hit is listed and does not count as hit', () => {
  const one = invocation('1')
  addRuns(one, 'A/x', [run(1, { hit: null }), run(2), run(4, { violations: ['twice'], doubts: 1 })])
  addRuns(one, 'A/x', [run(3)])
  expect(one.cells['A/x']).toEqual({
    seeds: '1-4',
    runs: 4,
    hit: 3,
    missed: '1',
    accepted: 8,
    doubts: 1,
    broken: [{ seed: 4, violations: ['twice'] }],
    evidence: 'hit 2',
  })
})

test('records are merged without losing or doubling an invocation, and seeds go on where the last run ended', () => {
  const [one, two, oneLater] = [invocation('1'), invocation('2'), invocation('1')]
  addRuns(one, 'A/x', [run(1)])
  addRuns(oneLater, 'A/x', [run(1), run(2)])
  addRuns(two, 'A/x', [run(7)])
  const merged = mergeRecords({ invocations: [two, one] }, { invocations: [oneLater] })
  expect(merged.invocations.map(({ id }) => id)).toEqual(['1', '2'])
  expect(totalOf(merged, 'A/x')).toMatchObject({ runs: 3, hit: 3, accepted: 6 })
  expect(nextSeed(merged, 'A/x')).toBe(8)
  expect(nextSeed(merged, 'A/y')).toBe(1)
})

test('a cell whose broken run is mended begins anew behind it; one that is not mended counts for ever', () => {
  const [one, two, three] = [invocation('1'), invocation('2'), invocation('3')]
  addRuns(one, 'A/x', [run(1), run(2, { violations: ['twice'] })])
  addRuns(one, 'A/y', [run(1), run(2, { violations: ['twice'] })])
  addRuns(two, 'A/x', [run(3), run(4)])
  addRuns(three, 'A/x', [run(5)])
  const record = { invocations: [one, two, three] }
  const mended = [{ cell: 'A/x', seed: 2 }]
  expect(totalOf(sinceMended(record, mended), 'A/x')).toMatchObject({ hit: 3, broken: [] })
  expect(totalOf(sinceMended(record, mended), 'A/y')).toMatchObject({ hit: 2, broken: [{ seed: 2 }] })
  expect(totalOf(sinceMended(record, []), 'A/x')).toMatchObject({ hit: 5, broken: [{ seed: 2 }] })
  addRuns(three, 'A/x', [run(6, { violations: ['twice'] })])
  expect(totalOf(sinceMended(record, mended), 'A/x').broken).toMatchObject([{ seed: 6 }])
})

test('what is written is read again', async () => {
  const path = join(directory, 'proof.json')
  expect(readRecord(path)).toEqual({ invocations: [] })
  const one = invocation('1')
  addRuns(one, 'A/x', [run(1)])
  await writeRecord(path, { invocations: [one] })
  expect(readRecord(path)).toEqual({ invocations: [one] })
})

test('seeds are written as ranges and read back', () => {
  expect(toRanges([7, 3, 1, 2])).toBe('1-3,7')
  expect(fromRanges('1-3,7')).toEqual([1, 2, 3, 7])
  expect(fromRanges('')).toEqual([])
})

test('the bound is three in the number of hits, and there is none where something broke', () => {
  expect(bound(300, 0)).toBe('< 1.0 %')
  expect(bound(5400, 0)).toBe('< 0.056 %')
  expect(bound(300, 1)).toBe('broken')
  expect(bound(0, 0)).toBe('–')
})

test('a broken run stands on the page with its seed, its commit and its words', () => {
  const one = invocation('1')
  addRuns(one, 'A/x', [run(9, { violations: ['it came twice'] })])
  expect(describePage({ invocations: [one] })).toContain('- `A/x`, seed 9, at abc: it came twice')
})

test('cells have names of their own, which begin with their block, and are chosen by it or by how their names begin', () => {
  const cells = chooseCells({})
  expect(new Set(cells.map(({ name }) => name)).size).toBe(cells.length)
  for (const block of BLOCKS)
    for (const { name, block: itsBlock } of block.cells)
      expect(`${itsBlock} ${name.split('/')[0]}`).toBe(`${block.name} ${block.name}`)
  expect(chooseCells({ prefix: 'Z/' })).toEqual([])
})

test('cells are run in handfuls, a fault of the proof is told and stops no other, and nothing begins when time is up', async () => {
  const server = { url: '', directory: undefined, stop: async () => undefined }
  const cell: Cell = {
    name: 'A/x',
    block: 'A',
    runs: 5,
    atOnce: 2,
    run: async (seeds) => {
      if (seeds.includes(3)) throw new Error('the harness broke')
      return seeds.map((seed) => run(seed))
    },
  }
  const told: unknown[] = []
  const gathering = {
    server,
    wanted: [{ cell, seeds: [1, 2, 3, 4, 5] }],
    together: 2,
    onRuns: ({ name }: Cell, runs: readonly Run[]) => void told.push([name, runs.map(({ seed }) => seed)]),
    onFault: (_: Cell, seeds: readonly number[]) => void told.push(['fault', seeds]),
  }
  await gather(gathering)
  expect(told).toHaveLength(3)
  expect(told).toEqual(
    expect.arrayContaining([
      ['A/x', [1, 2]],
      ['A/x', [5]],
      ['fault', [3, 4]],
    ]),
  )
  await gather({ ...gathering, untilMs: performance.now() })
  expect(told).toHaveLength(3)
})

test('the oracle has a line on the disk for each mail when it is told of it, and half a line does not count', () => {
  const oracle = openOracle(join(directory, 'accepted'))
  const raw = Buffer.from('Subject: a\r\n folded one\r\nMessage-ID: <1@x>\r\n\r\nSubject: not this\r\n')
  oracle.accept({ from: 'a@x', to: ['b@y'], raw })
  expect(readOracle(oracle.path)).toEqual([
    {
      at: expect.any(String),
      from: 'a@x',
      to: 'b@y',
      messageId: '<1@x>',
      subject: 'a folded one',
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    },
  ])
  appendFileSync(oracle.path, readFileSync(oracle.path, 'utf8').slice(0, 40))
  expect(readOracle(oracle.path)).toHaveLength(1)
  oracle.close()
})

test('the shrunk times fit each other, and are those that are told', () => {
  const { leaseMs, deadlines } = readWorkerSettings(SHRUNK)
  expect({ leaseMs, attemptMs: deadlines.attemptMs }).toEqual({
    leaseMs: SHRUNK_LEASE_MS,
    attemptMs: SHRUNK_ATTEMPT_MS,
  })
})

test('paths of a machine do not get into the record', () => {
  const stack =
    'at release (file:///home/anna/goniec/node_modules/graphile-worker/dist/main.js:347:20) at /srv/x.y/goniec/src/worker/engine.ts:1'
  expect(withoutMachine(stack)).toBe(
    'at release (node_modules/graphile-worker/dist/main.js:347:20) at src/worker/engine.ts:1',
  )
  expect(withoutMachine('1/2 of campaign-1/intro is pending')).toBe('1/2 of campaign-1/intro is pending')
})
