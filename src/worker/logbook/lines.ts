/**
 * What a logbook's lines say, and how: each is one JSON object. A mail that passed its fence has a line of its own, written before its
 * content goes out, and a second one when the server's answer is known. Pure.
 */
import { assert } from '../../errors.ts'
import { Temporal, toExactTime, type Instant } from '../../time.ts'

/** A cluster and a database in it; null: the server does not tell. */
export interface Home {
  systemIdentifier: string | null
  databaseOid: number
}

/** The first line of each file. */
export interface Header {
  installation: string
  worker: string
  home: Home
  begunAt: Instant
  /** Nothing of this worker came before: what is not in its logbook it has not sent. */
  isFirst: boolean
}

/** A mail whose content may have gone out. */
export interface PassedMail {
  attemptId: number
  /** When it passed its fence, by the database's clock, to the microsecond. */
  passedAt: Instant
  recipient: string
  /** Null: a response, a test or a warm-up mail. */
  campaign: string | null
  stepKey: string | null
  idempotencyKey: string | null
  mailbox: string
  rfcMessageId: string
}

/** What the server answered to it. */
export interface Answer {
  attemptId: number
  passedAt: Instant
  outcome: string
  response: string | null
}

/** How far the database was, as this worker has seen it committed. */
export interface Mark {
  at: Instant
  walPosition: string | null
  timeline: number | null
}

export type Line =
  | { kind: 'header'; header: Header }
  | { kind: 'passed'; mail: PassedMail }
  | { kind: 'answer'; answer: Answer }
  | { kind: 'mark'; mark: Mark }

/** The line, with its end. */
export function formatLine(line: Line): string {
  return `${JSON.stringify(toJson(line))}\n`
}

/** What the line says; undefined where it is none. */
export function parseLine(text: string): Line | undefined {
  try {
    return fromJson(JSON.parse(text) as Record<string, unknown>)
  } catch {
    return undefined // No JSON, no time, or a field that is missing: the line is spoilt, and whoever reads it says where.
  }
}

const FORMAT = 1

function toJson(line: Line): Record<string, unknown> {
  if (line.kind === 'header') {
    const { installation, worker, home, begunAt, isFirst } = line.header
    const { systemIdentifier: system, databaseOid: database } = home
    return { goniec_logbook: FORMAT, installation, worker, system, database, begun_at: begunAt, first: isFirst }
  }
  if (line.kind === 'passed') {
    const { attemptId, passedAt, recipient, campaign, stepKey, idempotencyKey, mailbox, rfcMessageId } = line.mail
    const own = campaign === null ? { key: idempotencyKey } : { campaign, step: stepKey }
    return { passed: attemptId, at: toExactTime(passedAt), to: recipient, ...own, from: mailbox, id: rfcMessageId }
  }
  if (line.kind === 'answer') {
    const { attemptId, passedAt, outcome, response } = line.answer
    return { answer: attemptId, at: toExactTime(passedAt), outcome, response }
  }
  const { at, walPosition, timeline } = line.mark
  return { mark: at, wal: walPosition, timeline }
}

/** Mails that pass together have lines with the same instant one after the other, which takes the polyfill 20 µs to read. */
function readInstant(text: string): Instant {
  if (text !== lastRead?.text) lastRead = { text, instant: Temporal.Instant.from(text) }
  return lastRead.instant
}

let lastRead: { text: string; instant: Instant } | undefined

function fromJson(json: Record<string, unknown>): Line {
  const text = (name: string): string => {
    const value = json[name]
    assert(typeof value === 'string', name)
    return value
  }
  const textOrNull = (name: string): string | null => (json[name] === null ? null : text(name))
  const number = (name: string): number => {
    const value = json[name]
    assert(Number.isSafeInteger(value), name)
    return value as number
  }
  const instant = (name: string): Instant => readInstant(text(name))
  if ('goniec_logbook' in json) {
    assert(json['goniec_logbook'] === FORMAT, 'a format that this goniec knows')
    const home = { systemIdentifier: textOrNull('system'), databaseOid: number('database') }
    const header = { installation: text('installation'), worker: text('worker'), home, begunAt: instant('begun_at') }
    return { kind: 'header', header: { ...header, isFirst: json['first'] === true } }
  }
  if ('passed' in json) {
    const isCampaign = 'campaign' in json
    const mail = {
      attemptId: number('passed'),
      passedAt: instant('at'),
      recipient: text('to'),
      campaign: isCampaign ? text('campaign') : null,
      stepKey: isCampaign ? text('step') : null,
      idempotencyKey: isCampaign ? null : textOrNull('key'),
      mailbox: text('from'),
      rfcMessageId: text('id'),
    }
    return { kind: 'passed', mail }
  }
  if ('answer' in json) {
    const answer = { attemptId: number('answer'), passedAt: instant('at') }
    return { kind: 'answer', answer: { ...answer, outcome: text('outcome'), response: textOrNull('response') } }
  }
  const timeline = json['timeline'] === null ? null : number('timeline')
  return { kind: 'mark', mark: { at: instant('mark'), walPosition: textOrNull('wal'), timeline } }
}
