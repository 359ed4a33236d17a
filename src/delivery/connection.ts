/**
 * Opens the socket to a mailbox's SMTP server, with TLS from the start where the account says so. Goniec opens it, and not
 * nodemailer, so that a name that does not resolve, a closed port and a bad certificate are told apart by the phase they
 * happened in.
 */
import net from 'node:net'
import tls from 'node:tls'
import type { SMTPConnectionOptions } from 'nodemailer/lib/smtp-connection'
import { messageOf } from '../errors.ts'
import { sharedLookup } from './shared-lookup.ts'

/** How to reach and log in to a mailbox's server; secrets are resolved already. */
export interface SmtpAccount {
  host: string
  port: number
  /** `starttls` is required, never downgraded; `none` never upgrades. */
  security: 'tls' | 'starttls' | 'none'
  /** Null: no login. An access token is used with XOAUTH2. */
  auth: { user: string; pass: string } | { user: string; accessToken: string } | null
  /** The name in EHLO; by default this machine's, or `[127.0.0.1]`. */
  clientName?: string
  /** For tests only: an own authority, or none. */
  tls?: { ca?: string | Buffer; rejectUnauthorized?: boolean }
}

/** What brought a dialogue to its end, other than the acceptance of the mail. */
export type FailureKind =
  /** The mailbox's address, or the lead's, cannot stand in an envelope; nothing was connected. */
  | 'invalid_sender'
  | 'invalid_recipient'
  | 'dns'
  /** No connection: port closed, no route, refused by a firewall. */
  | 'unreachable'
  /** The server's certificate is not the one of a trusted server of that name. */
  | 'certificate'
  /** The TLS handshake failed otherwise. */
  | 'tls'
  /** The server said no, completely. */
  | 'refused'
  /** The connection ended while a reply was due. */
  | 'lost'
  | 'timeout'
  /** What came is not SMTP, or not in its place. */
  | 'protocol'
  /** The fence said no, or failed. */
  | 'fence_refused'
  /** Too much time had passed since the fence when the content was complete. */
  | 'too_late_at_dot'
  /** The caller gave up. */
  | 'cancelled'

export interface Failure {
  kind: FailureKind
  text: string
}

/** The account as nodemailer's options, for a socket that is open already. */
export function connectionOptions(account: SmtpAccount, timersMs: number): SMTPConnectionOptions {
  const { host, port, security, clientName } = account
  return {
    host,
    port,
    secure: security === 'tls',
    secured: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    tls: tlsOptions(account),
    connectionTimeout: timersMs,
    greetingTimeout: timersMs,
    socketTimeout: timersMs,
    // Closing destroys: what has not left this process when a dialogue is ended must not leave it afterwards.
    socketCloseTimeout: 0,
    ...(clientName === undefined ? {} : { name: clientName }),
  }
}

export interface SocketEvents {
  /** TCP is up, the TLS handshake begins. */
  onHandshake: () => void
  onReady: () => void
  onFailure: (failure: Failure) => void
}

/** Opens the socket. The events come later, never within the call. After `onReady` the socket's errors are its user's. */
export function openSocket(account: SmtpAccount, { onHandshake, onReady, onFailure }: SocketEvents): net.Socket {
  const { host, port } = account
  const target = {
    host,
    port,
    lookup: sharedLookup,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: FAMILY_ATTEMPT_MS,
  }
  const secure = account.security === 'tls'
  const socket = secure ? tls.connect({ ...tlsOptions(account), ...target }) : net.connect(target)
  const onError = (error: Error): void => onFailure(socketFailure(error))
  const onClose = (): void => onFailure({ kind: 'lost', text: 'the connection was closed' })
  socket.once('error', onError)
  socket.once('close', onClose)
  if (secure) socket.once('connect', onHandshake)
  socket.once(secure ? 'secureConnect' : 'connect', () => {
    socket.removeListener('error', onError)
    socket.removeListener('close', onClose)
    // Whoever uses the socket listens for its errors; one that comes after its end must not stop the process.
    socket.on('error', () => undefined)
    onReady()
  })
  return socket
}

/** Which kind of failure a socket's error is. */
export function socketFailure(error: Error): Failure {
  // Nodemailer puts a code of its own over the system's.
  const { code = '', syscall = '', originalCode = code } = error as NodeJS.ErrnoException & { originalCode?: string }
  // Each of a host's addresses was tried.
  if (error instanceof AggregateError) return { kind: 'unreachable', text: messageOf(error) }
  return { kind: kindOf(originalCode, syscall), text: error.message === '' ? originalCode : readable(error.message) }
}

/** OpenSSL's words for people: its line has numbers, names of its routines and of a file, and the reason in between. */
function readable(message: string): string {
  const reason = /:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):/.exec(message)?.[1]
  if (reason === 'wrong version number' || reason === 'packet length too long')
    return 'the server begins without TLS: security is "starttls" there (port 587, as a rule; 465 is for "tls")'
  return (reason ?? message).replace(/; if the root CA is installed locally, .*/, OWN_AUTHORITY)
}

/** Instead of a flag of Node's, which is for whoever starts node by hand. */
const OWN_AUTHORITY =
  '; if an authority of your company’s own has signed it: start the worker with NODE_EXTRA_CA_CERTS=/path/to/ca.pem'

/** A server that does not greet: each may be waiting for the other's first word, and people are told of the setting that makes it ours. */
export function silence({ security }: SmtpAccount, ms: number): string {
  const maybe = 'the server may be waiting for TLS: security is "tls" then (port 465, as a rule; 587 is for "starttls")'
  return `not a word within ${ms} ms${security === 'tls' ? '' : `; ${maybe}`}`
}

/** TLS as goniec uses it for `tls` and `starttls`: 1.2 or newer, certificate and name verified. */
function tlsOptions(account: SmtpAccount): tls.ConnectionOptions {
  const name = net.isIP(account.host) === 0 ? { servername: account.host } : {}
  return { minVersion: 'TLSv1.2', rejectUnauthorized: true, ...name, ...account.tls }
}

/** How long one of several addresses of a host is tried before the next one joins. */
const FAMILY_ATTEMPT_MS = 2_000

function kindOf(code: string, syscall: string): FailureKind {
  if (syscall === 'getaddrinfo' || /^(ENOTFOUND|EAI_)/.test(code)) return 'dns'
  if (/CERT|SIGNATURE|UNABLE_TO|HOSTNAME_MISMATCH|CRL_/.test(code)) return 'certificate'
  if (/^(ERR_SSL|ERR_TLS|EPROTO)/.test(code)) return 'tls'
  if (syscall === 'connect' || /^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN)$/.test(code)) return 'unreachable'
  return 'lost'
}
