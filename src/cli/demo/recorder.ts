/**
 * The demo's mail server: speaks real SMTP, delivers nothing, and keeps a record of what it took.
 *
 * Owns       the record. A mail counts from the moment its final dot has come, whether or not its sender still hears the answer: that is
 *            what a real server may do too, and the only way to see a mail that is sent twice.
 * Promises   to listen on the loopback interface only.
 * Leaves     what a mail is (which campaign, which step) to whoever counts: the record holds what was spoken, and when.
 */
// date: its clock is the machine's, so that the record can be held against the ledger
import type { AddressInfo, Socket } from 'node:net'
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server'
import { GoniecError } from '../../errors.ts'
import { normaliseAddress } from '../../leads/address.ts'

/** One mail whose final dot has come. Times are epoch milliseconds. */
export interface RecordedMail {
  from: string
  to: string
  /** Header fields by lower-case name, unfolded; the first of a name. */
  headers: ReadonlyMap<string, string>
  messageId: string
  /** The content was asked for (354): its sender passes the fence after this … */
  askedAtMs: number
  /** … and before this, when the first byte of the content came. */
  contentAtMs: number
  acceptedAtMs: number
}

/** A sender that is kept waiting for an answer. `messageId` is known after the dot only. */
export interface Held {
  stage: 'rcpt' | 'dot'
  from: string
  to: string
  messageId: string | undefined
}

/** At which stage the mail of this envelope is held, if at all. */
type WhereToHold = (envelope: { from: string; to: string }) => Held['stage'] | undefined

export class Recorder {
  readonly mails: RecordedMail[] = []
  #server: SMTPServer
  #sockets = new Set<Socket>()
  #whereToHold: WhereToHold = () => undefined
  #held = new Set<Held>()
  #released = Promise.withResolvers<void>()

  constructor() {
    this.#server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS', 'AUTH'],
      hidePIPELINING: false,
      disableReverseLookup: true,
      logger: false,
      closeTimeout: 100,
      onRcptTo: ({ address }, session, done) => {
        void answerAfter(this.#holdAt('rcpt', { from: senderOf(session), to: inOneForm(address) }), done)
      },
      onData: (stream, session, done) => void answerAfter(this.#take(stream, session), done),
    })
    this.#server.server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket.on('close', () => this.#sockets.delete(socket)))
    })
    // Senders that break off are a part of the show.
    this.#server.on('error', () => undefined)
  }

  get port(): number {
    return (this.#server.server.address() as AddressInfo).port
  }

  get held(): readonly Held[] {
    return [...this.#held]
  }

  /** Listens on this port of the loopback interface; 0: any free one. */
  async open(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error) => reject(explain(error, port)))
      this.#server.listen(port, '127.0.0.1', resolve)
    })
  }

  /** From now on answers are held where `where` says. Before the dot the sender has put nothing on the wire; after it, all. */
  hold(where: WhereToHold): void {
    this.#released = Promise.withResolvers()
    this.#whereToHold = where
  }

  /** Gives all held answers, and holds no more. */
  release(): void {
    this.#whereToHold = () => undefined
    this.#released.resolve()
  }

  /** Breaks every connection and stops listening. */
  async close(): Promise<void> {
    this.release()
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  async #take(stream: SMTPServerDataStream, session: SMTPServerSession): Promise<void> {
    const askedAtMs = Date.now()
    const { raw, contentAtMs } = await whole(stream)
    const headers = readHeaders(raw)
    const messageId = headers.get('message-id') ?? ''
    const envelope = { from: senderOf(session), to: inOneForm(session.envelope.rcptTo[0]?.address ?? '') }
    this.mails.push({ ...envelope, headers, messageId, askedAtMs, contentAtMs, acceptedAtMs: Date.now() })
    await this.#holdAt('dot', envelope, messageId)
  }

  async #holdAt(stage: Held['stage'], envelope: { from: string; to: string }, messageId?: string): Promise<void> {
    if (this.#whereToHold(envelope) !== stage) return
    const held: Held = { stage, ...envelope, messageId }
    this.#held.add(held)
    await this.#released.promise
    this.#held.delete(held)
  }
}

async function answerAfter(work: Promise<void>, done: () => void): Promise<void> {
  await work
  done()
}

function senderOf({ envelope: { mailFrom } }: SMTPServerSession): string {
  return mailFrom === false ? '' : inOneForm(mailFrom.address)
}

/** smtp-server shows international domains as people read them. */
function inOneForm(address: string): string {
  const read = normaliseAddress(address)
  return read.problem === undefined ? read.address : address
}

function explain(error: Error, port: number): GoniecError {
  const code = 'code' in error ? error.code : undefined
  if (code === 'EADDRINUSE') {
    return new GoniecError('demo_port', `port ${port} of 127.0.0.1 is in use by another program`, {
      hint: 'leave --port out: then the recorder takes a free one',
      cause: error,
    })
  }
  return new GoniecError('demo_port', `the recorder cannot listen on port ${port} of 127.0.0.1: ${error.message}`, {
    hint: 'leave --port out: then the recorder takes a free one',
    cause: error,
  })
}

/** The content once its final dot has come. A mail that is cut off before never counts: `end` does not come. */
async function whole(stream: SMTPServerDataStream): Promise<{ raw: Buffer; contentAtMs: number }> {
  const chunks: Buffer[] = []
  let contentAtMs = 0
  stream.on('data', (chunk: Buffer) => {
    if (chunks.length === 0) contentAtMs = Date.now()
    chunks.push(chunk)
  })
  await new Promise<void>((resolve) => stream.on('end', resolve))
  return { raw: Buffer.concat(chunks), contentAtMs }
}

function readHeaders(raw: Buffer): ReadonlyMap<string, string> {
  const head = raw.toString('utf8').split('\r\n\r\n', 1)[0] ?? ''
  const headers = new Map<string, string>()
  for (const field of head.replaceAll(/\r\n[ \t]+/g, ' ').split('\r\n')) {
    const [, name = '', value = ''] = /^([^:]+):\s*(.*)$/.exec(field) ?? []
    if (!headers.has(name.toLowerCase())) headers.set(name.toLowerCase(), value)
  }
  return headers
}
