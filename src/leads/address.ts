/**
 * The one form of an e-mail address by which people are told apart. Owns what counts as an address and what counts as the same
 * one; every address that enters goniec (definition files, leads, history, suppressions, commands) comes through here.
 *
 * It changes only what cannot make it another person's: case, spaces and invisible characters around it, separators a
 * list left behind it (`;` `,`), the dot that ends an absolute domain, and an international domain into its ASCII form. It never mends a guess: what
 * is not surely one address is refused with the reason. An accepted address holds no character that a header, an envelope or a
 * library could split at.
 */
import { domainToASCII } from 'node:url'

/** An address in its one form with the text it was read from, or the sentence that says why there is none. */
export type AddressResult = { address: string; given: string; problem?: never } | { problem: string; given: string }

const MAX_LOCAL = 64
const MAX_ADDRESS = 254
/** Zero-width, soft hyphen, marks of direction, byte order mark: what copying from web pages and spreadsheets leaves behind. */
const INVISIBLE = /[\u00AD\u200B\u200E\u200F\u202A-\u202E\u2060\u2066-\u2069\uFEFF]/g
const CONTROL = /[\p{Cc}\u2028\u2029]/u
const LOCAL = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const TOP_LABEL = /^(?:[a-z]{2,}|xn--[a-z0-9-]*[a-z0-9])$/

/** Reads one address as people type and paste them. Idempotent: a returned address normalises to itself. */
export function normaliseAddress(raw: string): AddressResult {
  const given = raw.slice(0, 1000)
  const problem = (why: string): AddressResult => ({
    given,
    problem: `${quote(given)} is not an e-mail address: ${why}`,
  })
  const text = strip(raw)
  if (text === '') return { given, problem: 'the address is empty' }
  const shape = shapeProblem(text)
  if (shape !== undefined) return problem(shape)
  const cut = text.lastIndexOf('@')
  const local = text.slice(0, cut)
  const localWhy = localProblem(local)
  if (localWhy !== undefined) return problem(localWhy)
  const domain = normaliseDomain(text.slice(cut + 1))
  if (domain.problem !== undefined) return problem(domain.problem)
  const address = `${local.toLowerCase()}@${domain.domain}`
  if (address.length > MAX_ADDRESS) return problem(`it is longer than ${MAX_ADDRESS} characters`)
  return { address, given }
}

/** A domain in lower case and ASCII, or why it is none. Suppressions of whole domains are kept in this form. */
export function normaliseDomain(raw: string): { domain: string; problem?: never } | { problem: string } {
  const text = strip(raw)
  if (text === '') return { problem: 'nothing stands behind the @' }
  // Checked before the conversion too: it reads `%61` as `a` and `127.1` as an address of a machine.
  if (/[^a-z0-9.\-\u0080-\u{10FFFF}]/iu.test(text))
    return { problem: `the domain ${quote(text)} has a character that none may have` }
  const domain = domainToASCII(text)
  const labels = domain.split('.')
  if (labels.length < 2) return { problem: `the domain ${quote(text)} has no dot` }
  if (!labels.every((label) => LABEL.test(label)) || !TOP_LABEL.test(labels.at(-1) ?? '') || domain.length > 253) {
    return { problem: `${quote(text)} is not a domain` }
  }
  return { domain }
}

function strip(raw: string): string {
  return raw
    .slice(0, 2000)
    .replace(INVISIBLE, '')
    .trim()
    .replace(/[\s;,]+$/, '')
    .replace(/\.$/, '')
}

/** What is wrong with the text as a whole, before it is taken apart. */
function shapeProblem(text: string): string | undefined {
  if (CONTROL.test(text)) return 'it has a line break or another control character in it'
  const named = /<\s*([^<>\s]+@[^<>\s]+?)\s*>/.exec(text)
  if (named !== null) return `it carries a name or brackets; write only ${named[1]}`
  const mailto = /^mailto:(.+)$/i.exec(text)
  if (mailto !== null) return `it is a link; write only ${mailto[1]}`
  if (!text.includes('@')) return 'it has no @'
  if (/@.*[\s,;/|].*@/.test(text)) return 'it holds several addresses; write one to a line'
  if (/@.*@/.test(text)) return 'it has more than one @'
  if (/\s/.test(text)) return 'it has a space in it'
  return undefined
}

function localProblem(local: string): string | undefined {
  if (local === '') return 'nothing stands before the @'
  if (local.length > MAX_LOCAL) return `the part before the @ is longer than ${MAX_LOCAL} characters`
  // Before lower case is made: the Kelvin sign would become an ordinary k.
  const foreign = /[\u0080-\u{10FFFF}]/u.exec(local)
  if (foreign !== null)
    return `the part before the @ has the letter ${quote(foreign[0])}, which mail servers do not take there`
  if (/["()<>[\]:;,\\]/.test(local)) return 'the part before the @ has a quote, a bracket or a separator'
  if (/^\.|\.$|\.\./.test(local)) return 'the part before the @ has a dot at its start, at its end or twice in a row'
  return LOCAL.test(local.toLowerCase()) ? undefined : 'the part before the @ has a character that none may have'
}

function quote(text: string): string {
  const shown = text.length > 80 ? `${text.slice(0, 80)}…` : text
  return JSON.stringify(shown)
}
