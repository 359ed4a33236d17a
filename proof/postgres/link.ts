/**
 * One connection through the proxy: a client's socket, a server's socket, and the statements between them.
 *
 * A client's messages are kept until they ask for an answer (Sync, or a simple query), so that a statement passes whole or not at all; a
 * server's until the answer is complete (ReadyForQuery). What belongs to no statement passes at once.
 */
import { connect, type Socket } from 'node:net'
import type { Proxy } from './proxy.ts'
import { Prepared, readBackendPid, readComplaint, readStartup, Splitter, type Message } from './wire.ts'

export interface Statement {
  text: string
  /** As the session calls itself: `goniec worker`, `goniec worker session`, `goniec engine`, `goniec plan`. */
  application: string
}

/** A statement that was stopped. */
export interface Caught extends Statement {
  link: Link
  /** The process that serves it. */
  pid: number
  /** What the server answered, where the answer is held: a command's tag, such as `SELECT 1`, or an SQLSTATE. */
  answer: string
  /** Lets it pass. */
  release(): void
  /** What the server answers, once it is let pass, whether or not the client is still there to hear it. Open for ever where the connection ends before. */
  answered: Promise<string>
}

interface Outstanding {
  statement: Statement
  replied: ((answer: string, release: () => void) => void) | undefined
  answered: (answer: string) => void
}

export class Link {
  pid = 0
  application = ''
  readonly #client: Socket
  readonly #server: Socket
  readonly #proxy: Proxy
  readonly #fromClient = new Splitter({ untyped: true })
  readonly #fromServer = new Splitter({ untyped: false })
  readonly #prepared = new Prepared()
  #request: { parts: Buffer[]; text: string } = { parts: [], text: '' }
  #reply: { parts: Buffer[]; answer: string } = { parts: [], answer: '' }
  #outstanding: Outstanding[] = []
  #isReady = false
  #isSilent = false
  #isOrphan = false
  /** Resolves when the client has closed its side. */
  readonly closed: Promise<void>

  constructor(client: Socket, proxy: Proxy) {
    this.#client = client
    this.#proxy = proxy
    this.#isSilent = proxy.mute
    this.#server = connect({ port: proxy.target, host: '127.0.0.1', noDelay: true })
    client.setNoDelay(true)
    client.on('data', (chunk) => this.#isSilent || this.#asked(chunk))
    this.#server.on('data', (chunk) => this.#isSilent || this.#answered(chunk))
    // How either side ended is told by its `close`.
    client.on('error', () => undefined)
    this.#server.on('error', () => undefined)
    this.closed = new Promise((resolve) => client.once('close', () => resolve()))
    client.once('close', () => this.#isOrphan || this.#server.destroy())
    this.#server.once('close', (hadError) => this.#isSilent || this.#serverGone(hadError))
  }

  /** A TCP reset towards the client; the server sees its connection end. */
  reset(): void {
    this.#client.resetAndDestroy()
    this.#server.destroy()
  }

  /** From now on nothing passes, and nobody is told: a firewall that has forgotten the connection. */
  silence(): void {
    this.#isSilent = true
  }

  /** A TCP reset towards the client; the server's side stays, with what is still on its way to it. */
  orphan(): void {
    this.#isOrphan = true
    this.#client.resetAndDestroy()
  }

  /** Ends what an orphan still has. */
  end(): void {
    this.#server.destroy()
  }

  #asked(chunk: Buffer): void {
    for (const message of this.#fromClient.take(chunk)) this.#takeRequest(message)
  }

  #takeRequest(message: Message): void {
    const { type, raw } = message
    if (type === '') this.application = readStartup(message).get('application_name') ?? ''
    if (!this.#isReady || 'XdcfpH'.includes(type)) return void this.#server.write(raw)
    const text = this.#prepared.textOf(message)
    this.#request.parts.push(raw)
    if (text !== undefined) this.#request.text = text
    if (type !== 'S' && type !== 'Q') return
    const { parts, text: whole } = this.#request
    this.#request = { parts: [], text: '' }
    this.#send({ text: whole, application: this.application }, Buffer.concat(parts))
  }

  #send(statement: Statement, bytes: Buffer): void {
    const judged = this.#proxy.judge(statement)
    const { promise: answered, resolve } = Promise.withResolvers<string>()
    const entry: Outstanding = { statement, replied: undefined, answered: resolve }
    const pass = (): void => {
      this.#outstanding.push(entry)
      this.#server.write(bytes)
    }
    const caught = (answer: string, release: () => void): void =>
      judged?.caught({ ...statement, link: this, pid: this.pid, answer, release, answered })
    if (judged?.at === 'request') return caught('', pass)
    if (judged?.at === 'reply') entry.replied = caught
    pass()
    if (judged?.at === 'sent') caught('', () => undefined)
  }

  #answered(chunk: Buffer): void {
    for (const message of this.#fromServer.take(chunk)) this.#takeReply(message)
  }

  #takeReply(message: Message): void {
    const { type, raw } = message
    if (type === 'K') this.pid = readBackendPid(message)
    if (type === 'E') {
      const complaint = readComplaint(message)
      this.#proxy.complaints.push({ application: this.application, ...complaint })
      this.#reply.answer = complaint.code
    }
    if (type === 'C') this.#reply.answer = message.body.subarray(0, -1).toString()
    const [entry] = this.#outstanding
    if (!entry) {
      this.#isReady ||= type === 'Z'
      return this.#toClient(raw)
    }
    this.#reply.parts.push(raw)
    // Copying goes on in both directions before the statement is over; a session that is ended says nothing after its last complaint.
    if (type !== 'Z' && !'GHd'.includes(type)) return
    const { parts, answer } = this.#reply
    const bytes = Buffer.concat(parts)
    this.#reply = { parts: [], answer: type === 'Z' ? '' : answer }
    if (type === 'Z') this.#outstanding.shift()
    const pass = (): void => this.#toClient(bytes)
    if (type === 'Z') entry.answered(answer)
    if (type === 'Z' && entry.replied) entry.replied(answer, pass)
    else pass()
  }

  /** What it said last, a session's end for example, still reaches the client. */
  #serverGone(hadError: boolean): void {
    if (hadError) return void this.#client.resetAndDestroy()
    for (const part of this.#reply.parts) this.#client.write(part)
    this.#client.destroySoon()
  }

  #toClient(bytes: Buffer): void {
    const { delayMs } = this.#proxy
    if (delayMs === 0 || !this.#isReady) this.#client.write(bytes)
    else setTimeout(() => this.#deliver(bytes), delayMs)
  }

  #deliver(bytes: Buffer): void {
    this.#proxy.delayed += 1
    this.#client.write(bytes)
  }
}
