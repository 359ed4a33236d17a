/** Each benchmark runs, at the size of a toy, so that none of them rots. What it measures here says nothing, and is not looked at. */
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { Benchmark } from '../../bench/figures.ts'
import { idle } from '../../bench/idle.ts'
import { importing } from '../../bench/import.ts'
import { lateness } from '../../bench/lateness.ts'
import { planning } from '../../bench/plan.ts'
import { protocol } from '../../bench/protocol.ts'
import { questions } from '../../bench/questions.ts'
import { restart } from '../../bench/restart.ts'
import { scale } from '../../bench/scale.ts'
import { throughput } from '../../bench/throughput.ts'
import { createTestDatabase } from '../support/database.ts'
import { endWorkers } from '../support/worker-process.ts'

const ROOT = join(import.meta.dirname, '..', '..')

afterEach(endWorkers)

const TOYS: [string, Benchmark, { size: number; rows: number }][] = [
  ['throughput', throughput, { size: 0.01, rows: 4 }],
  ['protocol', protocol, { size: 0.05, rows: 3 }],
  ['scale', scale, { size: 0.001, rows: 4 }],
  ['plan', planning, { size: 0.001, rows: 4 }],
  ['import', importing, { size: 0.001, rows: 1 }],
  ['idle', idle, { size: 0.001, rows: 1 }],
  ['restart', restart, { size: 0.01, rows: 2 }],
  ['lateness', lateness, { size: 0.02, rows: 2 }],
  ['questions', questions, { size: 0.01, rows: 7 }],
]

test.for(TOYS)('the benchmark %s runs and fills its table', async ([, run, { size, rows }]) => {
  const database = await createTestDatabase()
  const { lines } = await run(
    { ...database, database, root: ROOT, [Symbol.asyncDispose]: async () => undefined },
    { size },
  )
  expect(lines).toHaveLength(rows + 1)
  for (const line of lines) expect(line).toHaveLength(lines[0]?.length ?? 0)
})
