/**
 * `npm test`: the format, the linter, the types, then the tests; arguments go on to vitest. Everything is run even when something
 * before it failed. The last line says `N passed, N failed`, where a failed check counts as one.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

const CHECKS = [
  { name: 'format', command: ['prettier', '--check', '--log-level', 'warn', '.'], remedy: 'npm run format' },
  { name: 'lint', command: ['oxlint', '--type-aware', '--max-warnings', '0'], remedy: 'npm run lint' },
  { name: 'types', command: ['tsc', '--noEmit'], remedy: 'npm run types' },
]

interface Tally {
  passed: number
  failed: number
  skipped: number
}

process.chdir(join(import.meta.dirname, '..'))
const failedChecks: string[] = []
for (const { name, command, remedy } of CHECKS) {
  process.stdout.write(`${name}\n`)
  if ((await run(command)) !== 0) failedChecks.push(`The check "${name}" failed, see above; alone: ${remedy}\n`)
}
const tally = await runTests(process.argv.slice(2))
for (const line of failedChecks) process.stdout.write(line)
const failed = tally.failed + failedChecks.length
const skipped = tally.skipped > 0 ? `, ${tally.skipped} skipped` : ''
process.stdout.write(`${tally.passed} passed, ${failed} failed${skipped}\n`)
process.exitCode = failed > 0 ? 1 : 0

/** Runs a program of the checkout with the checkout's own Node; its exit code, 1 if it could not be started. */
async function run([program = '', ...args]: string[]): Promise<number> {
  const path = [join(process.cwd(), 'node_modules', '.bin'), process.env['PATH']].join(delimiter)
  const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, PATH: path } })
  return new Promise((resolve) => {
    child.on('error', ({ message }) => {
      process.stdout.write(`${program} does not start (${message}). Is everything installed? npm ci\n`)
      resolve(1)
    })
    child.on('exit', (code) => resolve(code ?? 1))
  })
}

async function runTests(args: string[]): Promise<Tally> {
  const folder = mkdtempSync(join(tmpdir(), 'goniec-report-'))
  try {
    const report = join(folder, 'report.json')
    const command = ['vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...args]
    const code = await run(command)
    const tally = readReport(report)
    // Something failed that is no test: a hook, the set-up, an unhandled rejection.
    return code !== 0 && tally.failed === 0 ? { ...tally, failed: 1 } : tally
  } finally {
    rmSync(folder, { recursive: true })
  }
}

interface Report {
  numPassedTests: number
  numFailedTests: number
  numPendingTests: number
  numTodoTests: number
  testResults: { status: string; assertionResults: { status: string }[] }[]
}

/** A file that could not even be loaded has no failed test, and counts as one. No report: nothing passed. */
function readReport(file: string): Tally {
  try {
    const report = JSON.parse(readFileSync(file, 'utf8')) as Report
    const broken = report.testResults.filter(
      ({ status, assertionResults }) =>
        status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
    )
    return {
      passed: report.numPassedTests,
      failed: report.numFailedTests + broken.length,
      skipped: report.numPendingTests + report.numTodoTests,
    }
  } catch (error) {
    process.stdout.write(`vitest left no report (${String(error)})\n`)
    return { passed: 0, failed: 1, skipped: 0 }
  }
}
