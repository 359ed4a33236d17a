import { releaseBrake } from '../../campaigns/brake.ts'
import type { Cli } from '../cli.ts'
import { describeBrakeable, parseBrakeable, type BrakeOptions } from './what.ts'

/** Lifts the brake, and names the campaigns that stay paused. */
export async function runResume(cli: Cli, options: BrakeOptions): Promise<void> {
  const what = parseBrakeable('resume', options)
  const { changed, stillPaused } = await cli.withDatabase((database) => releaseBrake(database, what))
  cli.output.data({ ...what, changed, still_paused: stillPaused }, () => undefined)
  cli.output.say(
    changed ? `Resumed ${describeBrakeable(what)}.` : `Not paused: ${describeBrakeable(what)}. Nothing to do.`,
  )
  if (stillPaused.length > 0) cli.output.say(`Paused by name, and still so: ${stillPaused.join(', ')}`)
}
