/**
 * The two addresses of an envelope: one sender, one recipient, each a plain `local@domain` in ASCII. What a library might split
 * or an SMTP line might end (commas, spaces, quotes, line breaks, controls, angle brackets) is refused here, before any
 * connection, so that no address from a list of leads can name a second recipient.
 */
import { domainToASCII } from 'node:url'

/** An address as it goes into MAIL FROM or RCPT TO, or why it cannot. */
export type EnvelopeAddress = { address: string; problem: null } | { address: null; problem: string }

/** Checks an address and writes its domain in ASCII (IDN to punycode). */
export function toEnvelopeAddress(raw: string): EnvelopeAddress {
  const problem = problemWith(raw)
  if (problem !== null) return { address: null, problem: `${JSON.stringify(raw.slice(0, 100))} ${problem}` }
  const at = raw.lastIndexOf('@')
  return { address: `${raw.slice(0, at)}@${toAsciiDomain(raw.slice(at + 1))}`, problem: null }
}

/** The domain in ASCII and lower case, or an empty string where it is none. */
export function toAsciiDomain(domain: string): string {
  if (PLAIN_DOMAIN.test(domain)) return domain
  // domainToASCII would also turn "1.2" into an IPv4 address and take "a/b"; only what looks like a domain is given to it.
  if (!/^[\p{L}\p{M}\p{N}.-]+$/u.test(domain) || /^[\d.]+$/.test(domain)) return ''
  return domainToASCII(domain)
}

/** What is the same in ASCII: nearly all of them, and looked at several times for each mail. */
const PLAIN_DOMAIN = /^[a-z0-9]+([.-][a-z0-9]+)*\.[a-z]+$/

// RFC 5321 §4.1.2 dot-string; quoted local parts are allowed there, and refused here.
const LOCAL_PART = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

function problemWith(raw: string): string | null {
  if (/[\p{Cc}\u2028\u2029]/u.test(raw)) return 'holds a line break or another control character'
  const at = raw.lastIndexOf('@')
  if (at < 1 || at === raw.length - 1) return 'is not an address of the form name@domain'
  const local = raw.slice(0, at)
  if (/\P{ASCII}/u.test(local))
    return 'has letters before the @ that SMTP carries only with SMTPUTF8, which goniec does not use'
  if (!LOCAL_PART.test(local)) return 'has a character before the @ that no single plain address has'
  if (local.length > 64) return 'is longer than 64 characters before the @'
  const domain = toAsciiDomain(raw.slice(at + 1))
  if (domain === '' || !domain.split('.').every((label) => LABEL.test(label))) return 'does not end in a domain name'
  if (local.length + 1 + domain.length > 254) return 'is longer than 254 characters'
  return null
}
