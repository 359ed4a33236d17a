/**
 * `npm run bench`: measures, on a durable Postgres of its own, and prints tables. It asserts nothing: whoever reads it judges, and knows
 * what else the machine was doing.
 *
 *     npm run bench                        all of it
 *     npm run bench -- lateness            one of: lateness, questions
 */
import { parseArgs } from 'node:util'
import { describeMachine, type Benchmark } from './figures.ts'
import { lateness } from './lateness.ts'
import { questions } from './questions.ts'
import { startBenchServer } from './server.ts'

const BENCHMARKS: Readonly<Record<string, Benchmark>> = { lateness, questions }

const { positionals } = parseArgs({ allowPositionals: true })
const names = positionals.length > 0 ? positionals : Object.keys(BENCHMARKS)
const unknown = names.filter((name) => !(name in BENCHMARKS))
if (unknown.length > 0) {
  process.stderr.write(`There is no benchmark "${unknown[0]}". There are: ${Object.keys(BENCHMARKS).join(', ')}\n`)
  process.exit(2)
}
for (const name of names) {
  await using server = await startBenchServer()
  const before = describeMachine()
  const result = await BENCHMARKS[name]?.(server)
  process.stdout.write(`\n${name}: ${result?.what}\n${before}\n\n${result?.lines.join('\n')}\n`)
}
