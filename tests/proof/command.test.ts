/** What is typed wrongly runs nothing: a proof or a simulation of no run at all would say that nothing was broken. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

test.each([
  ['proof/run.ts', ['--runs', 'ten'], 'A whole number from 1 on is wanted'],
  ['proof/run.ts', ['--together', '0'], 'A whole number from 1 on is wanted'],
  ['proof/run.ts', ['--cell', 'nowhere'], '--list names the cells'],
  ['bench/run.ts', ['--size', '0', 'plan'], 'A number above 0 is wanted'],
  ['bench/run.ts', ['--postgres', '/nowhere', 'plan'], 'A folder with initdb, pg_ctl and postgres is wanted'],
  ['bench/run.ts', ['speed'], 'throughput, protocol, scale'],
  ['tests/simulation/run.ts', ['--seeds', '0'], 'A whole number from 1 on is wanted'],
  ['tests/simulation/run.ts', ['--weather', 'calm,rain'], 'There is no weather "rain"'],
  ['tests/simulation/run.ts', ['--wether', 'calm'], 'Did you mean --weather?'],
])('%s %j says what is wrong', (file, args, message) => {
  const program = join(import.meta.dirname, '../..', file)
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' })
  expect({ status, stdout, stderr }).toEqual({ status: 2, stdout: '', stderr: expect.stringContaining(message) })
})
