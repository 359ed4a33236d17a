import { unknownMessage } from '../../delivery/unknown-message.ts'
import { readContent, readMessage, type MessageReport } from '../../reports/message.ts'
import { describeReason } from '../../reports/reason-words.ts'
import { formatDuration, toLocalTime, type Instant } from '../../time.ts'
import type { Cli } from '../cli.ts'
import type { Cell } from '../output.ts'
import { printContent } from './content.ts'
import { printStory } from '../story.ts'
import { parseMessageId } from './id.ts'

/** Prints one message with its history. */
export async function showMessage(
  cli: Cli,
  given: string,
  { content = false, all = false }: { content?: boolean; all?: boolean },
): Promise<void> {
  const id = parseMessageId(given)
  const { message, sent } = await cli.withDatabase(async (database) => {
    const message = await readMessage(database, id)
    if (!message) throw unknownMessage(id)
    return { message, sent: content ? await readContent(database, id) : null }
  })
  // The times of a campaign's mail are meant in its zone.
  cli.output.timeZone = message.timezone
  cli.output.data(content ? { ...message, content: sent } : message, () => {
    printFacts(cli, message)
    printAttempts(cli, message)
    printEvents(cli, message, all)
    if (content) printContent(cli, message, sent)
  })
  if (!cli.flags.json) sayNext(cli, message)
}

function printFacts({ output }: Cli, message: MessageReport): void {
  const local = (at: Instant | null): Cell => at && toLocalTime(at, message.timezone, { seconds: true })
  const facts: (readonly [string, Cell])[] = [
    ['message', `${message.id}, ${describe(message)}`],
    ['to', message.recipient],
    ['status', message.status],
    ['first planned', local(message.first_planned_at)],
    ['planned', local(message.scheduled_at)],
    ['sent', local(message.sent_at)],
    ['late', lateness(message)],
    ['from', message.mailbox ?? message.bound_mailbox],
    ['why', message.detail ?? (message.reason === null ? null : describeReason(message.reason))],
    ['not before', local(message.not_before)],
    ['Message-ID', message.rfc_message_id],
    ['key', message.idempotency_key],
  ]
  output.properties(facts.filter(([, value]) => value !== null && value !== ''))
  output.say(`Times are local in ${message.timezone}.`)
}

function describe({ kind, campaign, step, variant, is_test: isTest }: MessageReport): string {
  if (isTest) return `a test of campaign ${campaign ?? '–'}`
  if (kind !== 'campaign') return campaign === null ? `a ${kind}` : `a ${kind} in campaign ${campaign}`
  return `campaign ${campaign}, step ${step}${variant === null ? '' : `, variant ${variant}`}`
}

/** Against its slot, and against the first one where that was another. */
function lateness({ lateness_ms: late, displacement_ms: displaced }: MessageReport): string | null {
  if (late === null) return null
  const text = duration(late)
  return displaced === null || displaced === late ? text : `${text}; ${duration(displaced)} by the first plan`
}

function duration(ms: number): string {
  return ms < 0 ? `-${formatDuration(-ms)}` : formatDuration(ms)
}

function printAttempts({ output }: Cli, { attempts }: MessageReport): void {
  if (attempts.length === 0) return
  output.line('')
  output.table(attempts, [
    { header: 'attempt', value: ({ id }) => id },
    { header: 'state', value: ({ state }) => state },
    { header: 'from', value: ({ mailbox }) => mailbox },
    { header: 'worker', value: ({ worker }) => worker },
    { header: 'claimed', value: (attempt) => attempt.claimed_at, seconds: true },
    { header: 'on the wire', value: (attempt) => attempt.transmitting_at, seconds: true },
    { header: 'ended', value: (attempt) => attempt.finished_at, seconds: true },
    { header: 'the server’s words', value: ({ response }) => response },
  ])
}

function printEvents({ output }: Cli, { events }: MessageReport, all: boolean): void {
  if (events.length === 0) return
  output.line('')
  printStory(output, events, { all })
}

function sayNext({ output }: Cli, { id, status, held_reason: held }: MessageReport): void {
  if (status === 'failed') output.say(`Next: goniec message retry ${id}`)
  if (status === 'pending' && held !== null)
    output.say(`Next: goniec message retry ${id}, or goniec message cancel ${id}`)
  if (status === 'in_doubt') output.say(`Next: goniec doubt resolve ${id} --as sent|not-sent`)
}
