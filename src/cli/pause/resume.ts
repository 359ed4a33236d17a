import { releaseBrake } from '../../campaigns/brake.ts'
import type { Cli } from '../cli.ts'
import { runAfterRestore, type AfterRestoreOptions } from './after-restore.ts'
import { GoniecError } from '../../errors.ts'
import { describeBrakeable, parseBrakeable, type BrakeOptions } from './what.ts'

/** The flags of `goniec resume`. */
export interface ResumeOptions extends BrakeOptions, AfterRestoreOptions {
  afterRestore?: boolean
}

/** Lifts the brake, and names the campaigns that stay paused. */
export async function runResume(cli: Cli, options: ResumeOptions): Promise<void> {
  if (options.afterRestore) return resumeRestored(cli, options)
  if (options.without !== undefined || options.dryRun) throw misplaced(options.dryRun ? '--dry-run' : '--without')
  const what = parseBrakeable('resume', options)
  const { changed, stillPaused } = await cli.withDatabase((database) => releaseBrake(database, what))
  cli.output.data({ ...what, changed, still_paused: stillPaused }, () => undefined)
  cli.output.say(
    changed ? `Resumed ${describeBrakeable(what)}.` : `Not paused: ${describeBrakeable(what)}. Nothing to do.`,
  )
  if (stillPaused.length > 0) cli.output.say(`Paused by name, and still so: ${stillPaused.join(', ')}`)
}

async function resumeRestored(cli: Cli, options: ResumeOptions): Promise<void> {
  if (options.all || options.salesperson !== undefined) throw misplaced(options.all ? '--all' : '--salesperson', true)
  await runAfterRestore(cli, options)
}

function misplaced(flag: string, excluded = false): GoniecError {
  return new GoniecError(
    'usage',
    `${flag} ${excluded ? 'and --after-restore exclude each other' : 'goes with --after-restore'}`,
    {
      hint: 'goniec resume --help',
      exitCode: 2,
    },
  )
}
