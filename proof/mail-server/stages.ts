/**
 * The stages of a dialogue at which a server can fail, and what must become of the mail. It is DESIGN's outcome table once more, written
 * down by stage and fault and apart from the program's, so that the two can disagree.
 */
import type { FaultStage } from '../../tests/smtp/fault-server.ts'
import type { Answer } from './faults.ts'

export const STAGES = [
  'greeting',
  'ehlo',
  'starttls',
  'tls',
  'auth',
  'mail',
  'rcpt',
  'data',
  'body',
  'dot',
  'rset',
  'quit',
  'next-mail',
] as const

/** `rset` follows a refused recipient, `quit` an idle connection, `next-mail` is the MAIL of a connection that was kept. */
export type StageName = (typeof STAGES)[number]

/** What becomes of an attempt. */
export type Ending = 'accepted' | 'mailbox_fault' | 'deferred' | 'rejected' | 'aborted' | 'unknown'

/** Where the fault server is to do it. */
export function faultStageOf(stage: StageName): FaultStage {
  return stage === 'next-mail' ? 'mail' : stage
}

/** What must become of the attempt that meets this. */
export function endingOf(stage: StageName, answer: Answer): Ending {
  if (stage === 'rset') return 'deferred'
  if (stage === 'quit' || answer.kind === 'usual') return 'accepted'
  // A kept connection on which MAIL is not taken is replaced unseen: it may be at its end, and nothing went over it.
  if (stage === 'next-mail') return 'accepted'
  if (!WITH_RECIPIENT.includes(stage)) return 'mailbox_fault'
  if (answer.kind === 'reply') return endingOfReply(answer)
  return stage === 'dot' ? 'unknown' : 'aborted'
}

/** Whether an ending is one after which the mail is tried again by itself. */
export function isRetried(ending: Ending): boolean {
  return ending === 'mailbox_fault' || ending === 'deferred' || ending === 'aborted'
}

/** From the recipient on it is about the mail; before, about the mailbox and its server. */
const WITH_RECIPIENT: readonly StageName[] = ['rcpt', 'data', 'body', 'dot']

function endingOfReply({ code, enhanced }: { code: number; enhanced: string | null }): Ending {
  if ([421, 432, 454, 530, 534, 535, 538].includes(code)) return 'mailbox_fault'
  if (enhanced === '5.4.5' || enhanced === '5.7.30') return 'mailbox_fault'
  return code < 500 ? 'deferred' : 'rejected'
}
