/** One test for each row of the outcome table, with what real servers write. */
import { describe, expect, it } from 'vitest'
import type { DialogueResult } from '../../src/delivery/dialogue.ts'
import { OUTCOME_TABLE, outcomeOf, type Outcome } from '../../src/delivery/outcomes.ts'
import { ReplyReader } from '../../src/delivery/reply.ts'
import type { Stage } from '../../src/delivery/transcript.ts'

/** The end of a dialogue at this stage, by a reply as a server wrote it. */
function answered(stage: Stage, ...lines: string[]): DialogueResult {
  const [heard] = new ReplyReader().read(Buffer.from(`${lines.join('\r\n')}\r\n`))
  const reply = heard?.reply ?? null
  const failure = reply && reply.code < 400 ? null : 'refused'
  return { ...ended(stage, failure), reply }
}

/** The end of a dialogue at this stage, without a reply. */
function ended(stage: Stage, failure: DialogueResult['failure'], more: Partial<DialogueResult> = {}): DialogueResult {
  const reached = [
    'connect',
    'tls',
    'greeting',
    'ehlo',
    'starttls',
    'auth',
    'mail',
    'rcpt',
    'data',
    'body',
    'dot',
  ].indexOf(stage)
  return {
    stage,
    failure,
    reply: null,
    offered: reached >= 6,
    fence: reached >= 9 ? 'passed' : 'not_reached',
    released: stage === 'dot',
    error: '',
    serverMessageId: null,
    durationMs: 1,
    ...more,
  }
}

const nothing = { leadBounced: false, giveBack: false, permanentFault: false }
const accepted: Partial<Outcome> = { ...nothing, kind: 'accepted' }
const deferred: Partial<Outcome> = { ...nothing, kind: 'deferred' }
const bounced: Partial<Outcome> = { ...nothing, kind: 'rejected', leadBounced: true }
const refused: Partial<Outcome> = { ...nothing, kind: 'rejected' }
const fault: Partial<Outcome> = { ...nothing, kind: 'mailbox_fault' }
const earlyFault: Partial<Outcome> = { ...fault, giveBack: true }
const brokenLogin: Partial<Outcome> = { ...earlyFault, permanentFault: true }
const aborted: Partial<Outcome> = { ...nothing, kind: 'aborted' }
const ownDoing: Partial<Outcome> = { ...aborted, giveBack: true }
const unknown: Partial<Outcome> = { ...nothing, kind: 'unknown' }

const rows: [rule: string, DialogueResult, Partial<Outcome>][] = [
  ['accepted', answered('dot', '250 2.0.0 OK  1700000000 4fb4d7f45d1cf-64e7ab0dd5asi123.1 - gsmtp'), accepted],
  ['accepted', answered('dot', '250 2.0.0 Ok: queued as 4F2A91C0D3'), accepted],
  ['accepted', answered('dot', '250 OK id=1r2Abc-0003Xy-1Z'), accepted],

  ['fence refused', ended('data', 'fence_refused', { fence: 'refused' }), ownDoing],
  ['fence not answered in time', ended('data', 'timeout', { fence: 'unanswered' }), ownDoing],
  ['too late at the dot', ended('body', 'too_late_at_dot'), aborted],
  ['given up by us', ended('connect', 'cancelled'), ownDoing],
  ['given up by us', ended('rcpt', 'cancelled'), ownDoing],
  ['given up by us', ended('body', 'cancelled'), aborted],
  [
    "lead's address cannot be mailed",
    ended('connect', 'invalid_recipient'),
    { ...nothing, kind: 'rejected', giveBack: true },
  ],
  ["mailbox's address cannot mail", ended('connect', 'invalid_sender'), brokenLogin],

  // At any stage, before the rows that follow.
  [
    'service closing, too many connections, temporary login',
    answered('greeting', '421 4.3.2 Service not available'),
    earlyFault,
  ],
  [
    'service closing, too many connections, temporary login',
    answered('auth', '454 4.7.0 Too many login attempts, please try again later.'),
    earlyFault,
  ],
  [
    'service closing, too many connections, temporary login',
    answered('mail', '421-4.7.0 This message does not meet IPv6 sending guidelines', '421 4.7.0 regarding PTR records'),
    fault,
  ],
  [
    'service closing, too many connections, temporary login',
    answered('rcpt', '421 4.7.0 [TSS04] Messages temporarily deferred due to unexpected volume'),
    fault,
  ],
  [
    'service closing, too many connections, temporary login',
    answered('rcpt', '454 4.7.1 <jan@klient.example>: Relay access denied'),
    fault,
  ],
  [
    'service closing, too many connections, temporary login',
    answered('data', '432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded'),
    fault,
  ],
  [
    'service closing, too many connections, temporary login',
    answered('body', '421 4.4.2 Timeout while waiting for data'),
    fault,
  ],
  [
    'service closing, too many connections, temporary login',
    answered('dot', '421 4.3.0 Temporary System Problem.  Try again later (10)'),
    fault,
  ],
  [
    'sending limit of the account',
    answered(
      'dot',
      '550-5.4.5 Daily user sending limit exceeded. For more information on Gmail',
      '550 5.4.5 sending limits go to https://support.google.com/a/answer/166852',
    ),
    fault,
  ],
  ['sending limit of the account', answered('rcpt', '550 5.4.5 Daily sending quota exceeded'), fault],
  [
    'sending limit of the account',
    answered(
      'rcpt',
      "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients",
    ),
    fault,
  ],
  ['sending limit of the account', answered('dot', '550 5.7.705 Access denied, tenant has exceeded threshold'), fault],
  ['sending limit of the account', answered('dot', '550 5.4.6 mail rate exceeded limit'), fault],
  [
    'sending limit of the account',
    answered(
      'dot',
      "550 5.7.233 Your message can't be sent because your tenant exceeded its daily limit for sending email to external recipients",
    ),
    fault,
  ],
  [
    'sending limit of the account',
    answered(
      'dot',
      "550 5.7.232 Your message can't be sent because your trial tenant has exceeded its daily limit for sending email",
    ),
    fault,
  ],
  [
    'sending limit, in words',
    answered(
      'dot',
      '554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to process message due to a permanent exception',
    ),
    fault,
  ],
  ['sending limit, in words', answered('dot', '550 5.2.2 Submission quota exceeded'), fault],
  [
    'sending limit, by policy',
    answered('rcpt', '554 5.7.1 <jan@klient.example>: Recipient address rejected: Quota exceeded'),
    fault,
  ],
  [
    'sending limit, by policy',
    answered('rcpt', '450 4.7.1 <jan@klient.example>: Recipient address rejected: Policy Rejection- Quota Exceeded.'),
    fault,
  ],
  [
    'sending limit, in words',
    answered('rcpt', '550 <jan@klient.example>: Recipient address rejected: Email Sending Quota Exceeded'),
    fault,
  ],
  [
    'sending limit, in words',
    answered('dot', '450 4.7.1 <END-OF-MESSAGE>: End-of-data rejected: Number messages per hour exceeded'),
    fault,
  ],
  ['sending limit, by policy', answered('dot', '550 5.7.1 Email quota exceeded.'), fault],
  ['sending limit, in words', answered('rcpt', '450 4.7.1 Error: too many recipients from 10.0.0.7'), fault],
  [
    'sending limit, in words',
    answered('rcpt', '554 5.7.1 <jan@klient.example>: Recipient address rejected: Number recipients per hour exceeded'),
    fault,
  ],
  [
    'sending limit, in words',
    answered('rcpt', '550 Domain firma.example has exceeded the max emails per hour (150/150 (100%)) allowed'),
    fault,
  ],
  [
    'sending limit, in words',
    answered(
      'dot',
      '550 User anna@firma.example has exceeded its 24-hour sending limit. Messages to 1 recipients out of 1',
    ),
    fault,
  ],
  ['sender refused', answered('dot', '550 5.1.8 Access denied, bad outbound sender AS(42004)'), fault],
  [
    'sender refused',
    answered('rcpt', '550 5.1.8 <anna@firma.example>: Sender address rejected: Domain not found'),
    fault,
  ],
  ['sender refused', answered('rcpt', '553 5.1.7 The sender address is no address'), fault],
  [
    'sender refused',
    answered('rcpt', '450 4.1.8 <anna@firma.example>: Sender address rejected: Domain not found'),
    fault,
  ],
  ['sender refused', answered('rcpt', '451 4.1.7 <anna@firma.example>: sender cannot be verified just now'), fault],
  [
    'sender refused',
    answered('dot', '550 5.7.60 SMTP; Client does not have permissions to send as this sender'),
    { ...fault, permanentFault: true },
  ],
  [
    'sender refused',
    answered('dot', '554 5.2.252 SendAsDenied; anna@firma.example not allowed to send as biuro@firma.example'),
    { ...fault, permanentFault: true },
  ],
  [
    'sender refused, in words',
    answered('dot', '554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed'),
    { ...fault, permanentFault: true },
  ],
  [
    'sender refused, in words',
    answered('rcpt', '553 5.7.1 <anna@firma.example>: Sender address rejected: not owned by user biuro@firma.example'),
    { ...fault, permanentFault: true },
  ],
  [
    'sender refused, in words',
    answered('mail', '553 5.7.1 <anna@firma.example>: Sender address rejected: not owned by auth user.'),
    { ...fault, permanentFault: true },
  ],
  [
    'sender refused, in words',
    answered('rcpt', '553 5.7.1 <anna@firma.example>: Sender address rejected: not logged in'),
    { ...fault, permanentFault: true },
  ],
  [
    'sender refused, in words',
    answered('dot', '553 Relaying disallowed as anna@firma.example'),
    { ...fault, permanentFault: true },
  ],
  ['sender refused', answered('dot', '550 5.7.502 Access denied, banned sender'), fault],
  [
    'login method switched off',
    answered('mail', '550 5.7.30 Basic authentication is not supported for Client Submission.'),
    { ...fault, permanentFault: true },
  ],
  [
    'login method switched off',
    answered('auth', '550 5.7.30 Basic authentication is not supported for Client Submission.'),
    brokenLogin,
  ],

  ['login wanted', answered('rcpt', '530 SMTP authentication is required.'), { ...fault, permanentFault: true }],
  [
    'login wanted',
    answered('dot', '530 5.7.57 Client not authenticated to send mail.'),
    { ...fault, permanentFault: true },
  ],
  ['login wanted', answered('data', '538 5.7.11 Encryption required'), { ...fault, permanentFault: true }],

  // Before the recipient is named.
  [
    'refused before RCPT',
    answered('greeting', '554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked'),
    earlyFault,
  ],
  ['refused before RCPT', answered('ehlo', '550 Bad HELO - Host impersonating'), earlyFault],
  ['refused before RCPT', answered('starttls', '502 5.5.1 Error: command not implemented'), brokenLogin],
  [
    'refused before RCPT',
    answered(
      'auth',
      '535-5.7.8 Username and Password not accepted. For more information, go to',
      '535 5.7.8 https://support.google.com/mail/?p=BadCredentials',
    ),
    brokenLogin,
  ],
  [
    'refused before RCPT',
    answered('auth', '535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.'),
    brokenLogin,
  ],
  [
    'refused before RCPT',
    answered(
      'auth',
      '534-5.7.9 Application-specific password required.',
      '534 5.7.9 https://support.google.com/mail/?p=InvalidSecondFactor',
    ),
    brokenLogin,
  ],
  [
    'refused before RCPT',
    answered('auth', '451 4.7.0 Temporary server error. Please try again later. PRX4'),
    earlyFault,
  ],
  ['refused before RCPT', answered('mail', '530 5.7.0 Authentication Required.'), { ...fault, permanentFault: true }],
  ['refused before RCPT', answered('mail', '554 5.7.1 <anna@firma.example>: Sender address rejected: Denied'), fault],
  ['refused before RCPT', answered('mail', '452 4.3.1 Insufficient system storage'), fault],
  ['ended before RCPT', ended('connect', 'dns'), earlyFault],
  ['ended before RCPT', ended('connect', 'unreachable'), earlyFault],
  ['ended before RCPT', ended('tls', 'certificate'), brokenLogin],
  ['ended before RCPT', ended('tls', 'tls'), earlyFault],
  ['ended before RCPT', ended('greeting', 'timeout'), earlyFault],
  ['ended before RCPT', ended('auth', 'lost'), earlyFault],
  ['ended before RCPT', ended('mail', 'lost'), fault],
  ['ended before RCPT', ended('mail', 'protocol'), fault],

  ['recipient deferred', answered('rcpt', '451 4.7.1 Greylisting in action, please come back later'), deferred],
  [
    'recipient deferred',
    answered('rcpt', '450 4.2.0 <jan@klient.example>: Recipient address rejected: Greylisted'),
    deferred,
  ],
  [
    'recipient deferred',
    answered(
      'rcpt',
      '450-4.2.1 The user you are trying to contact is receiving mail at a rate that',
      '450 4.2.1 prevents additional messages from being delivered.',
    ),
    deferred,
  ],
  [
    'recipient deferred',
    answered('rcpt', "452-4.2.2 The recipient's inbox is out of storage space", '452 4.2.2 and inactive.'),
    deferred,
  ],
  ['recipient deferred', answered('rcpt', '450 try later'), deferred],
  [
    'recipient deferred',
    answered('rcpt', '450 4.1.2 <jan@klient.example>: Recipient address rejected: Domain not found'),
    deferred,
  ],

  [
    'recipient does not exist',
    answered(
      'rcpt',
      '550-5.1.1 The email account that you tried to reach does not exist. Please try',
      "550 5.1.1 double-checking the recipient's email address for typos",
    ),
    bounced,
  ],
  ['recipient does not exist', answered('rcpt', '550 5.1.2 Domain not found'), bounced],
  [
    'recipient does not exist',
    answered('rcpt', '553 5.1.3 The recipient address <jan@klient> is not a valid RFC 5321 address.'),
    bounced,
  ],
  ['recipient does not exist', answered('rcpt', '551 5.1.6 Recipient no longer on server'), bounced],
  [
    'recipient does not exist',
    answered('rcpt', '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup'),
    bounced,
  ],

  ['recipient refused', answered('rcpt', '550 relay not permitted'), refused],
  ['recipient refused', answered('rcpt', '554 5.7.1 <jan@klient.example>: Relay access denied'), refused],
  [
    'recipient refused',
    answered('rcpt', '550 5.7.1 Service unavailable, Client host [192.0.2.1] blocked using Spamhaus'),
    refused,
  ],
  ['recipient refused', answered('rcpt', '552 5.2.2 Mailbox full'), refused],
  [
    'recipient refused',
    answered('rcpt', '552 5.2.2 <jan@klient.example> Quota exceeded (mailbox for user is full)'),
    refused,
  ],
  ['recipient refused', answered('rcpt', '554 5.7.1 <jan@klient.example>: Mailbox quota exceeded'), refused],
  ['recipient refused', answered('rcpt', '552 5.2.2 <jan@klient.example> has too many messages'), refused],

  ['content deferred', answered('data', '451 4.3.0 Temporary lookup failure'), deferred],
  ['content deferred', answered('body', '452 4.3.1 Out of memory'), deferred],
  ['content deferred', answered('dot', '451 4.7.1 Please try again later (greylisted)'), deferred],
  ['content deferred', answered('dot', '450 4.7.26 Unauthenticated email is temporarily deferred'), deferred],

  ['content refused', answered('data', '554 5.5.1 Error: no valid recipients'), refused],
  ['content refused', answered('body', '552 5.3.4 Message size exceeds fixed limit'), refused],
  [
    'content refused',
    answered(
      'dot',
      '550-5.7.26 This mail has been blocked because the sender is unauthenticated.',
      '550 5.7.26 Gmail requires all senders to authenticate with either SPF or DKIM.',
    ),
    refused,
  ],
  [
    'content refused',
    answered(
      'dot',
      '550 5.7.515 Access denied, sending domain FIRMA.EXAMPLE does not meet the required authentication level.',
    ),
    refused,
  ],
  ['content refused', answered('dot', '550 5.1.1 No such user here'), refused],
  ['content refused', answered('dot', '554 spam'), refused],

  [
    'a yes before the dot',
    { ...answered('body', '250 2.0.0 Ok: queued as 4F2A91C0D3'), failure: 'protocol' as const },
    unknown,
  ],
  ['no answer to the dot', ended('dot', 'lost'), unknown],
  ['no answer to the dot', ended('dot', 'timeout'), unknown],
  ['no answer to the dot', ended('dot', 'protocol'), unknown],
  ['no answer to the dot', ended('dot', 'cancelled'), unknown],
  ['connection lost before the dot', ended('rcpt', 'lost'), aborted],
  ['connection lost before the dot', ended('rcpt', 'timeout'), aborted],
  ['connection lost before the dot', ended('data', 'timeout'), aborted],
  ['connection lost before the dot', ended('data', 'lost', { fence: 'unanswered' }), aborted],
  ['connection lost before the dot', ended('body', 'lost'), aborted],
  ['connection lost before the dot', ended('body', 'protocol'), aborted],
]

describe('the outcome table', () => {
  it.each(
    rows.map(([rule, result, outcome]) => ({
      rule,
      result,
      outcome,
      at: result.stage,
      said: result.reply?.text ?? result.failure,
    })),
  )('$rule: $at, $said', ({ rule, result, outcome }) => {
    expect(outcomeOf(result)).toEqual({ ...outcome, rule })
  })

  it('has a test for each of its rows', () => {
    expect(OUTCOME_TABLE.map(({ rule }) => rule).filter((rule) => !rows.some(([tested]) => tested === rule))).toEqual(
      [],
    )
  })

  it.each([
    ['greeting', '599', 'mailbox_fault'],
    ['mail', '499 4.9.9', 'mailbox_fault'],
    ['rcpt', '499 4.9.9', 'deferred'],
    ['rcpt', '599 5.9.9', 'rejected'],
    ['data', '499', 'deferred'],
    ['data', '599', 'rejected'],
    ['dot', '499 4.9.9', 'deferred'],
    ['dot', '599 5.9.9', 'rejected'],
  ] as const)('takes a code that nobody listed by its stage: %s, %s', (stage, line, kind) => {
    expect(outcomeOf(answered(stage, line))).toMatchObject({ kind, leadBounced: false })
  })

  it('says unknown without a word of the server only where the end was released', () => {
    const kinds: DialogueResult['failure'][] = ['lost', 'timeout', 'protocol', 'tls', 'cancelled', 'refused']
    for (const failure of kinds) {
      expect(outcomeOf(ended('body', failure)).kind).not.toBe('unknown')
      expect(outcomeOf(ended('dot', failure)).kind).toBe('unknown')
    }
  })

  it('never marks a lead as bounced for what is the account’s or the domain’s', () => {
    const lines = [
      '550 5.4.5 limit',
      '550 5.1.90 limit',
      '550 5.1.8 sender',
      '535 5.7.8 login',
      '550 5.7.1 policy',
      '550 5.7.26 policy',
      '550 5.7.515 policy',
      '454 4.7.0 later',
      '530 5.7.0 login',
    ]
    for (const stage of ['mail', 'rcpt', 'data', 'dot'] as const) {
      for (const line of lines) expect(outcomeOf(answered(stage, line)).leadBounced).toBe(false)
    }
  })
})
