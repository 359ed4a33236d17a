import { findMailbox } from '../../mailboxes/find.ts'
import { readMailbox, type MailboxReport } from '../../reports/mailboxes.ts'
import { assert } from '../../errors.ts'
import { formatDuration, toLocalTime, type Instant } from '../../time.ts'
import type { Cli } from '../cli.ts'
import type { Cell } from '../output.ts'
import { used } from './list.ts'

/** Prints one mailbox. */
export async function showMailbox(cli: Cli, given: string): Promise<void> {
  const mailbox = await cli.withDatabase(async (database) =>
    readMailbox(database, (await findMailbox(database, given)).id),
  )
  assert(mailbox, 'a mailbox that was found is there: mailboxes are not deleted')
  cli.output.data(mailbox, () => {
    cli.output.properties(facts(mailbox, cli.output.timeZone).filter(([, value]) => value !== null))
    printAnswers(cli, mailbox)
  })
  if (!cli.flags.json) sayNext(cli, mailbox)
}

function facts(mailbox: MailboxReport, timeZone: string): (readonly [string, Cell])[] {
  const local = (at: Instant | null): string | null => at && toLocalTime(at, timeZone, { seconds: true })
  const { today, warmup, smtp } = mailbox
  return [
    ['mailbox', mailbox.name === null ? mailbox.address : `${mailbox.address} (${mailbox.name})`],
    ['salesperson', mailbox.salesperson],
    ['campaigns', mailbox.campaigns.join(', ') || null],
    ['status', mailbox.status_reason === null ? mailbox.status : `${mailbox.status}: ${mailbox.status_reason}`],
    ['braked', brake(mailbox)],
    [
      'faults',
      mailbox.faults === 0 ? null : `${mailbox.faults} in a row; the last: ${mailbox.fault_reason ?? 'no answer'}`,
    ],
    ['waits until', local(mailbox.free_from)],
    ['today', `${used(today.taken, today.daily_limit)} (${today.day}, ${timeZone})`],
    ['  campaign mail', used(today.campaign_taken, today.campaign_limit)],
    ['  responses', String(today.response_taken)],
    ['  warm-up mail', used(today.warmup_taken, today.warmup_limit)],
    ['warm-up', warmup && `day ${warmup.day}, since ${warmup.started}; the stage from day ${warmup.stage ?? 1} holds`],
    ['refused today', mailbox.rejected_today === 0 ? null : mailbox.rejected_today],
    ['in doubt', mailbox.in_doubt === 0 ? null : mailbox.in_doubt],
    ['gap', formatDuration(mailbox.min_gap_ms)],
    ['last mail', local(mailbox.last_fence_at)],
    ['next mail', local(mailbox.next_at)],
    ['server', `${smtp.host}:${smtp.port} (${smtp.security})`],
    ['login', describeLogin(smtp)],
  ]
}

function describeLogin({ user, password, oauth2 }: MailboxReport['smtp']): string {
  if (user === null) return 'none'
  if (oauth2 === null) return `${user}, password ${password}`
  return `${user}, OAuth 2 by ${new URL(oauth2.tokenUrl).host}, ${oauth2.refreshToken ?? `client ${oauth2.clientId}`}`
}

function brake({ all_paused_at: all, salesperson_paused_at: person }: MailboxReport): string | null {
  if (all !== null) return 'everything is paused'
  return person === null ? null : 'its salesperson is paused'
}

function printAnswers({ output }: Cli, { answers }: MailboxReport): void {
  if (answers.length === 0) return
  output.line('')
  output.table(answers, [
    { header: 'at', value: (answer) => answer.finished_at ?? answer.claimed_at, seconds: true },
    { header: 'message', value: (answer) => answer.message_id },
    {
      header: 'to',
      value: ({ recipient, message_id: message }) => (message === null ? 'another program’s slot' : recipient),
    },
    { header: 'state', value: ({ state }) => state },
    { header: 'the server’s words', value: ({ response }) => response },
  ])
}

function sayNext({ output }: Cli, mailbox: MailboxReport): void {
  const { status, address, salesperson } = mailbox
  if (status !== 'active') output.say(`Next: goniec mailbox test ${address}, then goniec mailbox resume ${address}`)
  else if (mailbox.all_paused_at !== null) output.say('Next: goniec resume --all')
  else if (mailbox.salesperson_paused_at !== null) output.say(`Next: goniec resume --salesperson ${salesperson}`)
  else if (mailbox.faults > 0) output.say(`Next: goniec mailbox test ${address}`)
}
