/**
 * One claimed mail, from its claim to its settled outcome: compose, dialogue, fence, outcome.
 *
 * Owns       nothing durable: what it does is written by fence and settle.
 * Promises   every attempt that it is handed ends settled, or kept by Outcomes until it can be; no content before the fence has
 *            passed; a worker that has lost its lock passes no fence.
 * Leaves     what an outcome means for the message to settle, and for the plan to the plan.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Database } from '../database/pool.ts'
import { Coalescer } from '../delivery/batch.ts'
import type { ClaimedAttempt } from '../delivery/claim.ts'
import type { ComposedMail } from '../delivery/compose.ts'
import { composeFor, keptContent, type MessageMaterial } from '../delivery/compose-message.ts'
import type { DialogueResult } from '../delivery/dialogue.ts'
import { fence, type FenceAnswer, type FenceRequest } from '../delivery/fence.ts'
import { outcomeOf } from '../delivery/outcomes.ts'
import { showReply } from '../delivery/reply.ts'
import type { OutcomeReport, Settlement } from '../delivery/settle.ts'
import { GoniecError, messageOf } from '../errors.ts'
import type { Logger } from '../log.ts'
import type { Instant } from '../time.ts'
import type { Connections, MailboxAccount } from './connections.ts'
import type { Answer, PassedMail } from './logbook/lines.ts'
import type { Logbook } from './logbook/logbook.ts'
import type { Outcomes } from './outcomes.ts'
import { moveReasonOf } from './refusals.ts'
import type { WorkerSettings } from './settings.ts'

export interface SenderOptions {
  database: Database
  incarnationId: number
  settings: WorkerSettings
  connections: Connections
  outcomes: Outcomes
  /** Knows what went on the wire, whatever becomes of the database. */
  logbook: Pick<Logbook, 'passed' | 'answered'>
  /** Which time of holding its name this worker is in; undefined: it has lost it. */
  tenure: () => number | undefined
  log: Logger
}

type LogbookEntry = Omit<PassedMail, 'attemptId' | 'passedAt'>

interface LoggedRequest extends FenceRequest {
  entry: LogbookEntry
}

/** A claimed mail with all that is needed to send it. */
export interface Consignment {
  attempt: ClaimedAttempt
  material: MessageMaterial | undefined
  account: MailboxAccount | undefined
  /**
   * The time of holding the worker's name in which it was claimed. What was claimed before the name was lost passes no fence, also when the name
   * is held again: the database may be another one, a promoted standby, in which this attempt is somebody else's.
   */
  tenure: number
}

type Complete = Required<Consignment> & { material: MessageMaterial; account: MailboxAccount }

export class Sender {
  #options: SenderOptions
  #fences: Coalescer<LoggedRequest, FenceAnswer>

  constructor(options: SenderOptions) {
    this.#options = options
    this.#fences = new Coalescer({ run: (requests) => this.#fence(requests) })
  }

  /** Sends the mail, and resolves when its outcome is written. `signal` ends the dialogue at once. */
  async send(consignment: Consignment, signal: AbortSignal): Promise<Settlement> {
    const report = await this.#try(consignment, signal)
    const settlement = await this.#options.outcomes.write({ ...report, claimedAt: consignment.attempt.claimedAt })
    this.#log(consignment, report, settlement)
    return settlement
  }

  /** Whoever passes stands in the logbook before he is told so. */
  async #fence(requests: LoggedRequest[]): Promise<FenceAnswer[]> {
    const { database, incarnationId, settings, logbook } = this.#options
    const answers = await fence(database.pool, { incarnationId, totalMs: settings.deadlines.attemptMs, requests })
    const passed = requests.flatMap(({ attemptId, entry }, index): PassedMail[] => {
      const { verdict, passedAt } = answers[index] ?? {}
      return verdict === 'passed' && passedAt ? [{ ...entry, attemptId, passedAt }] : []
    })
    await logbook.passed(passed, answers[0]?.walPosition ?? null)
    return answers
  }

  async #try(consignment: Consignment, signal: AbortSignal): Promise<OutcomeReport> {
    const { attempt, material, account, tenure } = consignment
    if (!material || !account) return unsendable(attempt, 'its message or mailbox is not there any more')
    let mail: ComposedMail
    try {
      mail = await composeFor(material)
    } catch (error) {
      return unsendable(attempt, describe(error))
    }
    return await this.#deliver({ attempt, material, account, tenure }, mail, signal)
  }

  async #deliver(
    { attempt, material, account, tenure }: Complete,
    mail: ComposedMail,
    signal: AbortSignal,
  ): Promise<OutcomeReport> {
    let connection
    try {
      connection = await this.#options.connections.of(account)
    } catch (error) {
      return loginUnavailable(attempt, error)
    }
    let answer: FenceAnswer | undefined
    const kept = keptContent(mail)
    const entry = entryOf({ attempt, material, account, tenure }, kept.headers['message-id'] ?? '')
    const result = await connection.send({
      from: account.address,
      to: material.recipient,
      mail: mail.bytes,
      signal,
      fence: async (restart) => {
        answer = await this.#passFence({ attemptId: attempt.attemptId, content: kept, entry }, tenure, restart)
        return answer.verdict === 'passed' ? { passed: true } : { passed: false, reason: answer.verdict }
      },
    })
    const report = toReport(attempt, result, answer?.verdict === 'passed' ? undefined : answer?.verdict)
    if (answer?.passedAt) this.#options.logbook.answered(answerOf(report, answer.passedAt))
    if (report.outcome === 'mailbox_fault') await this.#options.connections.forget(attempt.mailboxId)
    return { ...report, rfcMessageId: kept.headers['message-id'] ?? '' }
  }

  /** Asks until the answer is yes or no; a mail that is a moment too early for its campaign's delay waits here. */
  async #passFence(request: LoggedRequest, tenure: number, restart: () => void): Promise<FenceAnswer> {
    const patienceEndsMs = performance.now() + this.#options.settings.deadlines.phaseMs / 2
    for (;;) {
      if (this.#options.tenure() !== tenure)
        return { verdict: 'lock_lost', waitMs: null, passedAt: null, walPosition: null }
      restart()
      const answer = await this.#fences.ask(request)
      const waitMs = Math.max(1, Math.ceil(answer.waitMs ?? Number.POSITIVE_INFINITY))
      if (answer.verdict !== 'too_early' || performance.now() + waitMs > patienceEndsMs) return answer
      await delay(waitMs)
    }
  }

  #log({ attempt, account }: Consignment, report: OutcomeReport, { verdict, status }: Settlement): void {
    const fields = {
      attempt_id: attempt.attemptId,
      message_id: attempt.messageId,
      mailbox: account?.address,
      outcome: report.outcome,
      status,
      ...(report.response ? { response: report.response } : {}),
      ...(report.reason ? { reason: report.reason } : {}),
      ...(verdict === 'settled' ? {} : { verdict }),
    }
    if (report.outcome === 'accepted') this.#options.log.info(fields, 'sent')
    else if (report.outcome === 'unknown') this.#options.log.error(fields, 'in doubt: no answer after the final dot')
    else this.#options.log.warn(fields, 'not sent')
  }
}

/** What the logbook knows of a mail: by it the mail is found again, whatever numbers the database gives. */
function entryOf({ attempt, material, account }: Complete, rfcMessageId: string): LogbookEntry {
  const { identity, recipient } = material
  const common = { recipient, mailbox: account.address, rfcMessageId }
  if ('stepKey' in identity) {
    return { ...common, campaign: identity.campaign, stepKey: identity.stepKey, idempotencyKey: null }
  }
  // Without a key of its own it is called by its number, which a restored database gives to another mail.
  const isKeyed = identity.idempotencyKey !== `message:${attempt.messageId}`
  return { ...common, campaign: null, stepKey: null, idempotencyKey: isKeyed ? identity.idempotencyKey : null }
}

function answerOf({ attemptId, outcome, response }: OutcomeReport, passedAt: Instant): Answer {
  return { attemptId, passedAt, outcome, response }
}

/** The dialogue's end as it is written down. `refusal` is the fence's verdict, where it refused. */
function toReport(attempt: ClaimedAttempt, result: DialogueResult, refusal: string | undefined): OutcomeReport {
  const outcome = outcomeOf(result)
  return {
    attemptId: attempt.attemptId,
    outcome: outcome.kind,
    stage: result.stage,
    code: result.reply?.code ?? null,
    response: result.reply ? showReply(result.reply) : (refusal ?? result.error) || null,
    giveBack: outcome.giveBack,
    leadBounced: outcome.leadBounced,
    permanent: outcome.permanentFault,
    serverMessageId: result.serverMessageId,
    ...(refusal === undefined ? {} : { reason: moveReasonOf(refusal) }),
  }
}

/** The mail itself is at fault, and is set aside: nothing was offered to a server. */
function unsendable(attempt: ClaimedAttempt, why: string): OutcomeReport {
  return { ...nothingOffered(attempt), outcome: 'aborted', response: why, hold: why, reason: 'retry' }
}

/** The mailbox is at fault: its password cannot be read, or no access token is to be had; a token server that does not answer now may soon. */
function loginUnavailable(attempt: ClaimedAttempt, error: unknown): OutcomeReport {
  const permanent = !(error instanceof GoniecError && error.code === 'token_unavailable')
  return { ...nothingOffered(attempt), outcome: 'mailbox_fault', stage: 'auth', response: describe(error), permanent }
}

function nothingOffered({ attemptId }: ClaimedAttempt): Omit<OutcomeReport, 'outcome'> {
  return { attemptId, stage: null, code: null, response: null, giveBack: true, leadBounced: false, permanent: false }
}

function describe(error: unknown): string {
  return error instanceof GoniecError && error.hint ? `${error.message}. ${error.hint}` : messageOf(error)
}
