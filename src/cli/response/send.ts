import { findCampaign } from '../../campaigns/campaign.ts'
import type { Database } from '../../database/pool.ts'
import { enqueueResponse, type EnqueuedResponse, type ResponseRequest } from '../../delivery/enqueue-response.ts'
import { GoniecError } from '../../errors.ts'
import { normaliseAddress } from '../../leads/address.ts'
import { findMailbox } from '../../mailboxes/find.ts'
import { toLocalTime, type Instant } from '../../time.ts'
import type { Cli } from '../cli.ts'
import { parseAt } from './at.ts'
import { readAttachments, readText } from './files.ts'

export interface SendOptions {
  to: string
  key: string
  subject?: string
  text?: string
  textFile?: string
  html?: string
  htmlFile?: string
  from?: string
  at?: string
  attach?: string[]
  campaign?: string
  again?: boolean
  dryRun?: boolean
}

/** Queues one response, and says whether it was asked for already. */
export async function sendResponse(cli: Cli, options: SendOptions): Promise<void> {
  const { dryRun = false } = options
  const content = await readContent(options)
  const response = await cli.withDatabase(async (database) => {
    const request = { ...content, ...(await findNamed(database, options, cli.output.timeZone)) }
    if (!dryRun) await askOnTerminal(cli, options.to, () => enqueueResponse(database, request, { dryRun: true }))
    return enqueueResponse(database, request, { dryRun })
  })
  const { status, scheduled_at, created } = response
  // The number of a rehearsal belongs to nobody.
  const id = dryRun && created ? null : response.id
  cli.output.data(
    { id, status, scheduled_at, created: created && !dryRun, ...shown(response), dry_run: dryRun },
    () => undefined,
  )
  say(cli, options, response)
}

function shown({ mailbox, campaign, subject, not_before }: EnqueuedResponse): Record<string, string | Instant | null> {
  return { mailbox, campaign, subject, not_before }
}

type Content = Omit<ResponseRequest, 'from' | 'at' | 'campaign'>

async function readContent(options: SendOptions): Promise<Content> {
  const to = normaliseAddress(options.to)
  if (to.problem !== undefined) throw usage(`--to: ${to.problem}`)
  if (options.key.trim() === '') throw usage('--key is empty; it names the request, so that it is answered once')
  if (options.textFile === '-' && options.htmlFile === '-')
    throw usage('--text-file and --html-file cannot both be standard input')
  const text = await readPart('text', options.text, options.textFile)
  const html = await readPart('html', options.html, options.htmlFile)
  if (text === undefined && html === undefined)
    throw usage('a response needs a text: --text, --text-file, --html or --html-file')
  const attachments = await readAttachments(options.attach ?? [])
  return { to: to.address, key: options.key, subject: options.subject, text, html, attachments, again: options.again }
}

async function readPart(
  name: string,
  given: string | undefined,
  file: string | undefined,
): Promise<string | undefined> {
  if (given !== undefined && file !== undefined)
    throw usage(`--${name} and --${name}-file are given; one of them is enough`)
  const part = file === undefined ? given : await readText(file)
  if (part?.trim() === '') throw usage(`the ${name} is empty`)
  return part
}

async function findNamed(
  database: Database,
  { from, at, campaign }: SendOptions,
  timeZone: string,
): Promise<Partial<ResponseRequest>> {
  return {
    from: from === undefined ? undefined : (await findMailbox(database, from)).address,
    at: at === undefined ? undefined : parseAt(at, timeZone),
    campaign: campaign === undefined ? undefined : (await findCampaign(database, campaign)).name,
  }
}

/** Programs that answer requests are not asked: their key keeps the response from going out twice. */
async function askOnTerminal(cli: Cli, to: string, rehearse: () => Promise<EnqueuedResponse>): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY || cli.flags.yes) return
  const { created, subject, mailbox } = await rehearse()
  if (created) await cli.confirm(`Send "${subject}" to ${to} from ${mailbox}?`)
}

function say({ output }: Cli, { key, to, dryRun }: SendOptions, response: EnqueuedResponse): void {
  const { id, status, created, mailbox, not_before: notBefore, sent_at: sentAt, scheduled_at: scheduledAt } = response
  const local = (at: Instant): string => toLocalTime(at, output.timeZone, { seconds: true })
  if (!created) {
    const state = sentAt ? `was sent at ${local(sentAt)}` : `is ${status}`
    const planned = scheduledAt && status === 'pending' ? `, planned at ${local(scheduledAt)}` : ''
    output.say(`Response "${key}" was asked for already: message ${id} ${state}${planned}.`)
    return output.say(`Next: goniec message show ${id}`)
  }
  const when = notBefore === null ? 'as soon as it may' : `not before ${local(notBefore)} (${output.timeZone})`
  if (dryRun) return output.say(`Dry run: it would go to ${to} from ${mailbox}, ${when}. Nothing was queued.`)
  output.say(`Queued message ${id} to ${to} from ${mailbox}: it goes ${when}.`)
  output.say(`Next: goniec message show ${id}`)
}

function usage(message: string): GoniecError {
  return new GoniecError('usage', message, { hint: 'goniec response send --help', exitCode: 2 })
}
