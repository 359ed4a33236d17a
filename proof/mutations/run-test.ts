/** Runs one test of a checkout with vitest, on a Postgres that is there already, and says how it ended. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { assert } from '../../src/errors.ts'
import type { Checkout } from './checkout.ts'
import type { NamedTest } from './mutation.ts'

export interface TestEnd {
  status: 'passed' | 'failed'
  /** Of a failed test: what it said first. */
  message: string
}

/** Runs it alone; rejects where that test was not run, because there is none of this title or its file could not be loaded. */
export async function runTest(
  { directory }: Checkout,
  { file, title }: NamedTest,
  databaseUrl: string,
): Promise<TestEnd> {
  const report = join(directory, 'report.json')
  rmSync(report, { force: true })
  const pattern = `${title.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)}$`
  const args = [
    'run',
    file,
    '-t',
    pattern,
    '--reporter=json',
    `--outputFile.json=${report}`,
    '--no-cache',
    '--test-timeout=180000',
  ]
  const child = spawn(process.execPath, [join(directory, 'node_modules', 'vitest', 'vitest.mjs'), ...args], {
    cwd: directory,
    // Databases of failed tests are not kept: here tests are meant to fail.
    env: { ...process.env, GONIEC_TEST_DATABASE_URL: databaseUrl, CI: '1' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => void (errors += chunk.toString()))
  await once(child, 'close')
  return endOf(report, { file, title }, errors)
}

interface Report {
  testResults: { assertionResults: { title: string; status: string; failureMessages: string[] }[]; message: string }[]
}

function endOf(report: string, { file, title }: NamedTest, errors: string): TestEnd {
  const { testResults } = readReport(report, errors)
  const ran = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter((result) => result.status === 'passed' || result.status === 'failed')
  const [one] = ran
  assert(
    one && ran.length === 1 && one.title === title,
    `${ran.length} tests of ${file} ran instead of “${title}”: ${testResults.map(({ message }) => message).join(' ')}${errors}`,
  )
  const message = one.failureMessages[0] ?? ''
  return { status: one.status === 'passed' ? 'passed' : 'failed', message: message.split('\n    at ')[0] ?? '' }
}

function readReport(file: string, errors: string): Report {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Report
  } catch (cause) {
    throw new Error(`vitest left no report: ${errors}`, { cause })
  }
}
