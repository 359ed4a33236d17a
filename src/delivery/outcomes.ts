/**
 * What a dialogue's end means: the outcome table, as data. The first row that matches decides; each stage has a row that matches
 * all the rest, so there is always one. It is a function of the result alone: it sees no clock, no database, no library's error.
 *
 * The one rule behind it: a complete reply in its place counts for what it says; without one, a mail whose end was not released was surely
 * not accepted, and one whose end was released is unknown, and stays so.
 */
import { assert } from '../errors.ts'
import type { FailureKind } from './connection.ts'
import type { DialogueResult } from './dialogue.ts'
import type { FenceState } from './gated-mail.ts'
import type { Stage } from './transcript.ts'

export type OutcomeKind = 'accepted' | 'rejected' | 'deferred' | 'mailbox_fault' | 'aborted' | 'unknown'

export interface Outcome {
  kind: OutcomeKind
  /** The address does not exist: the lead is bounced and suppressed. */
  leadBounced: boolean
  /** The slots were not used: it ended before MAIL was offered, or by our own doing before the content went out. */
  giveBack: boolean
  /** Will not heal by waiting: a wrong password, a bad certificate. */
  permanentFault: boolean
  /** The name of the row. */
  rule: string
}

/** What became of the attempt that ended like this. */
export function outcomeOf(result: DialogueResult): Outcome {
  const row = OUTCOME_TABLE.find((candidate) => matches(candidate, result))
  assert(row, 'the last rows of the outcome table match whatever is left')
  const isMailboxFault = row.kind === 'mailbox_fault'
  return {
    kind: row.kind,
    leadBounced: row.leadBounced ?? false,
    giveBack: !result.offered || (row.ownDoing === true && result.fence !== 'passed' && !result.released),
    permanentFault: isMailboxFault && isPermanent(result),
    rule: row.rule,
  }
}

interface Row {
  rule: string
  kind: OutcomeKind
  /** What the result must be; a condition that is left out always holds. */
  stages?: readonly Stage[]
  failures?: readonly (FailureKind | null)[]
  released?: boolean
  fences?: readonly FenceState[]
  /** Full codes, or first digits. */
  codes?: readonly number[]
  enhanced?: readonly string[]
  /** What the reply's text says. */
  says?: RegExp
  leadBounced?: true
  /** Ended by goniec itself. */
  ownDoing?: true
}

const SETTING_UP = ['connect', 'tls', 'greeting', 'ehlo', 'starttls', 'auth', 'mail'] as const
const CONTENT = ['data', 'body', 'dot'] as const
/** RFC 4954 §6: authentication required, mechanism too weak, credentials invalid, encryption required. */
const LOGIN_CODES: readonly number[] = [530, 534, 535, 538]

/** Daily limit: Google, Zoho, Microsoft 365 of a user and of a whole tenant, by its threshold and by its recipients elsewhere. */
const ACCOUNT_LIMITS = ['5.4.5', '5.4.6', '5.1.90', '5.7.705', '5.7.232', '5.7.233']
/**
 * The same under a code that says nothing: Microsoft 365 to whoever logs in by SMTP, policy services of postfix, its own limit of recipients, which it
 * tells as the one recipient is named, cPanel and GoDaddy.
 */
const LIMIT_IN_WORDS =
  /(submission|sending) ?quota ?exceeded|(messages|recipients) per (hour|day) exceeded|too many recipients from|exceeded (the max emails per|its 24-hour sending limit)/i
/** A policy's quota is the sender's; that of a full mailbox has codes of its own (5.2.2), or says so. */
const POLICY_QUOTA = /(?<!mailbox |user )quota exceeded/i
/** The account may not send as this address: Exchange; by words alone also postfix, which looks at it only when the recipient is named, and Zoho. */
const MAY_NOT_SEND_AS = ['5.7.60', '5.2.252']
const MAY_NOT_SEND_AS_IN_WORDS =
  /SendAsDenied|sender address rejected: not (owned by|logged in)|relaying disallowed as/i
/**
 * RFC 3463 §3.2, the sender's address or its domain, which many servers look at only when the recipient is named, and Microsoft 365 of an account that
 * it has blocked ("bad outbound sender", "banned sender"). `docs/decisions/senders-fault.md` says why these rows go before those of the stages.
 */
const SENDER_REFUSED = ['4.1.7', '4.1.8', '5.1.7', '5.1.8', '5.7.501', '5.7.502', '5.7.503', ...MAY_NOT_SEND_AS]

/** The rows, in the order in which they are tried. */
export const OUTCOME_TABLE: readonly Row[] = [
  { rule: 'accepted', kind: 'accepted', failures: [null] },

  // Ours: no server is to blame.
  { rule: 'fence refused', kind: 'aborted', failures: ['fence_refused'], ownDoing: true },
  { rule: 'too late at the dot', kind: 'aborted', failures: ['too_late_at_dot'], ownDoing: true },
  { rule: 'given up by us', kind: 'aborted', failures: ['cancelled'], released: false, ownDoing: true },
  { rule: "lead's address cannot be mailed", kind: 'rejected', failures: ['invalid_recipient'], ownDoing: true },
  { rule: "mailbox's address cannot mail", kind: 'mailbox_fault', failures: ['invalid_sender'], ownDoing: true },

  // A limit delays, it never fails a mail; a login that is refused is not the lead's fault. At any stage.
  { rule: 'service closing, too many connections, temporary login', kind: 'mailbox_fault', codes: [421, 432, 454] },
  { rule: 'sending limit of the account', kind: 'mailbox_fault', enhanced: ACCOUNT_LIMITS, codes: [5] },
  { rule: 'sending limit, in words', kind: 'mailbox_fault', says: LIMIT_IN_WORDS, codes: [4, 5] },
  {
    rule: 'sending limit, by policy',
    kind: 'mailbox_fault',
    enhanced: ['4.7.1', '5.7.1'],
    says: POLICY_QUOTA,
    codes: [4, 5],
  },
  { rule: 'sender refused', kind: 'mailbox_fault', enhanced: SENDER_REFUSED, codes: [4, 5] },
  { rule: 'sender refused, in words', kind: 'mailbox_fault', says: MAY_NOT_SEND_AS_IN_WORDS, codes: [5] },
  { rule: 'login method switched off', kind: 'mailbox_fault', enhanced: ['5.7.30'], codes: [5] },

  // Some servers say only here that they want a login, or another one.
  { rule: 'login wanted', kind: 'mailbox_fault', stages: ['rcpt', ...CONTENT], codes: LOGIN_CODES },

  // Before the recipient is named, whatever happens is between the mailbox and its server.
  { rule: 'refused before RCPT', kind: 'mailbox_fault', stages: SETTING_UP, failures: ['refused'] },
  { rule: 'ended before RCPT', kind: 'mailbox_fault', stages: SETTING_UP },

  { rule: 'recipient deferred', kind: 'deferred', stages: ['rcpt'], codes: [4] },
  {
    rule: 'recipient does not exist',
    kind: 'rejected',
    stages: ['rcpt'],
    codes: [5],
    enhanced: ['5.1.1', '5.1.2', '5.1.3', '5.1.6', '5.1.10'],
    leadBounced: true,
  },
  { rule: 'recipient refused', kind: 'rejected', stages: ['rcpt'], codes: [5] },
  { rule: 'content deferred', kind: 'deferred', stages: CONTENT, codes: [4] },
  { rule: 'content refused', kind: 'rejected', stages: CONTENT, codes: [5] },

  // It took something: sent again, the mail could come twice.
  { rule: 'a yes before the dot', kind: 'unknown', stages: ['body'], codes: [2] },

  // No reply, or half a one.
  { rule: 'no answer to the dot', kind: 'unknown', released: true },
  {
    rule: 'fence not answered in time',
    kind: 'aborted',
    fences: ['unanswered'],
    failures: ['timeout'],
    ownDoing: true,
  },
  { rule: 'connection lost before the dot', kind: 'aborted' },
]

function matches(row: Row, { stage, failure, fence, released, reply }: DialogueResult): boolean {
  if (row.stages && !row.stages.includes(stage)) return false
  if (row.failures && !row.failures.includes(failure)) return false
  if (row.released !== undefined && row.released !== released) return false
  if (row.fences && !row.fences.includes(fence)) return false
  if (row.codes && !row.codes.some((code) => reply?.code === code || Math.floor((reply?.code ?? 0) / 100) === code))
    return false
  if (row.says && !row.says.test(reply?.text ?? '')) return false
  return !row.enhanced || (typeof reply?.enhanced === 'string' && row.enhanced.includes(reply.enhanced))
}

/** Login refused for good, encryption refused or untrusted: a person has to look. Limits and moods of a server pass. */
function isPermanent({ stage, failure, reply }: DialogueResult): boolean {
  if (failure === 'certificate' || failure === 'invalid_sender') return true
  if (!reply || reply.code < 500) return false
  if (ACCOUNT_LIMITS.includes(reply.enhanced ?? '') || LIMIT_IN_WORDS.test(reply.text)) return false
  if (['5.7.30', ...MAY_NOT_SEND_AS].includes(reply.enhanced ?? '') || MAY_NOT_SEND_AS_IN_WORDS.test(reply.text))
    return true
  return stage === 'auth' || stage === 'starttls' || LOGIN_CODES.includes(reply.code)
}
