import type { CampaignWhy } from '../../reports/why/campaign.ts'
import type { LeadWhy } from '../../reports/why/lead.ts'
import type { MailWhy } from '../../reports/why/mail.ts'
import type { Next, Reason } from '../../reports/why/reason.ts'
import { explain, type Why } from '../../reports/why/why.ts'
import { describeReason } from '../../reports/reason-words.ts'
import { formatDuration, toLocalTime } from '../../time.ts'
import type { Cli } from '../cli.ts'
import { parseMessageId } from '../message/id.ts'
import type { Cell } from '../output.ts'

/** Prints why nothing is sent, and what happens next. */
export async function runWhy(cli: Cli, given: string, { message = false }: { message?: boolean }): Promise<void> {
  if (message) parseMessageId(given.trim())
  const why = await cli.withDatabase((database) => explain(database, given, { message }))
  cli.output.data(toJson(why), () => print(cli, why))
}

function toJson({ of, why }: Why): Record<string, unknown> {
  const { sendable, worker_runs, reasons, next } = why
  const common = {
    sendable,
    worker_runs,
    reasons: reasons.map(reasonJson),
    next_at: next?.at ?? null,
    next: next?.what ?? null,
  }
  if (of === 'message') return { subject: subjectOf(why), ...common, never: why.never, gates: why.gates }
  if (of === 'lead') {
    const mails = why.mails.map((mail) => toJson({ of: 'message', why: mail }))
    return { subject: { type: 'lead', address: why.lead }, ...common, mails, ended: why.ended }
  }
  return {
    subject: { type: 'campaign', name: why.name, status: why.status, timezone: why.timezone },
    ...common,
    next_mail: why.next_mail && subjectOf(why.next_mail),
    today: why.today,
    days: why.days,
    waiting: why.waiting,
    counted_all: why.counted_all,
    never: why.never,
  }
}

function subjectOf(mail: MailWhy): Record<string, unknown> {
  const { id, kind, campaign, step, recipient, mailbox, status, scheduled_at: at, timezone } = mail
  return { type: 'message', id, kind, campaign, step, recipient, mailbox, status, scheduled_at: at, timezone }
}

function reasonJson({ code, text, until, todo, ended_by: by }: Reason): Record<string, unknown> {
  return { code, text, until, todo, ended_by: by }
}

function print(cli: Cli, { of, why }: Why): void {
  if (of === 'message') return printMail(cli, why)
  if (of === 'lead') return printLead(cli, why)
  return printCampaign(cli, why)
}

function printMail({ output }: Cli, mail: MailWhy): void {
  output.properties([['message', nameOf(mail)], ...reasonLines(mail), ...nextLines(mail)])
  if (mail.gates.length > 0) {
    output.line('')
    output.table(mail.gates, [
      { header: 'gate', value: ({ gate }) => gate.replaceAll('_', ' ') },
      { header: 'state', value: ({ open, code }) => (open ? 'open' : describeReason(code ?? 'shut')) },
      { header: 'value', value: ({ value }) => cellOf(value) },
      { header: 'limit', value: limitOf },
      { header: 'opens', value: ({ opens_at: at }) => at && toLocalTime(at, mail.timezone, { seconds: true }) },
    ])
  }
  output.say(`Times are local in ${mail.timezone}.`)
}

function nameOf({ id, kind, campaign, step, recipient, status }: MailWhy): string {
  const what = kind === 'campaign' ? `campaign ${campaign}, step ${step}` : kind
  return `${id}, ${what}, to ${recipient}${status === 'pending' ? '' : ` (${status.replaceAll('_', ' ')})`}`
}

/** The first reason binds; the others stand against it as well. */
function reasonLines({ reasons }: { reasons: readonly Reason[] }): [string, Cell][] {
  return reasons.flatMap(({ text, todo }, index): [string, Cell][] => [
    [index === 0 ? 'why' : 'and', text],
    ...(todo === null ? [] : [['do', todo] as [string, Cell]]),
  ])
}

function nextLines(mail: MailWhy): [string, Cell][] {
  const { next, never, status } = mail
  if (never !== null && status === 'pending')
    return [['next', `nothing will send this before somebody acts, because ${never}`]]
  if (never !== null) return [['next', `nothing will ever send this by itself, because ${never}`]]
  return next ? [...workerLines(mail), ['next', describeNext(next, mail)]] : []
}

/** What comes next takes a worker; where a mail is due, its reason says so. */
function workerLines({ next, worker_runs: runs, sendable }: MailWhy | CampaignWhy): [string, Cell][] {
  if (runs || sendable || next === null) return []
  return [
    ['but', 'no worker is running, and nothing is planned or sent without one'],
    ['do', 'goniec worker'],
  ]
}

function describeNext({ what, at }: Next, { timezone, worker_runs: runs }: MailWhy | CampaignWhy): string {
  const time = toLocalTime(at, timezone, { seconds: true })
  const texts: Record<Next['what'], string> = {
    sent: runs ? `${time} a worker takes it` : `a worker that runs ${time} or later takes it`,
    planned: runs
      ? `the plan looks for a place for it, ${time} at the latest`
      : 'a worker that is started looks for a place for it, within a minute',
    later: `not before ${time}: the days that are planned have no place for it`,
    started: runs
      ? `${time} its campaign starts, and it gets a time`
      : `a worker that runs ${time} or later starts its campaign, and gives it a time`,
    answered: `its attempt ends, ${time} at the latest`,
  }
  return texts[what]
}

/** Durations as people write them. */
function limitOf({ gate, limit }: MailWhy['gates'][number]): Cell {
  if (typeof limit === 'number' && (gate === 'campaign_delay' || gate === 'mailbox_gap')) return formatDuration(limit)
  return gate === 'contact_gap' && typeof limit === 'number' ? `${limit}d` : cellOf(limit)
}

function cellOf(value: unknown): Cell {
  if (value === null || value === undefined) return null
  if (typeof value !== 'object') return value as Cell
  return Object.values(value).join(', ')
}

function printLead(cli: Cli, { lead, mails, ended, reasons }: LeadWhy): void {
  const { output } = cli
  output.properties([['lead', lead], ...(mails.length > 0 || ended.length > 0 ? [] : reasonLines({ reasons }))])
  for (const mail of mails) {
    output.line('')
    output.properties([['message', nameOf(mail)], ...reasonLines(mail), ...nextLines(mail)])
  }
  if (ended.length > 0) output.line('')
  for (const { campaign, text, todo } of ended) {
    output.properties([
      ['campaign', campaign],
      ['why', text],
      ...(todo === null ? [] : [['do', todo] as [string, Cell]]),
    ])
  }
  const [first] = mails
  if (first) output.say(`Times are local in ${first.timezone}. Each gate of a mail: goniec why ${first.id}`)
}

function printCampaign({ output }: Cli, why: CampaignWhy): void {
  const { next, next_mail: mail, today, timezone } = why
  const time = (at: CampaignWhy['today']['opens_at']): string => (at ? toLocalTime(at, timezone).slice(11) : '')
  const closing = time(today.closes_at)
  output.properties([
    ['campaign', `${why.name} (${why.status})`],
    ...reasonLines(why),
    ...workerLines(why),
    ['next', next ? describeNext(next, why) : 'nothing is sent before somebody acts'],
    ...(mail ? [['next mail', nameOf(mail)] as [string, Cell]] : []),
    [
      'today',
      today.opens_at
        ? `${today.day}, ${time(today.opens_at)}–${closing === '00:00' ? '24:00' : closing}`
        : `${today.day}, no window ahead`,
    ],
    [
      why.counted_all ? 'waiting' : 'of the first 10000',
      why.waiting.map(({ code, mails }) => `${mails} ${code.replaceAll('_', ' ')}`).join(', ') || 'nothing',
    ],
  ])
  if (why.days.length > 0) {
    output.line('')
    output.table(why.days, [
      { header: 'day', value: ({ day }) => day },
      { header: 'what limits it', value: ({ binding }) => describeReason(`day_${binding}`) },
    ])
  }
  for (const { code, mails, todo } of why.never)
    output.say(`Nothing will send ${mails} of them (${describeReason(code)}). Try: ${todo}`)
  output.say(`Times are local in ${timezone}.${mail ? ` Each gate of the next mail: goniec why ${mail.id}` : ''}`)
}
