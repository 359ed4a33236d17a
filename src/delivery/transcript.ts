/**
 * What was said in one SMTP connection, and by that: where the dialogue stands. Nodemailer's errors do not tell a connection lost
 * at EHLO from one lost behind the final dot, so goniec keeps its own account: the commands as they are written, the replies as
 * they are complete, each reply matched to the oldest command that has none (with PIPELINING several wait at once).
 *
 * The content counts as three commands in turn, all answered by one reply: `data` from the 354 until the fence has passed,
 * `body` until the end of the stream is released, `dot` from then on.
 */
import type { Reply } from './reply.ts'

/** Where a dialogue stands, or where it ended. */
export type Stage =
  'connect' | 'tls' | 'greeting' | 'ehlo' | 'starttls' | 'auth' | 'mail' | 'rcpt' | 'data' | 'body' | 'dot'

export interface Refusal {
  stage: Stage
  reply: Reply
}

export class Transcript {
  /** The server's first no in this mail's envelope, or its last one while the session was set up. */
  refusal: Refusal | null = null
  /** The complete 2xx reply to the final dot. */
  acceptance: Reply | null = null
  /** A yes in the middle of content: something was taken, and nobody knows what. */
  earlyYes: Reply | null = null
  /** MAIL FROM has been written for this mail. */
  offered = false
  /** DATA was answered by 354, and the content has not been answered yet. */
  mayTransmit = false
  #unanswered: (Stage | 'other')[] = []
  #last: Stage = 'connect'
  #challenges = 0
  #onStage: (stage: Stage) => void

  /** `onStage` hears whenever the dialogue waits for something else than before. */
  constructor(onStage: (stage: Stage) => void) {
    this.#onStage = onStage
  }

  /** What the dialogue waits for, or has had last. */
  get stage(): Stage {
    const first = this.#unanswered.find((stage) => stage !== 'other')
    return first ?? this.#last
  }

  /** The socket is in this stage: nothing has been said yet, or the greeting is awaited. */
  enter(stage: 'connect' | 'tls' | 'greeting'): void {
    this.#last = stage
    if (stage === 'greeting') this.#unanswered.push(stage)
    this.#onStage(stage)
  }

  /** From here on nothing is said of the mail before, also where MAIL comes to nothing: its refusal would be taken for this one's. */
  turnToNextMail(): void {
    this.refusal = null
    this.acceptance = null
    this.earlyYes = null
    this.mayTransmit = false
    this.offered = false
    this.#last = 'mail'
  }

  /** A command line is about to be written. What does not begin with a verb continues a login. */
  wrote(line: string): void {
    const stage = stageOf(line)
    if (stage === 'mail') this.offered = true
    else if (stage === 'starttls' || stage === 'auth') this.refusal = null
    this.#unanswered.push(stage)
    if (this.#unanswered.length === 1 && stage !== 'other') this.#onStage(stage)
  }

  /** A complete reply has come. Returns a sentence if SMTP has no place for it. */
  heard(reply: Reply): string | null {
    const asked = this.#unanswered.shift()
    if (asked === undefined) return `the server said ${reply.code} without being asked`
    if (asked === 'other') return null
    this.#last = asked
    // The answer to HELO counts, where EHLO was refused and HELO is answered.
    if (asked === 'ehlo') this.refusal = null
    if (reply.code >= 400) return this.#refused(asked, reply)
    const problem = this.#wentOn(asked, reply)
    if (asked === 'starttls' && problem === null) this.enter('tls')
    if (this.#unanswered.length > 0 && problem === null) this.#onStage(this.stage)
    return problem
  }

  /** The fence has passed: content is going out. */
  beginBody(): void {
    this.#unanswered = ['body']
    this.#onStage('body')
  }

  /** The end of the stream is being released: from here on only a complete reply tells what became of the mail. */
  releaseDot(): void {
    this.#unanswered = ['dot']
    this.#onStage('dot')
  }

  #refused(stage: Stage, reply: Reply): null {
    // The first no decides an envelope: the later replies of a pipelined one (503, 554 "no valid recipients") only follow from it.
    this.refusal ??= { stage, reply }
    this.mayTransmit = false
    if (this.#unanswered.length > 0) this.#onStage(this.stage)
    return null
  }

  #wentOn(stage: Stage, reply: Reply): string | null {
    if (stage === 'data' && !this.mayTransmit && reply.code === 354) {
      if (this.refusal) return 'the server wants the content of a mail it has just refused'
      this.mayTransmit = true
      this.#unanswered.unshift('data')
      return null
    }
    if (stage === 'dot' && isPositive(reply)) {
      this.acceptance = reply
      this.mayTransmit = false
      return null
    }
    if (stage === 'body' && isPositive(reply)) this.earlyYes = reply
    // Nodemailer answers each, without end.
    if (stage === 'auth' && reply.code >= 300 && ++this.#challenges > MOST_CHALLENGES)
      return 'the server asks for more of the login than there is'
    if (stage === 'greeting' || stage === 'starttls') return reply.code === 220 ? null : unexpected(stage, reply)
    if (!EXPECTED[stage]?.includes(Math.floor(reply.code / 100))) return unexpected(stage, reply)
    return null
  }
}

function unexpected(stage: Stage, reply: Reply): string {
  return `the server said ${reply.code} at ${stage}`
}

/** The first digits of replies that let a stage go on. Where none stands, the reply is dealt with above or has no place. */
const EXPECTED: Partial<Record<Stage, number[]>> = { ehlo: [2], auth: [2, 3], mail: [2], rcpt: [2] }

/** AUTH LOGIN has two, every other way to log in has one. */
const MOST_CHALLENGES = 4

function isPositive(reply: Reply): boolean {
  return reply.code >= 200 && reply.code < 300
}

const VERBS: [RegExp, Stage | 'other'][] = [
  [/^(EHLO|HELO) /, 'ehlo'],
  [/^STARTTLS$/, 'starttls'],
  [/^AUTH /, 'auth'],
  [/^MAIL FROM:/, 'mail'],
  [/^RCPT TO:/, 'rcpt'],
  [/^DATA$/, 'data'],
  [/^(RSET|QUIT|\.)$/, 'other'],
]

function stageOf(line: string): Stage | 'other' {
  return VERBS.find(([verb]) => verb.test(line))?.[1] ?? 'auth'
}
