import { findCampaign } from '../../campaigns/campaign.ts'
import type { Database } from '../../database/pool.ts'
import { GoniecError } from '../../errors.ts'
import { findMailbox } from '../../mailboxes/find.ts'
import { didYouMean } from '../../nearest.ts'
import { MESSAGE_STATUSES, type Mail, type MessageStatus } from '../../reports/mail.ts'
import { readQueue, type QueueFilter } from '../../reports/queue.ts'
import { describeReason } from '../../reports/reason-words.ts'
import { toLocalTime } from '../../time.ts'
import type { Cli } from '../cli.ts'
import { parseWhole } from '../number.ts'
import { toJson, type Column } from '../output.ts'

export interface ListOptions {
  campaign?: string
  mailbox?: string
  status?: string[]
  limit?: string
}

/** What fits on a screen or two. Programs get all. */
const FOR_PEOPLE = 50

/** Prints the queue. As JSON it goes out page by page, so that a long one needs no memory. */
export async function listQueue(cli: Cli, options: ListOptions): Promise<void> {
  const statuses = options.status && parseStatuses(options.status)
  const limit = options.limit === undefined ? undefined : parseWhole(options.limit, '--limit', { least: 1 })
  await cli.withDatabase(async (database) => {
    const filter = { ...(await findNamed(database, options)), statuses }
    if (cli.flags.json) await printJson(cli, readQueue(database, { ...filter, limit }))
    else await printTable(cli, database, { ...filter, limit: limit ?? FOR_PEOPLE })
  })
}

function parseStatuses(given: string[]): MessageStatus[] {
  return given
    .flatMap((text) => text.split(','))
    .map((text) => {
      const status = MESSAGE_STATUSES.find((known) => known === text.trim().replaceAll('-', '_'))
      if (status) return status
      const expected = MESSAGE_STATUSES.join(', ')
      throw new GoniecError('usage', `"${text}" is no status (${expected})${didYouMean(text, MESSAGE_STATUSES)}`, {
        hint: 'goniec queue list --help',
        exitCode: 2,
      })
    })
}

async function findNamed(database: Database, { campaign, mailbox }: ListOptions): Promise<QueueFilter> {
  return {
    campaignId: campaign === undefined ? undefined : (await findCampaign(database, campaign)).id,
    mailboxId: mailbox === undefined ? undefined : (await findMailbox(database, mailbox)).id,
  }
}

async function printJson({ output }: Cli, pages: AsyncIterable<Mail[]>): Promise<void> {
  let last: string | undefined
  for await (const page of pages) {
    for (const mail of page) {
      output.line(last === undefined ? '[' : `${last},`)
      last = indented(mail)
    }
    await output.drained()
  }
  output.line(last === undefined ? '[]' : `${last}\n]`)
}

function indented(mail: Mail): string {
  return toJson(mail).replaceAll(/^/gm, '  ')
}

async function printTable({ output }: Cli, database: Database, filter: QueueFilter & { limit: number }): Promise<void> {
  const mails: Mail[] = []
  // One more than is shown tells whether there is more.
  for await (const page of readQueue(database, { ...filter, limit: filter.limit + 1 })) mails.push(...page)
  if (mails.length === 0) return output.say('There are no such mails. Next: goniec campaign list')
  output.table(mails.slice(0, filter.limit), COLUMNS)
  output.say(describeZones(mails))
  if (mails.length > filter.limit) output.say(`There are more: --limit ${filter.limit * 10}, or --json for all.`)
}

function describeZones(mails: Mail[]): string {
  const [zone, ...others] = new Set(mails.map(({ timezone }) => timezone))
  return others.length === 0 ? `Times are local in ${zone}.` : 'Times are local, each in its campaign’s zone.'
}

const COLUMNS: readonly Column<Mail>[] = [
  { header: 'id', value: ({ id }) => id },
  // In the zone that the mail's campaign means its times in.
  { header: 'planned', value: ({ scheduled_at: at, timezone }) => at && toLocalTime(at, timezone, { seconds: true }) },
  { header: 'status', value: ({ status }) => status },
  { header: 'to', value: ({ recipient }) => recipient },
  { header: 'campaign', value: ({ campaign }) => campaign },
  { header: 'mail', value: describeMail },
  { header: 'from', value: ({ mailbox }) => mailbox },
  { header: 'why', value: ({ reason, detail }) => describeReason(detail ?? reason ?? '') },
]

function describeMail({ kind, step, variant, is_test: isTest }: Mail): string {
  if (isTest) return 'test'
  // What was imported as sent before has no text of ours.
  return kind === 'campaign' ? [step, variant].filter((part) => part !== null).join(' ') : kind
}
