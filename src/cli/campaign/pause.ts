import { shellWord } from '../../campaigns/campaign.ts'
import { pauseCampaign } from '../../campaigns/pause.ts'
import type { Cli } from '../cli.ts'
import { alreadyPassedSentence, MAIL_OF_STEPS } from '../passed.ts'

/** Pauses a campaign. It asks nobody: whoever pulls a brake wants it to hold. */
export async function runPause(cli: Cli, name: string): Promise<void> {
  const { status, changed, alreadyPassed } = await cli.withDatabase((database) => pauseCampaign(database, name))
  cli.output.data({ name, status, changed, already_passed: alreadyPassed }, () => undefined)
  const what = changed ? `Paused campaign "${name}".` : `Campaign "${name}" is paused already.`
  cli.output.say(
    `${what} ${alreadyPassedSentence(alreadyPassed, MAIL_OF_STEPS)} Next: goniec campaign resume ${shellWord(name)}`,
  )
}
