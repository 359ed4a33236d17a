import { readDoubts, type Doubt } from '../../reports/doubts.ts'
import { toLocalTime } from '../../time.ts'
import type { Cli } from '../cli.ts'

/** Prints all doubts, then contradictions. */
export async function listDoubts(cli: Cli): Promise<void> {
  const all = await cli.withDatabase((database) => readDoubts(database))
  cli.output.data(all, () => {
    const doubts = all.filter(({ contradiction }) => contradiction === null)
    const contradictions = all.filter(({ contradiction }) => contradiction !== null)
    if (doubts.length === 0) cli.output.say('Nothing is in doubt.')
    else printDoubts(cli, doubts)
    if (contradictions.length > 0) printContradictions(cli, contradictions)
  })
}

function printDoubts({ output }: Cli, doubts: Doubt[]): void {
  output.table(doubts, [
    { header: 'id', value: ({ id }) => id },
    {
      header: 'on the wire at',
      value: (doubt) => toLocalTime(doubt.transmitting_at, doubt.timezone, { seconds: true }),
    },
    { header: 'to', value: ({ recipient }) => recipient },
    { header: 'campaign', value: ({ campaign }) => campaign },
    { header: 'step', value: ({ step }) => step },
    { header: 'from', value: ({ mailbox }) => mailbox },
    { header: 'Message-ID', value: (doubt) => doubt.rfc_message_id },
    { header: 'can be resolved from', value: (doubt) => toLocalTime(doubt.resolvable_at, doubt.timezone) },
  ])
  output.say('The server may have accepted them, or not: search the Sent folder of each mailbox for the Message-ID.')
  output.say(`Next: goniec doubt resolve ${doubts[0]?.id} --as sent|not-sent`)
}

function printContradictions({ output }: Cli, contradictions: Doubt[]): void {
  output.say('\nLate answers that contradict what a person had decided:')
  output.table(contradictions, [
    { header: 'id', value: ({ id }) => id },
    { header: 'to', value: ({ recipient }) => recipient },
    { header: 'campaign', value: ({ campaign }) => campaign },
    {
      header: 'resolved as',
      value: ({ contradiction }) => (contradiction?.resolved_as === 'accepted' ? 'sent' : 'not-sent'),
    },
    { header: 'by', value: ({ contradiction }) => contradiction?.resolved_by },
    { header: 'the server’s words', value: ({ contradiction }) => contradiction?.response ?? contradiction?.outcome },
    { header: 'now', value: ({ status }) => status },
  ])
  const open = contradictions.find(({ status }) => status === 'pending' || status === 'sending')
  if (open) output.say(`Held, so that nobody is mailed twice. Next: goniec message cancel ${open.id}`)
}
