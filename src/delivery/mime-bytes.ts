/**
 * A mail's bytes as nodemailer makes them, without its tree of parts: which headers a mail has, in which order, and how its parts are joined is
 * said here; how a part's text is encoded in part-encoding.ts; how a header's value is, unless it needs no encoding, is nodemailer's. Its composer asks for every header by name again and again, and
 * joins the parts through some thirty streams: together four times as much, and a worker composes every mail that it sends. Mails with
 * attachments or long texts are left to it. That both give the same bytes is a property (tests/property/mime.test.ts).
 */
import MailComposer from 'nodemailer/lib/mail-composer'
import { foldLines } from 'nodemailer/lib/mime-funcs'
import MimeNode from 'nodemailer/lib/mime-node'
import { encodeText } from './part-encoding.ts'

/** What a mail is made of, in nodemailer's words. */
export interface MimeMail {
  headers: Record<string, string>
  from: { name: string; address: string }
  to: { name: string; address: string }
  inReplyTo?: string
  references?: string[]
  subject: string
  messageId: string
  date: string
  text?: string
  html?: string
  attachments: { filename: string; contentType?: string; content: Buffer }[]
  /** Stands in the line between two parts. */
  baseBoundary: string
}

/** The bytes of this mail, a character (of latin1) for each. */
export async function mimeBytes(mail: MimeMail): Promise<string> {
  const parts = [partOf('text/plain', mail.text), partOf('text/html', mail.html)].filter((part) => part !== undefined)
  if (mail.attachments.length > 0 || parts.length === 0 || parts.some(isLeft))
    return (await composed(mail)).toString('latin1')
  const text = joined(mail, parts)
  return ASCII.test(text) ? text : Buffer.from(text).toString('latin1')
}

// oxlint-disable-next-line no-control-regex -- whatever a byte below 128 can be
const ASCII = /^[\x00-\x7f]*$/

async function composed(mail: MimeMail): Promise<Buffer> {
  return await new MailComposer({ ...mail, disableFileAccess: true, disableUrlAccess: true }).compile().build()
}

/** Nodemailer encodes longer parts slice by slice, and by its stream wraps the last line otherwise if it ends in a blank. */
function isLeft({ content }: Part): boolean {
  return content.length > LONGEST || /[ \t]$/.test(content)
}

const LONGEST = 32_768

interface Part {
  type: string
  content: string
}

function partOf(type: string, content: string | undefined): Part | undefined {
  // Nodemailer leaves out a part without text.
  return content ? { type: `${type}; charset=utf-8`, content } : undefined
}

function joined(mail: MimeMail, parts: readonly Part[]): string {
  const head = headLines(mail)
  const [first, second] = parts.map(encodedPart)
  if (!second) {
    const type = first?.head.slice(0, 1) ?? []
    const encoding = first?.head.slice(1) ?? []
    return [...head, ...encoding, VERSION, ...type, '', first?.body].join('\r\n')
  }
  const boundary = `--_NmP-${mail.baseBoundary}-Part_1`
  const type = foldLines(`Content-Type: multipart/alternative; boundary="${boundary}"`, 76)
  const bodies = [first, second].map((part) => [`--${boundary}`, ...(part?.head ?? []), '', part?.body].join('\r\n'))
  return `${[...head, VERSION, type, '', ...bodies].join('\r\n')}\r\n--${boundary}--\r\n`
}

const VERSION = 'MIME-Version: 1.0'

/** The part's own headers, type and encoding, and its text as it goes out. */
function encodedPart({ type, content }: Part): { head: string[]; body: string } {
  const { encoding, body } = encodeText(content)
  return { head: [`Content-Type: ${type}`, `Content-Transfer-Encoding: ${encoding}`], body }
}

/** All headers but those that say how the parts are joined. */
function headLines(mail: MimeMail): string[] {
  return [
    ...Object.entries(mail.headers).map(([name, value]) => keptLine(name, value)),
    keptLine('From', mail.from),
    mail.to.name === '' && PLAIN_ADDRESS.test(mail.to.address)
      ? asItIs('To', mail.to.address)
      : headerLine('To', mail.to),
    mail.inReplyTo ? headerLine('In-Reply-To', mail.inReplyTo) : undefined,
    mail.references ? headerLine('References', mail.references) : undefined,
    mail.subject ? headerLine('Subject', mail.subject) : undefined,
    asItIs('Message-ID', mail.messageId),
    asItIs('Date', mail.date),
  ].filter((line) => line !== undefined)
}

type HeaderValue = Parameters<MimeNode['encodeHeaderValue']>[1]

// Without a boundary of its own a node takes one by chance, which costs more than all else of it.
const encoder = new MimeNode('text/plain', { baseBoundary: 'none' })

function headerLine(name: string, value: HeaderValue): string | undefined {
  const encoded = encoder.encodeHeaderValue(name, value)
  return encoded.trim() ? foldLines(`${name}: ${encoded}`, 76) : undefined
}

/** A value that is ASCII on one line, and needs no encoding. A short line needs no folding either. */
function asItIs(name: string, value: string): string {
  const line = `${name}: ${value}`
  return line.length < 76 ? line : foldLines(line, 76)
}

/** One that nodemailer writes as it is: most addresses. */
const PLAIN_ADDRESS = /^[a-z0-9]+([._+-][a-z0-9]+)*@[a-z0-9]+([.-][a-z0-9]+)*\.[a-z]+$/

/** Lines that are the same in all mails of a mailbox. */
const kept = new Map<string, string | undefined>()
const MOST_KEPT = 1000

function keptLine(name: string, value: HeaderValue): string | undefined {
  const key = `${name}:${typeof value === 'string' ? value : JSON.stringify(value)}`
  if (kept.has(key)) return kept.get(key)
  if (kept.size >= MOST_KEPT) kept.clear()
  const line = headerLine(name, value)
  kept.set(key, line)
  return line
}
