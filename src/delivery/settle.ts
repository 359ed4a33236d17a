/**
 * Settle, as a worker calls it: `migrations/000007_settle.sql` has the statement and its reasons. This file owns two things more: a
 * batch that fails is settled one by one, so that one bad row stops no other; and an outcome that a synchronous standby does not have is not
 * written yet. Asked again, settle says that it is so already, and waits for the standby anew.
 */
import { DatabaseError, type Pool } from 'pg'
import { toJson } from '../database/values.ts'
import { GoniecError } from '../errors.ts'
import { toExactTime, type Instant } from '../time.ts'
import { isAboutTheServer } from './batch.ts'
import type { OutcomeKind } from './outcomes.ts'
import { queryWatchingWarnings } from './warnings.ts'

/** What became of an attempt, as it is written down. */
export interface OutcomeReport {
  attemptId: number
  /** When it was claimed: one with its number that was claimed at another instant is not meant. */
  claimedAt?: Instant
  outcome: OutcomeKind
  stage: string | null
  code: number | null
  /** The server's words, or what went wrong. */
  response: string | null
  giveBack: boolean
  leadBounced: boolean
  /** A fault that waiting does not heal. */
  permanent: boolean
  /** Why its slot is gone, in the plan's words: `settings`, `paused`, `missed`, `mailbox`, `retry`. */
  reason?: string | undefined
  /** The mail itself is at fault (it cannot be composed): set aside with these words. */
  hold?: string
  notBefore?: Instant
  rfcMessageId?: string
  serverMessageId?: string | null
}

export interface Settlement {
  /** `settled`, `already`, `contradiction`, `not_yours`, `unknown_attempt`. */
  verdict: string
  /** The message's status now. */
  status: string | null
}

/** A settlement, or the reason why this one could not be written. */
export type SettleAnswer = Settlement | { failed: unknown }

/** Writes these outcomes, in one commit where it can. Rejects only if the database could not be asked. */
export async function settle(
  pool: Pick<Pool, 'connect'>,
  { incarnationId, reports }: { incarnationId: number; reports: OutcomeReport[] },
): Promise<SettleAnswer[]> {
  try {
    return await settleTogether(pool, incarnationId, reports)
  } catch (error) {
    if (!(error instanceof DatabaseError) || isAboutTheServer(error)) throw error
    if (reports.length === 1) return [{ failed: error }]
    const answers: SettleAnswer[] = []
    for (const report of reports) answers.push(...(await settle(pool, { incarnationId, reports: [report] })))
    return answers
  }
}

async function settleTogether(
  pool: Pick<Pool, 'connect'>,
  incarnationId: number,
  reports: OutcomeReport[],
): Promise<SettleAnswer[]> {
  const { rows, warning } = await queryWatchingWarnings<SettleRow>(pool, {
    name: 'goniec settle',
    text: 'select attempt_id, verdict, message_status from goniec.settle($1, $2)',
    values: [incarnationId, toJson(reports.map(toRow))],
  })
  if (warning?.isAboutStandby) {
    throw new GoniecError('outcome_not_durable', `what was written could still be forgotten: ${warning.text}`, {
      hint: 'bring the synchronous standby back, or take it out of synchronous_standby_names',
    })
  }
  const byAttempt = new Map(rows.map((row) => [row.attempt_id, row]))
  return reports.map(({ attemptId }) => {
    const row = byAttempt.get(attemptId)
    return { verdict: row?.verdict ?? 'unknown_attempt', status: row?.message_status ?? null }
  })
}

interface SettleRow {
  attempt_id: number
  verdict: string
  message_status: string | null
}

function toRow(report: OutcomeReport): Record<string, unknown> {
  return {
    attempt_id: report.attemptId,
    claimed_at: report.claimedAt && toExactTime(report.claimedAt),
    outcome: report.outcome,
    stage: report.stage,
    code: report.code,
    response: report.response,
    give_back: report.giveBack,
    lead_bounced: report.leadBounced,
    permanent: report.permanent,
    reason: report.reason,
    hold: report.hold,
    not_before: report.notBefore?.toString(),
    rfc_message_id: report.rfcMessageId,
    server_message_id: report.serverMessageId,
  }
}
