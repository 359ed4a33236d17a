/**
 * Loaded into a worker before its own code (`node --import`): when the ordered point comes, it notes so on the disk, and kills, stops or
 * blocks its own process, in the middle of the call. The product has no hooks for this: what it calls anyway is wrapped, once, for the one
 * point that is ordered. The planner's thread loads it too.
 */
import { appendFileSync, closeSync, existsSync, fsyncSync, openSync, writeSync } from 'node:fs'
import net from 'node:net'
import { isMainThread } from 'node:worker_threads'
import { Client } from 'pg'
import { Planning } from '../../src/worker/planning.ts'
import { SmtpSession } from '../../src/delivery/session.ts'
import type { Reply } from '../../src/delivery/reply.ts'
import { Transcript, type Stage } from '../../src/delivery/transcript.ts'
import { Temporal } from '../../src/time.ts'
import type { Note, PointName, StrikeOrder } from './points.ts'

const order = JSON.parse(process.env['GONIEC_PROOF_STRIKE'] ?? '{}') as StrikeOrder
let come = 0

/** The point has come once more. A worker is struck once: a planner's thread that follows the struck one counts anew. */
function reached(): void {
  come += 1
  if (come === order.occurrence && !existsSync(order.notes)) strike()
}

function strike(): void {
  note('struck')
  if (order.way === 'SIGKILL') process.kill(process.pid, 'SIGKILL')
  if (order.way === 'SIGSTOP') process.kill(process.pid, 'SIGSTOP')
  // A signal to the own process may take effect a moment later when it is sent from a thread.
  pause(20)
  if (order.way === 'blocked') while (!existsSync(order.release)) pause(10)
  note('awake')
}

function note(event: Note['event']): void {
  const at = Temporal.Now.instant().toString({ smallestUnit: 'millisecond' })
  const line = `${JSON.stringify({ event, at } satisfies Note)}\n`
  if (event === 'awake') return appendFileSync(order.notes, line)
  const file = openSync(order.notes, 'a')
  writeSync(file, line)
  fsyncSync(file)
  closeSync(file)
}

/** Nothing else of this thread runs meanwhile. */
function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

/** Which calls a point is at: a statement of the database by its text or name, and rows that its answer must have to count. */
interface Statement {
  is: string
  inPlanner?: boolean
  counts?: (row: Record<string, unknown>) => boolean
}

const CLAIM: Statement = {
  is: 'goniec claim',
  counts: ({ answer }) => (answer as { attempts: unknown[] }).attempts.length > 0,
}
const FENCE: Statement = { is: 'goniec fence', counts: ({ verdict }) => verdict === 'passed' }
const SETTLE: Statement = { is: 'goniec settle' }
const RECOVER: Statement = { is: 'from goniec.recover(' }
const PLAN: Statement = {
  is: 'set scheduled_at = ',
  inPlanner: true,
  counts: ({ planned, moved }) => Number(planned) + Number(moved) > 0,
}

const INSTALL: Record<PointName, () => void> = {
  'plan-sent': () => atStatement(PLAN, 'sent'),
  'plan-committed': () => atStatement(PLAN, 'answered'),
  'recover-sent': () => atStatement(RECOVER, 'sent'),
  'recover-committed': () => atStatement(RECOVER, 'answered'),
  'claim-sent': () => atStatement(CLAIM, 'sent'),
  'claim-committed': () => atStatement(CLAIM, 'answered'),
  connected: atConnection,
  greeting: () => atReply((stage) => stage === 'greeting'),
  ehlo: () => atWrite((bytes) => /^EHLO /m.test(bytes)),
  auth: () => atWrite((bytes) => /^AUTH /m.test(bytes)),
  mail: () => atWrite((bytes) => /^MAIL /m.test(bytes)),
  rcpt: () => atWrite((bytes) => /^RCPT /m.test(bytes)),
  'go-ahead': () => atReply((stage, code) => stage === 'data' && code === 354),
  'fence-before': () => atStatement(FENCE, 'before'),
  'fence-sent': () => atStatement(FENCE, 'sent'),
  'fence-committed': () => atStatement(FENCE, 'answered'),
  'first-byte': () => atContent('first'),
  'last-byte': atEndOfContent,
  'dot-before': () => atContent('dot', 'before'),
  'dot-written': () => atContent('dot'),
  // The server tells when it has taken the mail.
  'dot-to-reply': () => void process.on('SIGUSR2', reached),
  'reply-heard': () => atReply((stage, code) => stage === 'dot' && code === 250),
  'settle-before': () => atStatement(SETTLE, 'before'),
  'settle-sent': () => atStatement(SETTLE, 'sent'),
  'settle-committed': () => atStatement(SETTLE, 'answered'),
  'follow-up-made': atFollowUp,
}

if (order.point) INSTALL[order.point]()

/** A statement before it is sent; when its bytes are with the system; or when its answer has come, and nobody has seen it. */
function atStatement(
  { is, inPlanner = false, counts = () => true }: Statement,
  moment: 'before' | 'sent' | 'answered',
): void {
  if (inPlanner === isMainThread) return
  const answered = (result: Answer | undefined): void => {
    if (result?.rows.some(counts)) reached()
  }
  around(Client.prototype, 'query', (query, args) => {
    const [what] = args as [string | { text?: string; name?: string }]
    const text = typeof what === 'string' ? what : `${what.name ?? ''} ${what.text ?? ''}`
    if (!text.includes(is)) return query(...args)
    if (moment === 'answered') return askAnd(query, args, answered)
    if (moment === 'before') reached()
    const result = query(...args)
    if (moment === 'sent') reached()
    return result
  })
}

interface Answer {
  rows: Record<string, unknown>[]
}

/** The driver answers a callback where it is given one (a pool does), else a promise. */
function askAnd(query: Method, args: unknown[], answered: (result: Answer | undefined) => void): unknown {
  const callback = args.at(-1)
  if (typeof callback !== 'function') {
    return (query(...args) as Promise<Answer>).then((result) => {
      answered(result)
      return result
    })
  }
  const told = (error: unknown, result: Answer | undefined): void => {
    answered(result)
    Reflect.apply(callback, undefined, [error, result])
  }
  return query(...args.slice(0, -1), told)
}

/** TCP is up, and the greeting is being waited for. */
function atConnection(): void {
  around(Transcript.prototype, 'enter', (enter, [stage]) => {
    enter(stage)
    if (stage === 'greeting') reached()
  })
}

/** A complete reply of the server, before anything is done with it. */
function atReply(fits: (stage: Stage, code: number) => boolean): void {
  around(Transcript.prototype, 'heard', (heard, [reply], transcript) => {
    if (fits(transcript.stage, (reply as Reply).code)) reached()
    return heard(reply)
  })
}

/** Bytes to the mail server, when they are with the system. Below `write`, which only collects them where a client sends several lines at once. */
function atWrite(fits: (bytes: string, socket: net.Socket) => boolean, moment: 'before' | 'written' = 'written'): void {
  const atBytes =
    (bytesOf: (given: unknown) => string) =>
    (write: Method, args: unknown[], socket: net.Socket): void => {
      const fitting = socket.remotePort === order.smtpPort && fits(bytesOf(args[0]), socket)
      if (fitting && moment === 'before') reached()
      write(...args)
      if (fitting && moment === 'written') reached()
    }
  around(net.Socket.prototype, '_write', atBytes(toText))
  around(
    net.Socket.prototype,
    '_writev',
    atBytes((pieces) => (pieces as { chunk: unknown }[]).map(({ chunk }) => toText(chunk)).join('')),
  )
}

function toText(bytes: unknown): string {
  return Buffer.from(bytes as string | Uint8Array).toString('latin1')
}

/** The first piece behind DATA, or the dot, which nodemailer writes apart from what is before it. */
function atContent(piece: 'first' | 'dot', moment: 'before' | 'written' = 'written'): void {
  const inContent = new WeakMap<net.Socket, number>()
  atWrite((bytes, socket) => {
    const pieces = inContent.get(socket)
    if (bytes.endsWith('DATA\r\n')) inContent.set(socket, 0)
    if (pieces === undefined || bytes === '') return false
    inContent.set(socket, pieces + 1)
    const isDot = bytes === '.\r\n' || bytes === '\r\n.\r\n'
    if (isDot) inContent.delete(socket)
    return piece === 'dot' ? isDot : pieces === 0
  }, moment)
}

/** Whether everything has left is asked just before the dot is decided about. */
function atEndOfContent(): void {
  around(SmtpSession.prototype, 'unsentBytes', (unsentBytes) => {
    const left = unsentBytes()
    if (left === 0) reached()
    return left
  })
}

/** A mail has ended, and its follow-up wants a slot. */
function atFollowUp(): void {
  around(Planning.prototype, 'request', (request) => {
    reached()
    return request()
  })
}

type Method = (...args: unknown[]) => unknown

/** Puts something around a method of all objects of a class; it gets the method, bound, and decides whether and when to call it. */
function around<Target extends object>(
  prototype: Target,
  name: keyof Target,
  call: (method: Method, args: unknown[], self: Target) => unknown,
): void {
  const method = prototype[name] as Method
  Object.assign(prototype, {
    [name](this: Target, ...args: unknown[]): unknown {
      return call((...given) => Reflect.apply(method, this, given), args, this)
    },
  })
}
