/**
 * The status as a monitor asks for it: a line for each thing that somebody has to see to, and an exit code. 0: nothing; 3: something;
 * 1: the database cannot be asked, so that nobody knows.
 */
import type { Database } from '../../database/pool.ts'
import { readAtOnce } from '../../database/read-at-once.ts'
import { GoniecError } from '../../errors.ts'
import { didYouMean } from '../../nearest.ts'
import { FINDING_CODES, findingsOf, type Finding, type FindingCode } from '../../reports/status/findings.ts'
import { STANDARD } from '../../reports/status/read.ts'
import { readTrouble } from '../../reports/status/trouble.ts'
import { readWorkers } from '../../reports/status/workers.ts'
import { parseDuration } from '../../time.ts'
import type { Cli } from '../cli.ts'
import { harmless } from '../text-width.ts'
import { LOOK, type StatusFlags } from './show.ts'

/** Prints the findings; ends 3 where there are any. */
export async function checkStatus(cli: Cli, { late, ignore = [] }: StatusFlags): Promise<void> {
  const lateMs = late === undefined ? STANDARD.lateMs : parseLate(late)
  const ignored = ignore.flatMap((codes) => codes.split(',')).map(parseCode)
  const { findings, workers } = await cli.withDatabase((database) => find(database, lateMs, cli.output))
  const told = findings.filter(({ code }) => !ignored.includes(code))
  cli.output.data({ ok: told.length === 0, findings: told }, () => {
    for (const { code, text, command } of told) cli.output.line(`${code}: ${harmless(text)}. Try: ${command}`)
    if (told.length === 0)
      cli.output.line(
        `ok: ${workers === 1 ? '1 worker is' : `${workers} workers are`} running, and nothing waits for you`,
      )
  })
  if (told.length > 0) cli.setExitCode(3)
}

async function find(
  database: Database,
  lateMs: number,
  { timeZone: timezone }: { timeZone: string },
): Promise<{ findings: Finding[]; workers: number }> {
  return await readAtOnce(database, LOOK, async (at) => {
    const workers = await readWorkers(at)
    const trouble = await readTrouble(at, { lateMs })
    return {
      findings: findingsOf({ trouble, workers, timezone }),
      workers: workers.filter(({ works }) => works).length,
    }
  })
}

function parseLate(text: string): number {
  const ms = parseDuration(text)
  if (ms !== undefined) return ms
  throw new GoniecError('usage', `--late is a duration such as 90s, 10m or 1h, not "${text}"`, { exitCode: 2 })
}

function parseCode(text: string): FindingCode {
  const code = FINDING_CODES.find((known) => known === text.trim())
  if (code !== undefined) return code
  throw new GoniecError('usage', `--ignore knows no finding "${text}"${didYouMean(text, FINDING_CODES)}`, {
    hint: `one of ${FINDING_CODES.join(', ')}`,
    exitCode: 2,
  })
}
