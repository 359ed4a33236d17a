import { shellWord } from '../../campaigns/campaign.ts'
import { resumeCampaign } from '../../campaigns/pause.ts'
import type { Cli } from '../cli.ts'

/** Resumes a campaign. */
export async function runResume(cli: Cli, name: string): Promise<void> {
  const { status, startsOn } = await cli.withDatabase((database) => resumeCampaign(database, name))
  cli.output.data({ name, status, starts_on: startsOn }, () => undefined)
  const what =
    status === 'scheduled'
      ? `Campaign "${name}" is scheduled again, and starts by itself on ${startsOn}.`
      : `Campaign "${name}" goes on where it stopped.`
  cli.output.say(`${what} Next: goniec campaign show ${shellWord(name)}`)
}
