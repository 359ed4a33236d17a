/**
 * `npm run bench`: measures, on a durable Postgres of its own, and prints tables. It asserts nothing: whoever reads it judges, and knows
 * what else the machine was doing.
 *
 *     npm run bench                        all of it
 *     npm run bench -- throughput          one of: throughput, protocol, scale, plan, import, idle, restart, lateness, questions
 *     npm run bench -- --size 0.1 import   a tenth of it
 *     npm run bench -- --postgres /usr/lib/postgresql/18/bin throughput     with a Postgres that is installed, instead of the embedded one
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Argument, InvalidArgumentError } from 'commander'
import { commandNamed, positive } from '../tests/support/command.ts'
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
import { serverVersion, startBenchServer } from './server.ts'
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

const command = commandNamed('npm run bench --', 'Measures, and prints tables.')
  .addArgument(new Argument('[name...]', 'the benchmarks; all of them without').choices(Object.keys(BENCHMARKS)))
  .option('--size <part>', 'a part of their mails', positive, 1)
  .option(
    '--postgres <folder>',
    'the programs of a Postgres that is installed, instead of the embedded ones',
    programsIn,
  )
  .parse()
const { size, postgres } = command.opts<{ size: number; postgres?: string }>()
const names = command.args.length > 0 ? command.args : Object.keys(BENCHMARKS)
using installed = install()
for (const name of names) {
  const benchmark = BENCHMARKS[name]
  await using server = await startBenchServer(installed.root, { settings: benchmark?.settings, bin: postgres })
  const before = `${describeMachine()}, Postgres ${await serverVersion(server)}`
  const result = await benchmark?.run(server, { size })
  process.stdout.write(`\n${name}: ${result?.what}\n${before}\n\n${result?.lines.join('\n')}\n`)
}

function programsIn(folder: string): string {
  if (['initdb', 'pg_ctl', 'postgres'].every((name) => existsSync(join(folder, name)))) return folder
  throw new InvalidArgumentError(
    'A folder with initdb, pg_ctl and postgres is wanted, like /usr/lib/postgresql/18/bin.',
  )
}
