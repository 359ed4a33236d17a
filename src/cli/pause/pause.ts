import { pullBrake } from '../../campaigns/brake.ts'
import { toLocalTime } from '../../time.ts'
import type { Cli } from '../cli.ts'
import { alreadyPassedSentence } from '../passed.ts'
import { describeBrakeable, parseBrakeable, type BrakeOptions } from './what.ts'

/** Pulls the brake. It asks nobody. */
export async function runPause(cli: Cli, options: BrakeOptions): Promise<void> {
  const what = parseBrakeable('pause', options)
  const { pausedAt, changed, alreadyPassed } = await cli.withDatabase((database) => pullBrake(database, what))
  cli.output.data({ ...what, paused_at: pausedAt, changed, already_passed: alreadyPassed }, () => undefined)
  const since = changed ? 'Paused' : `Paused already, since ${toLocalTime(pausedAt, cli.output.timeZone)}:`
  const flags = 'all' in what ? '--all' : `--salesperson ${what.salesperson}`
  cli.output.say(
    `${since} ${describeBrakeable(what)}. ${alreadyPassedSentence(alreadyPassed)} Next: goniec resume ${flags}`,
  )
}
