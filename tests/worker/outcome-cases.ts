/**
 * What a server can do at each stage, and what must stand in the tables after one attempt: DESIGN's outcome table, from the wire to the rows.
 * Each case has a mailbox, a server, a campaign and a lead of its own.
 */
import { both, deaf, drip, fin, half, raw, reply, rst, silence, type Plan } from '../smtp/fault-server.ts'

/** The rows of a case, after its attempt. */
export interface Rows {
  attempt: string
  message: string
  /** Attempts that count towards giving the mail up, and those that do not. */
  counted: number
  uncounted: number
  /** The slots of mailbox, campaign and salesperson, and the lead's day: used, or given back. */
  taken: boolean
  /** Faults of the mailbox in a row, and whether it leaves its server alone for a while. */
  faults: number
  backsOff: boolean
  mailbox: string
  bounced: boolean
}

export interface Case {
  title: string
  plan: Plan
  rows: Rows
  /** Faults of the mailbox before. */
  faultsBefore?: number
  /** The mail is so long that the server's deed at `body` comes before its end. */
  long?: true
}

const still: Rows = {
  attempt: 'accepted',
  message: 'sent',
  counted: 0,
  uncounted: 0,
  taken: true,
  faults: 0,
  backsOff: false,
  mailbox: 'active',
  bounced: false,
}
const pending: Rows = { ...still, message: 'pending' }
const faulty: Rows = { ...pending, uncounted: 1, faults: 1, backsOff: true }

const accepted = still
/** Answered with a code, or not at all; before MAIL nothing was taken. */
const refusedEarly: Rows = { ...faulty, attempt: 'deferred', taken: false }
const endedEarly: Rows = { ...faulty, attempt: 'aborted', taken: false }
const refusedAtMail: Rows = { ...faulty, attempt: 'deferred' }
const endedAtMail: Rows = { ...faulty, attempt: 'aborted' }
const deferred: Rows = { ...pending, attempt: 'deferred', counted: 1 }
const refused: Rows = { ...still, attempt: 'rejected', message: 'failed', faults: 1 }
const bounced: Rows = { ...refused, faults: 0, bounced: true }
const aborted: Rows = { ...pending, attempt: 'aborted', uncounted: 1 }
const doubtful: Rows = { ...still, attempt: 'in_doubt', message: 'in_doubt' }

/** A pace at which no reply ends within its deadline, and no pause looks like silence. */
const DRIP_MS = 200

function early(stage: 'greeting' | 'ehlo' | 'auth', rows: { answered: Rows; ended: Rows }): Case[] {
  return [
    { title: `${stage}: the connection is ended`, plan: { [stage]: fin }, rows: rows.ended },
    { title: `${stage}: the connection is reset`, plan: { [stage]: rst }, rows: rows.ended },
    { title: `${stage}: 4xx`, plan: { [stage]: reply('451 4.3.0 Not now') }, rows: rows.answered },
    { title: `${stage}: 5xx`, plan: { [stage]: reply('554 5.3.0 Not you') }, rows: rows.answered },
    { title: `${stage}: silence`, plan: { [stage]: silence }, rows: rows.ended },
    { title: `${stage}: a reply without an end`, plan: { [stage]: drip('250-', DRIP_MS, true) }, rows: rows.ended },
  ]
}

export const CASES: readonly Case[] = [
  { title: 'a server that takes the mail', plan: {}, rows: accepted },
  { title: 'an answer ends a row of faults', plan: {}, rows: accepted, faultsBefore: 3 },

  ...early('greeting', { answered: refusedEarly, ended: endedEarly }),
  ...early('ehlo', { answered: refusedEarly, ended: endedEarly }),
  ...early('auth', { answered: refusedEarly, ended: endedEarly }),
  {
    title: 'the fifth refused login in a row breaks the mailbox',
    plan: { auth: reply('535 5.7.8 Username and Password not accepted') },
    rows: { ...refusedEarly, faults: 5, mailbox: 'broken' },
    faultsBefore: 4,
  },
  {
    title: 'the tenth fault in a row breaks the mailbox',
    plan: { greeting: fin },
    rows: { ...endedEarly, faults: 10, mailbox: 'broken' },
    faultsBefore: 9,
  },

  { title: 'mail: the connection is ended', plan: { mail: fin }, rows: endedAtMail },
  { title: 'mail: 4xx', plan: { mail: reply('451 4.3.2 Please try again later') }, rows: refusedAtMail },
  { title: 'mail: 5xx', plan: { mail: reply('550 5.7.1 Sender denied') }, rows: refusedAtMail },
  { title: 'mail: silence', plan: { mail: silence }, rows: endedAtMail },

  { title: 'rcpt: the connection is ended', plan: { rcpt: fin }, rows: aborted },
  { title: 'rcpt: greylisting', plan: { rcpt: reply('451 4.7.1 Greylisting in action') }, rows: deferred },
  {
    title: 'rcpt: a mailbox with faults gets an answer about a lead',
    plan: { rcpt: reply('450 4.2.1 Mailbox busy') },
    rows: deferred,
    faultsBefore: 3,
  },
  { title: 'rcpt: no such user', plan: { rcpt: reply('550 5.1.1 No such user') }, rows: bounced },
  { title: 'rcpt: relaying denied', plan: { rcpt: reply('550 relay not permitted') }, rows: refused },
  { title: 'rcpt: too many connections', plan: { rcpt: reply('421 4.7.0 Slow down') }, rows: refusedAtMail },
  { title: 'rcpt: the limit of the account', plan: { rcpt: reply('550 5.4.5 Daily limit') }, rows: refusedAtMail },
  { title: 'rcpt: silence', plan: { rcpt: silence }, rows: aborted },

  { title: 'data: the connection is ended', plan: { data: fin }, rows: aborted },
  { title: 'data: 4xx', plan: { data: reply('452 4.3.1 Out of space') }, rows: deferred },
  { title: 'data: 5xx', plan: { data: reply('554 5.7.1 Spam') }, rows: refused },
  { title: 'data: silence', plan: { data: silence }, rows: aborted },

  { title: 'body: the connection is reset', plan: { body: rst }, rows: aborted, long: true },
  { title: 'body: 4xx', plan: { body: both(deaf, reply('452 4.3.1 Out of space')) }, rows: deferred, long: true },
  { title: 'body: 5xx', plan: { body: both(deaf, reply('552 5.3.4 Too big')) }, rows: refused, long: true },
  { title: 'body: nothing is read any more', plan: { body: deaf }, rows: aborted, long: true },

  { title: 'dot: the connection is ended', plan: { dot: fin }, rows: doubtful },
  { title: 'dot: the connection is reset', plan: { dot: rst }, rows: doubtful },
  { title: 'dot: half a reply that would be yes', plan: { dot: half('250 2.0.0 O') }, rows: doubtful },
  { title: 'dot: half a reply that would be no', plan: { dot: half('550 5.7') }, rows: doubtful },
  { title: 'dot: the first of several lines', plan: { dot: both(raw('250-First\r\n'), fin) }, rows: doubtful },
  { title: 'dot: silence', plan: { dot: silence }, rows: doubtful },
  { title: 'dot: a reply without an end', plan: { dot: drip('250-', DRIP_MS, true) }, rows: doubtful },
  { title: 'dot: a reply that comes slowly', plan: { dot: drip('250 Ok\r\n', DRIP_MS) }, rows: accepted },
  { title: 'dot: 4xx', plan: { dot: reply('451 4.3.0 Try again') }, rows: deferred },
  { title: 'dot: 5xx', plan: { dot: reply('554 5.7.1 Spam') }, rows: refused },
  { title: 'dot: 421', plan: { dot: reply('421 4.3.2 Shutting down') }, rows: refusedAtMail },
]
