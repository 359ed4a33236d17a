/** The examination of an installation: a line for each check, what is wrong at the end; 3: there is a problem. */
import { reachDatabase } from '../../database/choice.ts'
import { openDatabase } from '../../database/pool.ts'
import type { Checked, Verdict } from '../../reports/doctor/checked.ts'
import { examine } from '../../reports/doctor/examine.ts'
import { openNames } from '../../reports/doctor/names.ts'
import { readWorkerSettings } from '../../worker/settings.ts'
import type { Cli } from '../cli.ts'
import type { Output } from '../output.ts'
import { fit, harmless } from '../text-width.ts'

export interface DoctorFlags {
  logins: boolean
  selector?: string[]
  dns?: string
}

/** The database is opened without the usual demands on its version and schema: what is wrong with those is part of the answer. */
export async function runDoctor(cli: Cli, { logins, selector = [], dns }: DoctorFlags): Promise<void> {
  const { output } = cli
  const names = openNames({ server: dns })
  const choice = cli.database()
  const database = openDatabase(await reachDatabase(choice), { name: 'doctor', size: cli.config.databaseConnections })
  try {
    const checks = await examine(database, {
      choice,
      names,
      selectors: selector,
      logins,
      readTimes: readWorkerSettings,
      onTheme: (theme) => output.progress(`looking at ${theme}`),
    })
    output.endProgress()
    const problems = checks.filter(({ verdict }) => verdict === 'problem').length
    output.data({ ok: problems === 0, checks }, () => print(output, checks))
    if (problems > 0) cli.setExitCode(3)
    if (!output.wantsJson) output.say(sum(checks))
  } finally {
    await database.close()
  }
}

/** In the order of the lines: what is worst stands last, where the eye rests. */
const WORDS: Record<Verdict, string> = { ok: 'ok', not_tried: 'not tried', warning: 'warning', problem: 'PROBLEM' }

function print(output: Output, checks: readonly Checked[]): void {
  for (const verdict of Object.keys(WORDS)) {
    for (const { name, text, try: todo } of checks.filter((check) => check.verdict === verdict)) {
      output.line(`${fit(WORDS[verdict as Verdict], 9)}  ${harmless(name)}: ${harmless(text)}`)
      if (todo !== null) output.line(`${' '.repeat(11)}Try: ${harmless(todo)}`)
    }
  }
}

function sum(checks: readonly Checked[]): string {
  const count = (verdict: Verdict): number => checks.filter((check) => check.verdict === verdict).length
  const [problems, warnings, untried] = [count('problem'), count('warning'), count('not_tried')]
  const parts = [
    problems === 0 ? 'no problem' : problems === 1 ? '1 problem' : `${problems} problems`,
    ...(warnings === 0 ? [] : [warnings === 1 ? '1 warning' : `${warnings} warnings`]),
    ...(untried === 0 ? [] : [`${untried} not tried`]),
  ]
  return `${checks.length} checks: ${parts.join(', ')}.`
}
