/**
 * One SMTP connection, from the socket to its end. Nodemailer's `SMTPConnection` speaks the protocol; the session owns the
 * socket, the transcript of what was said, and the time: each phase has its limit, and whatever ends a dialogue without a reply
 * ends the connection with it, at once and without QUIT or RSET (behind a 354 these would be content).
 *
 * One operation at a time: open, transmit, reset or quit. Each resolves, and never rejects: to null when nodemailer has finished
 * it, to the failure otherwise. Whether the server said yes or no stands in the transcript.
 */
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import SMTPConnection from 'nodemailer/lib/smtp-connection'
import { assert, messageOf } from '../errors.ts'
import { connectionOptions, type Failure, openSocket, silence, type SmtpAccount, socketFailure } from './connection.ts'
import type { Deadlines } from './deadlines.ts'
import { hideLogin, logIn } from './login.ts'
import { isMessageId } from './message-id.ts'
import { type Heard, ReplyReader, withoutControls } from './reply.ts'
import { type Stage, Transcript } from './transcript.ts'

export class SmtpSession {
  readonly transcript = new Transcript((stage) => this.#startPhase(stage))
  /** Connected, and logged in where the account has a login. */
  isOpen = false
  /** What ended the session; null while it lives. */
  failure: Failure | null = null
  /** The Message-ID that the server gave the last accepted mail instead of ours, where its reply names one. */
  serverMessageId: string | null = null
  #account: SmtpAccount
  #deadlines: Deadlines
  #socket: Socket | null = null
  #tapped = new WeakSet<Socket>()
  /** The server has said something, if only a piece of a line. */
  #isHeard = false
  #smtp: SMTPConnection | null = null
  #phaseTimer: NodeJS.Timeout | undefined
  #finish: ((failure: Failure | null) => void) | null = null

  constructor(account: SmtpAccount, deadlines: Deadlines) {
    this.#account = account
    this.#deadlines = deadlines
  }

  /** Connects, greets, upgrades and logs in, as the account says. */
  async open(): Promise<Failure | null> {
    const failure = await this.#operation(() => {
      this.transcript.enter('connect')
      try {
        this.#socket = openSocket(this.#account, {
          onHandshake: () => this.transcript.enter('tls'),
          onReady: () => this.#greet(),
          onFailure: (failure) => this.end(failure),
        })
      } catch (error) {
        // Node throws where a port or a TLS option cannot be.
        this.end({ kind: 'unreachable', text: messageOf(error) })
      }
    })
    this.isOpen = failure === null
    return failure
  }

  /** Sends one mail to one recipient. The content's first byte is read after the 354. */
  transmit(envelope: { from: string; to: string }, content: Readable): Promise<Failure | null> {
    const smtp = this.#smtp
    assert(smtp, 'a mail is sent through an open session')
    this.transcript.turnToNextMail()
    this.serverMessageId = null
    return this.#operation(() => {
      smtp.send({ from: envelope.from, to: [envelope.to] }, content, (error, info) => {
        if (!error && isMessageId(info.serverMessageId ?? '')) this.serverMessageId = info.serverMessageId ?? null
        this.#finished(error)
      })
    })
  }

  /** Ends a refused mail's transaction, so that the next one can use the connection. */
  reset(): Promise<Failure | null> {
    const smtp = this.#smtp
    assert(smtp, 'only an open session is reset')
    return this.#operation(() => {
      this.#startTimer('reset', this.#deadlines.phaseMs)
      smtp.reset((error) => (error ? this.end({ kind: 'protocol', text: messageOf(error) }) : this.#finished(null)))
    })
  }

  /** Takes leave politely; the connection is gone when this resolves. */
  async quit(): Promise<void> {
    const smtp = this.#smtp
    if (!smtp || this.failure) return
    await this.#operation(() => {
      this.#startTimer('quit', Math.min(QUIT_MS, this.#deadlines.phaseMs))
      smtp.quit()
    })
    this.end({ kind: 'cancelled', text: 'the connection was ended' })
  }

  /** Ends the connection at once. The first reason stays. */
  end(failure: Failure): void {
    if (this.failure) return
    this.failure = failure
    clearTimeout(this.#phaseTimer)
    this.#smtp?.close()
    this.#socket?.destroy()
    this.#conclude(failure)
  }

  /** The time runs anew, since a block of content has gone out. */
  progressed(): void {
    this.#startPhase(this.transcript.stage)
  }

  /** How many bytes were written that have not left this process. */
  unsentBytes(): number {
    return this.#currentSocket()?.writableLength ?? 0
  }

  /** Resolves when all that was written has left this process; never at once. */
  async flushed(): Promise<void> {
    const socket = this.#currentSocket()
    await new Promise<void>((resolve) => {
      // There is no event for it (`drain` only follows a full buffer), but each write has a callback.
      if (socket && socket.writableLength > 0) socket.write(NOTHING, () => resolve())
      else setImmediate(resolve)
    })
  }

  #operation(start: () => void): Promise<Failure | null> {
    assert(!this.#finish, 'a session does one thing at a time')
    if (this.failure) return Promise.resolve(this.failure)
    return new Promise((resolve) => {
      this.#finish = resolve
      start()
    })
  }

  #conclude(failure: Failure | null): void {
    const finish = this.#finish
    this.#finish = null
    finish?.(failure)
  }

  /** Nodemailer is done with the operation: well, by a refusal (which the transcript has), or by something else. */
  #finished(error: Error | null | undefined): void {
    clearTimeout(this.#phaseTimer)
    if (!error) return this.#conclude(null)
    // It repeats what the server said.
    const text = hideLogin(withoutControls(socketFailure(error).text), this.#account.auth)
    if (this.transcript.refusal) return this.#conclude({ kind: 'refused', text })
    this.end({ ...socketFailure(error), text })
  }

  #greet(): void {
    const socket = this.#socket
    assert(socket, 'a socket that is ready exists')
    this.#tap(socket)
    this.transcript.enter('greeting')
    // Nodemailer's own timers stay behind ours: theirs do not say which phase they ended, and its socket timeout counts silence only.
    const timersMs = this.#deadlines.attemptMs + this.#deadlines.dotMs
    const log = { transactionLog: true, logger: this.#commandLog() }
    const smtp = new SMTPConnection({ ...connectionOptions(this.#account, timersMs), ...log, connection: socket })
    this.#smtp = smtp
    smtp.on('error', (error: Error) => this.#finished(error))
    smtp.on('end', () => this.end({ kind: 'lost', text: 'the connection was closed' }))
    smtp.connect((error) => (error ? this.#finished(error) : this.#login()))
  }

  #login(): void {
    const { auth } = this.#account
    const smtp = this.#smtp
    if (!auth || !smtp) return this.#finished(null)
    logIn(smtp, auth, (error) => this.#finished(error))
  }

  /** Nodemailer logs each command just before it writes it, secrets masked. Nothing of it is kept. */
  #commandLog(): CommandLog {
    const debug = (entry: unknown, text?: unknown): void => {
      if ((entry as { tnx?: unknown }).tnx !== 'client' || typeof text !== 'string') return
      const socket = this.#currentSocket()
      // After STARTTLS the dialogue goes on in a new socket, which is listened to from its first command on.
      if (socket && !this.#tapped.has(socket)) this.#tap(socket)
      this.transcript.wrote(text)
    }
    return { trace: IGNORED, debug, info: IGNORED, warn: IGNORED, error: IGNORED, fatal: IGNORED }
  }

  /** The plain socket, or after STARTTLS the one that nodemailer has put around it. */
  #currentSocket(): Socket | null {
    // oxlint-disable-next-line no-underscore-dangle -- declared in nodemailer's types; nothing else leads to the upgraded socket
    return this.#smtp?._socket || this.#socket
  }

  /** Hears what the server says, before nodemailer does; prepending does not start the flow of data. */
  #tap(socket: Socket): void {
    this.#tapped.add(socket)
    const reader = new ReplyReader()
    const onData = (chunk: Buffer): void => {
      this.#isHeard = true
      for (const heard of reader.read(chunk)) this.#hear(heard)
      if (this.transcript.stage !== 'tls') return
      // Behind STARTTLS's 220 the bytes and the end of the plain socket are the handshake's.
      socket.removeListener('data', onData)
      socket.removeListener('end', onEnd)
    }
    // A server that closes its side says no more: what it owes is lost, whatever becomes of the socket. What it has said before
    // may still be on its way through nodemailer, hence not at once.
    const onEnd = (): void => {
      setImmediate(() => this.end({ kind: 'lost', text: 'the server closed the connection' }))
    }
    socket.prependListener('data', onData)
    socket.once('end', onEnd)
  }

  #hear({ reply, problem }: Heard): void {
    // Behind something that has no place, nothing is believed any more.
    if (this.failure) return
    const bare = (text: string): string =>
      this.transcript.stage === 'auth' ? hideLogin(text, this.#account.auth) : text
    const complaint = reply ? this.transcript.heard({ ...reply, text: bare(reply.text) }) : bare(problem)
    if (complaint !== null) {
      const end = (): void => this.end({ kind: 'protocol', text: complaint })
      // Behind a yes in the same packet nodemailer comes first: it reads the Message-ID in it.
      return this.transcript.acceptance ? queueMicrotask(end) : end()
    }
    // While the fence is asked, the server is not waited for.
    if (this.transcript.mayTransmit) clearTimeout(this.#phaseTimer)
  }

  #startPhase(stage: Stage): void {
    if (stage === 'body') this.#startTimer(stage, this.#deadlines.blockMs)
    else if (stage === 'dot') this.#startTimer(stage, this.#deadlines.dotMs)
    else this.#startTimer(stage, this.#deadlines.phaseMs)
  }

  #startTimer(what: string, ms: number): void {
    clearTimeout(this.#phaseTimer)
    if (this.failure) return
    const late = (): void => {
      const isSilent = what === 'greeting' && !this.#isHeard
      this.end({ kind: 'timeout', text: isSilent ? silence(this.#account, ms) : `no end of ${what} within ${ms} ms` })
    }
    this.#phaseTimer = setTimeout(late, ms)
  }
}

type CommandLog = Record<'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal', (...said: unknown[]) => void>
const IGNORED = (): void => undefined
const NOTHING = Buffer.alloc(0)

/** How long a server is given to answer QUIT. */
const QUIT_MS = 2_000
