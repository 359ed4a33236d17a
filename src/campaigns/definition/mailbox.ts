/** The `mailboxes` and `salespeople` of a definition file, as keys and values. */
import { z } from 'zod'
import type { Security, ServerAccount } from './definition.ts'
import { keyed, rule } from './keyed.ts'
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
    smtp: account('smtp'),
    imap: account('imap').optional(),
    warmup: keyed({ started: date(), daily_limit: wholeNumber(0).optional() }).optional(),
  })
}

/** A server with its login. Security is never left to chance: without a word SMTP demands STARTTLS (on port 465: TLS), IMAP TLS. */
function account(protocol: Protocol) {
  return keyed({
    host: host(),
    port: wholeNumber(1, 65_535).optional(),
    security: oneOf(['tls', 'starttls', 'none']).optional(),
    user: line('a user name').optional(),
    password: passwordReference().optional(),
  })
    .check(
      rule<{ user?: unknown; password?: unknown }>(({ user, password }, report) => {
        if (user !== undefined && password === undefined)
          report([], 'has a user and no password; a login takes both, or neither')
        if (user === undefined && password !== undefined)
          report([], 'has a password and no user; a login takes both, or neither')
      }),
    )
    .transform(({ host, port, security = defaultSecurity(protocol, port), user, password }): ServerAccount => {
      return { host, port: port ?? PORTS[protocol][security], security, user: user ?? null, password: password ?? null }
    })
}

function defaultSecurity(protocol: Protocol, port: number | undefined): Security {
  return protocol === 'imap' ? (port === 143 ? 'starttls' : 'tls') : port === 465 ? 'tls' : 'starttls'
}

export type SalespersonData = z.output<ReturnType<typeof salesperson>>
export type MailboxData = z.output<ReturnType<typeof mailbox>>
