/** The `mailboxes` and `salespeople` of a definition file, as keys and values. */
import { z } from 'zod'
import type { Security, ServerAccount, SmtpServer } from './definition.ts'
import { keyed, rule, type Report } from './keyed.ts'
import { oauth2 } from './oauth2.ts'
import { textPart } from './text-part.ts'
import { address, date, duration, host, line, oneOf, passwordReference, wholeNumber } from './values.ts'

type Protocol = 'smtp' | 'imap'

const PORTS: Record<Protocol, Record<Security, number>> = {
  smtp: { tls: 465, starttls: 587, none: 25 },
  imap: { tls: 993, starttls: 143, none: 143 },
}

export function salesperson() {
  return keyed({ email: address(), name: line('a name'), daily_limit: wholeNumber(0).optional() })
}

/** The keys of a mailbox; its signature may lie in files beside the definition file, in `directory`. */
export function mailbox(directory: string) {
  return keyed({
    address: address(),
    name: line('a name').optional(),
    salesperson: address(),
    daily_limit: wholeNumber(0).default(50),
    min_gap: duration().default(60_000),
    signature: keyed({ text: textPart(directory).optional(), html: textPart(directory).optional() }).optional(),
    unsubscribe: address().optional(),
    smtp: smtpServer(),
    imap: imapServer().optional(),
    warmup: keyed({ started: date(), daily_limit: wholeNumber(0).optional() }).optional(),
  })
}

/** A server with its login. Security is never left to chance: without a word SMTP demands STARTTLS (on port 465: TLS), IMAP TLS. */
const SERVER = {
  host: host(),
  port: wholeNumber(1, 65_535).optional(),
  security: oneOf(['tls', 'starttls', 'none']).optional(),
  user: line('a user name').optional(),
  password: passwordReference().optional(),
}

function smtpServer() {
  return keyed({ ...SERVER, oauth2: oauth2().optional() })
    .check(
      rule<{ user?: unknown; password?: unknown; oauth2?: unknown }>(({ user, password, oauth2 }, report) => {
        if (password !== undefined && oauth2 !== undefined)
          report([], 'has a password and oauth2; a login takes one of them')
        else if (user === undefined && oauth2 !== undefined)
          report([], 'has oauth2 and no user; a login takes both, or neither')
        else if (oauth2 === undefined) checkLogin(user, password, report)
      }),
    )
    .transform(({ oauth2, ...server }): SmtpServer => ({ ...accountOf('smtp', server), oauth2: oauth2 ?? null }))
}

function imapServer() {
  return keyed(SERVER)
    .check(
      rule<{ user?: unknown; password?: unknown }>(({ user, password }, report) => checkLogin(user, password, report)),
    )
    .transform((server) => accountOf('imap', server))
}

function checkLogin(user: unknown, password: unknown, report: Report): void {
  if (user !== undefined && password === undefined)
    report([], 'has a user and no password; a login takes both, or neither')
  if (user === undefined && password !== undefined)
    report([], 'has a password and no user; a login takes both, or neither')
}

interface ServerData {
  host: string
  port?: number | undefined
  security?: Security | undefined
  user?: string | undefined
  password?: string | undefined
}

function accountOf(protocol: Protocol, { host, port, security, user, password }: ServerData): ServerAccount {
  const chosen = security ?? defaultSecurity(protocol, port)
  return {
    host,
    port: port ?? PORTS[protocol][chosen],
    security: chosen,
    user: user ?? null,
    password: password ?? null,
  }
}

function defaultSecurity(protocol: Protocol, port: number | undefined): Security {
  return protocol === 'imap' ? (port === 143 ? 'starttls' : 'tls') : port === 465 ? 'tls' : 'starttls'
}

export type SalespersonData = z.output<ReturnType<typeof salesperson>>
export type MailboxData = z.output<ReturnType<typeof mailbox>>
