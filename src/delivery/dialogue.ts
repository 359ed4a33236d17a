/**
 * The SMTP side of the protocol: hands one mail to a mailbox's server, with the fence between the server's 354 and the first
 * byte of content, and says exactly how far it came.
 *
 * It owns a mailbox's connection: one at a time, kept for a moment after each mail, and replaced unseen where a kept one turns
 * out to be dead at MAIL. It promises that no content leaves before the fence has passed, that no final dot leaves before
 * `released` is set, and that every call ends within the deadlines, whatever the server does. It decides nothing: what a result
 * means for the message stands in outcomes.ts. It knows no database.
 */
import { type Failure, type FailureKind, type SmtpAccount } from './connection.ts'
import type { Deadlines } from './deadlines.ts'
import type { Clocks } from './elapsed.ts'
import { toEnvelopeAddress } from './envelope.ts'
import { type Fence, type FenceState, GatedMail, tooLate } from './gated-mail.ts'
import { type Reply, showReply } from './reply.ts'
import { SmtpSession } from './session.ts'
import type { Stage } from './transcript.ts'

export interface Mail {
  /** The envelope's sender and its one recipient: plain addresses. */
  from: string
  to: string
  /** The finished mail: headers and body, CRLF line ends, not yet dot-stuffed. */
  mail: Buffer
  fence: Fence
  /** Ends the dialogue at once. Behind the dot this makes the outcome unknown. */
  signal?: AbortSignal
}

/** How far a mail came, and what the server said. */
export interface DialogueResult {
  /** Where it ended: what was being waited for, or what the deciding reply answered. */
  stage: Stage
  /** The deciding reply, complete; null where none came. */
  reply: Reply | null
  /** MAIL FROM was written. */
  offered: boolean
  fence: FenceState
  /** The end of the content was released: without a reply from here on, nobody knows. */
  released: boolean
  /** Null where the server accepted the mail. */
  failure: FailureKind | null
  /** What went wrong, for people; empty where nothing did. */
  error: string
  /** The Message-ID that the server says it gave the mail instead of ours (Outlook and Amazon do), with angle brackets. */
  serverMessageId: string | null
  durationMs: number
}

export class MailboxConnection {
  #account: SmtpAccount
  #deadlines: Deadlines
  #clocks: Clocks | undefined
  #session: SmtpSession | null = null
  #idleTimer: NodeJS.Timeout | undefined
  #resetting: Promise<unknown> = Promise.resolve()
  #busy = false
  #last: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(account: SmtpAccount, deadlines: Deadlines, clocks?: Clocks) {
    this.#account = account
    this.#deadlines = deadlines
    this.#clocks = clocks
  }

  /**
   * Sends one mail, one at a time: where a lease was over in the middle of a dialogue, the mailbox's next mail waits here for the end of that one.
   * Resolves in any case; it rejects only for a mistake of ours.
   */
  async send(mail: Mail): Promise<DialogueResult> {
    const sending = this.#last.then(() => this.#sendNow(mail))
    this.#last = sending.catch(() => undefined) // Told to whoever gave that one.
    return sending
  }

  async #sendNow(mail: Mail): Promise<DialogueResult> {
    const startedMs = performance.now()
    this.#busy = true
    clearTimeout(this.#idleTimer)
    try {
      return { ...(await this.#send(mail)), durationMs: performance.now() - startedMs }
    } finally {
      this.#busy = false
      if (this.#closed) await this.close()
      else this.#keep()
    }
  }

  /** Connects and logs in, and sends nothing: for a check of the mailbox. `stage` tells how far it came, `failure` is null if it worked. */
  async tryLogin(): Promise<DialogueResult> {
    const startedMs = performance.now()
    const session = new SmtpSession(this.#account, this.#deadlines)
    const timer = endAfter(session, this.#deadlines.beforeFenceMs)
    const failure = await session.open()
    clearTimeout(timer)
    const result = resultOf(session, null, failure)
    await session.quit()
    session.end(CLOSED)
    return { ...result, durationMs: performance.now() - startedMs }
  }

  /** Whether the next mail would go over a connection that is there already, and logged in. */
  get isKept(): boolean {
    return this.#session !== null && !this.#session.failure
  }

  /** Ends the kept connection, politely; one that is in use is ended after its mail. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#busy) return
    clearTimeout(this.#idleTimer)
    await this.#endKept()
  }

  async #send(mail: Mail): Promise<Timeless> {
    const from = toEnvelopeAddress(mail.from)
    const to = toEnvelopeAddress(mail.to)
    if (from.problem !== null) return unconnected('invalid_sender', `the sender ${from.problem}`)
    if (to.problem !== null) return unconnected('invalid_recipient', `the recipient ${to.problem}`)
    const envelope = { from: from.address, to: to.address }
    const endsAtMs = performance.now() + this.#deadlines.beforeFenceMs
    if (!mail.signal?.aborted) await this.#resetting
    // Behind that: what the signal says meanwhile it does not say once more.
    if (mail.signal?.aborted) return unconnected('cancelled', 'the caller gave up')
    const { isKept } = this
    const first = await this.#attempt(mail, envelope, endsAtMs)
    if (!isKept || !isKeptOneSpent(first)) return first
    this.#session?.end(CLOSED)
    return { ...(await this.#attempt(mail, envelope, endsAtMs)), offered: true }
  }

  async #attempt(mail: Mail, envelope: { from: string; to: string }, endsAtMs: number): Promise<Timeless> {
    const session = this.#usableSession()
    const content = this.#gate(mail, session, () => clearTimeout(timer))
    const timer = endAfter(session, Math.max(1, endsAtMs - performance.now()))
    const cancel = (): void => session.end({ kind: 'cancelled', text: 'the caller gave up' })
    mail.signal?.addEventListener('abort', cancel, { once: true })
    const opened = session.isOpen ? session.failure : await session.open()
    const failure = opened ?? (await session.transmit(envelope, content))
    mail.signal?.removeEventListener('abort', cancel)
    clearTimeout(timer)
    const result = resultOf(session, content, failure)
    content.destroy()
    this.#afterwards(session, result)
    return result
  }

  #usableSession(): SmtpSession {
    if (!this.#session || this.#session.failure) this.#session = new SmtpSession(this.#account, this.#deadlines)
    return this.#session
  }

  #gate(mail: Mail, session: SmtpSession, onPassed: () => void): GatedMail {
    let dotTimer: NodeJS.Timeout | undefined
    const { dotWithinMs } = this.#deadlines
    const gated = new GatedMail({
      mail: mail.mail,
      fence: mail.fence,
      dotWithinMs,
      mayTransmit: () => session.transcript.mayTransmit && !session.failure,
      onPassed: () => {
        onPassed()
        session.transcript.beginBody()
        dotTimer = setTimeout(() => session.end(tooLate(dotWithinMs, dotWithinMs)), dotWithinMs)
      },
      onProgress: () => session.progressed(),
      onRelease: () => {
        clearTimeout(dotTimer)
        session.transcript.releaseDot()
      },
      onStop: (failure) => session.end(failure),
      unsentBytes: () => session.unsentBytes(),
      flushed: () => session.flushed(),
      ...(this.#clocks ? { clocks: this.#clocks } : {}),
    })
    gated.once('close', () => clearTimeout(dotTimer))
    return gated
  }

  /** A connection is kept where the server knows that the mail is over: accepted, or refused and reset. The result does not wait. */
  #afterwards(session: SmtpSession, result: Timeless): void {
    if (result.failure === null || session.failure) return
    const isOver = result.failure === 'refused' && result.fence === 'not_reached' && result.offered
    if (isOver) this.#resetting = session.reset()
    else session.end(CLOSED)
  }

  #keep(): void {
    if (!this.#session || this.#session.failure) {
      this.#session = null
      return
    }
    this.#idleTimer = setTimeout(() => void this.#endKept(), this.#deadlines.idleMs)
    this.#idleTimer.unref()
  }

  async #endKept(): Promise<void> {
    const session = this.#session
    this.#session = null
    await this.#resetting
    await session?.quit()
    session?.end(CLOSED)
  }
}

type Timeless = Omit<DialogueResult, 'durationMs'>

const CLOSED: Failure = { kind: 'cancelled', text: 'the connection was ended' }

function endAfter(session: SmtpSession, ms: number): NodeJS.Timeout {
  const text = 'the time that is given to all before the content was over'
  return setTimeout(() => session.end({ kind: 'timeout', text }), ms)
}

/** The transcript knows better than the error: a complete reply decides, whatever ended the connection afterwards. */
function resultOf(session: SmtpSession, content: GatedMail | null, failure: Failure | null): Timeless {
  const { transcript } = session
  const common = {
    offered: transcript.offered,
    fence: content?.fence ?? ('not_reached' as const),
    released: content?.released ?? false,
    serverMessageId: null,
  }
  if (transcript.acceptance && common.released) {
    const accepted = { stage: 'dot' as const, reply: transcript.acceptance, failure: null, error: '' }
    return { ...common, ...accepted, serverMessageId: session.serverMessageId }
  }
  const own = session.failure ?? failure
  if (transcript.refusal && own?.kind !== 'fence_refused' && own?.kind !== 'too_late_at_dot') {
    const { stage, reply } = transcript.refusal
    return { ...common, stage, reply, failure: 'refused', error: showReply(reply) }
  }
  if (!content && !own) return { ...common, stage: transcript.stage, reply: null, failure: null, error: '' }
  const { kind, text } = own ?? { kind: 'protocol' as const, text: 'the dialogue ended without a reply' }
  return { ...common, stage: transcript.stage, reply: transcript.earlyYes, failure: kind, error: text }
}

function unconnected(failure: FailureKind, error: string): Timeless {
  const nothing = { reply: null, offered: false, fence: 'not_reached' as const, released: false, serverMessageId: null }
  return { stage: 'connect', failure, error, ...nothing }
}

/** What comes at MAIL on a connection that has carried mails may be about it alone (its idle time, its most mails), also a no: a new one tells. */
function isKeptOneSpent({ stage, fence, failure }: Timeless): boolean {
  return stage === 'mail' && fence === 'not_reached' && failure !== 'cancelled'
}
