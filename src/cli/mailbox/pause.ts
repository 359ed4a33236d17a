import { pauseMailbox, resumeMailbox } from '../../mailboxes/pause.ts'
import { toLocalTime } from '../../time.ts'
import type { Cli } from '../cli.ts'

/** Pauses a mailbox, and says how many mails had already passed. */
export async function pause(cli: Cli, given: string): Promise<void> {
  const { output } = cli
  const paused = await cli.withDatabase((database) => pauseMailbox(database, given))
  const { address, changed, already_passed: passed } = paused
  output.data(paused, () => undefined)
  output.say(
    changed ? `Mailbox ${address} is paused: nothing more leaves from it.` : `Mailbox ${address} was paused already.`,
  )
  if (passed > 0)
    output.say(`${passed === 1 ? 'One mail was' : `${passed} mails were`} on the wire already, and may arrive.`)
  output.say(`Next: goniec mailbox resume ${address}`)
}

/** Resumes a mailbox, and says what still holds it. */
export async function resume(cli: Cli, given: string): Promise<void> {
  const { output } = cli
  const resumed = await cli.withDatabase((database) => resumeMailbox(database, given))
  const { address, was, was_reason: reason, free_from: freeFrom, braked } = resumed
  output.data(resumed, () => undefined)
  const before =
    was === 'active'
      ? 'was active already; its faults are forgotten'
      : `is active again (was ${was}${reason === null ? '' : `: ${reason}`})`
  output.say(`Mailbox ${address} ${before}.`)
  if (freeFrom !== null) {
    const until = toLocalTime(freeFrom, output.timeZone, { seconds: true })
    output.say(`It sends nothing before ${until}: until then a worker that vanished may still be on its wire.`)
  }
  if (braked)
    output.say('It sends nothing yet: a pause of its salesperson or of everything holds it. Next: goniec resume')
  else output.say(`Next: goniec mailbox show ${address}`)
}
