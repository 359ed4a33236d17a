import { resolveDoubt } from '../../delivery/resolve-doubt.ts'
import type { Resolution } from '../../delivery/resolutions.ts'
import { readDoubts, type Doubt } from '../../reports/doubts.ts'
import { toLocalTime } from '../../time.ts'
import type { Cli } from '../cli.ts'
import { parseMessageId } from '../message/id.ts'

/** Resolves one doubt: refusals first, then how to find out, then the question. */
export async function resolve(
  cli: Cli,
  given: string,
  { as, dryRun = false }: { as: Resolution; dryRun?: boolean },
): Promise<void> {
  const id = parseMessageId(given)
  let wasTaken = false
  const status = await cli.withDatabase(async (database) => {
    const expected = await resolveDoubt(database, id, { as, dryRun: true })
    const [doubt, ...told] = await readDoubts(database, { messageId: id })
    wasTaken = told.some(({ contradiction }) => contradiction?.outcome === 'accepted')
    if (doubt) explain(cli, doubt, as)
    const isMeant = await cli.confirm(as === 'sent' ? 'Was it sent?' : 'Send it again?', { dryRun })
    return isMeant ? resolveDoubt(database, id, { as }) : expected
  })
  cli.output.data({ id, status, resolved_as: as, dry_run: dryRun }, () => undefined)
  cli.output.say(`Message ${id} ${dryRun ? 'would be' : 'is'} ${words(status, wasTaken)}.`)
}

/** An earlier attempt's late answer may have said that the server has the mail: then nothing sends it again. */
function words(status: string, wasTaken: boolean): string {
  return status === 'pending' && wasTaken
    ? 'set aside, since a late answer says that the server had taken it before; goniec message cancel ends it'
    : (WORDS[status] ?? status)
}

const WORDS: Record<string, string> = {
  sent: 'sent; the next step follows from then on',
  pending: 'pending, and sent again at its next planned time',
  cancelled: 'cancelled, since its campaign, its step or its lead is out',
}

function explain({ output }: Cli, doubt: Doubt, as: Resolution): void {
  const at = toLocalTime(doubt.transmitting_at, doubt.timezone, { seconds: true })
  output.say(
    `Message ${doubt.id} to ${doubt.recipient} went on the wire at ${at} (${doubt.timezone}), and no answer came.`,
  )
  output.say(`To find out: search the Sent folder of ${doubt.mailbox} for`)
  if (doubt.rfc_message_id !== null) output.say(`  Message-ID ${doubt.rfc_message_id}`)
  if (doubt.subject !== null) output.say(`  subject    ${doubt.subject}`)
  // Seeing it proves that it was sent. Not seeing it proves little: a folder may lag, and not every server files what it sends.
  output.say(
    as === 'sent'
      ? 'If it is there, it was sent.'
      : 'If it is not there, that alone is no proof: look into the server’s log, or ask. If it was accepted after all, the lead is mailed twice.',
  )
}
