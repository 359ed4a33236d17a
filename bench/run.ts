/**
 * `npm run bench`: measures, on a durable Postgres of its own, and prints tables. It asserts nothing: whoever reads it judges, and knows
 * what else the machine was doing.
 *
 *     npm run bench                        all of it
 *     npm run bench -- throughput          one of: throughput, protocol, scale, plan, import, idle, restart, lateness, questions
 *     npm run bench -- --size 0.1 import   a tenth of it
 */
import { parseArgs } from 'node:util'
import { describeMachine, type Benchmark } from './figures.ts'
import { IDLE_SETTINGS, idle } from './idle.ts'
import { importing } from './import.ts'
import { install } from './installed.ts'
import { lateness } from './lateness.ts'
import { planning } from './plan.ts'
import { protocol } from './protocol.ts'
import { questions } from './questions.ts'
import { restart } from './restart.ts'
import { scale } from './scale.ts'
import { startBenchServer } from './server.ts'
import { throughput } from './throughput.ts'

const BENCHMARKS: Readonly<Record<string, { run: Benchmark; settings?: Record<string, string> }>> = {
  throughput: { run: throughput },
  protocol: { run: protocol },
  scale: { run: scale, settings: { max_wal_size: '8GB' } },
  plan: { run: planning },
  import: { run: importing },
  idle: { run: idle, settings: IDLE_SETTINGS },
  restart: { run: restart },
  lateness: { run: lateness },
  questions: { run: questions },
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { size: { type: 'string', default: '1' } },
})
const names = positionals.length > 0 ? positionals : Object.keys(BENCHMARKS)
const unknown = names.filter((name) => !(name in BENCHMARKS))
if (unknown.length > 0) {
  process.stderr.write(`There is no benchmark "${unknown[0]}". There are: ${Object.keys(BENCHMARKS).join(', ')}\n`)
  process.exit(2)
}
using installed = install()
for (const name of names) {
  const benchmark = BENCHMARKS[name]
  await using server = await startBenchServer(installed.root, benchmark?.settings)
  const before = describeMachine()
  const result = await benchmark?.run(server, { size: Number(values.size) })
  process.stdout.write(`\n${name}: ${result?.what}\n${before}\n\n${result?.lines.join('\n')}\n`)
}
