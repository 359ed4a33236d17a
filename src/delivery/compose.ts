/**
 * A mail's bytes from plain data, encoded by nodemailer. The same data gives the same bytes, on every attempt. Everything that
 * comes from people is kept out of the header's structure: one sender, one recipient, no line break anywhere (see header-text.ts),
 * addresses and Message-IDs checked. Nothing is ever read from a file or an address on the web.
 */
import { hash } from 'node:crypto'
import { detectMimeType } from 'nodemailer/lib/mime-funcs'
import { assert, GoniecError } from '../errors.ts'
import type { Instant } from '../time.ts'
import { toEnvelopeAddress } from './envelope.ts'
import { toHeaderText } from './header-text.ts'
import { checkMessageId, checkReference } from './message-id.ts'
import { mimeBytes } from './mime-bytes.ts'
import { sign, type Signature, toPlainText } from './signature.ts'

export interface Attachment {
  filename: string
  /** By default what the file name's extension says. */
  contentType?: string
  content: Buffer
}

export interface Composition {
  /** The RFC Message-ID, with angle brackets. */
  messageId: string
  from: { name: string; address: string }
  to: { name?: string; address: string }
  subject: string
  /** At least one of text and HTML. Where only HTML is given, the text is made from it. */
  text: string | null
  html: string | null
  signature: Signature | null
  /** The Message-ID that this mail answers, in a thread. */
  inReplyTo: string | null
  /** The Message-IDs of the thread, oldest first. */
  references: readonly string[]
  /** Where a request to unsubscribe goes, for `List-Unsubscribe`. */
  listUnsubscribe: { mailto: string; subject?: string } | null
  date: Instant
  attachments: readonly Attachment[]
  /** Further headers; values of ASCII on one line. */
  headers?: Record<string, string>
}

/** The mail as it goes out, and what of it is kept with the message. */
export interface ComposedMail {
  /** Headers and body, CRLF line ends, ASCII throughout, ends with a line break. */
  bytes: Buffer
  subject: string
  /** The parts as they were put in, with the signature. */
  text: string | null
  html: string | null
  /** As they stand in `bytes`, in order, unfolded. */
  headers: { name: string; value: string }[]
}

/** Makes the bytes of a mail. */
export async function compose(composition: Composition): Promise<ComposedMail> {
  const { text, html } = bodies(composition)
  const subject = toHeaderText(composition.subject)
  const messageId = checkMessageId(composition.messageId)
  const mime = await mimeBytes({
    messageId,
    from: mailAddress(composition.from),
    to: mailAddress(composition.to),
    subject,
    // date: a header has the time as RFC 5322 writes it
    date: new Date(composition.date.epochMilliseconds).toUTCString().replace('GMT', '+0000'),
    ...(text === null ? {} : { text }),
    ...(html === null ? {} : { html }),
    ...threading(composition),
    headers: { ...extraHeaders(composition.headers ?? {}), ...listUnsubscribe(composition.listUnsubscribe) },
    attachments: composition.attachments.map(attachment),
    baseBoundary: hash('sha256', messageId).slice(0, 16),
  })
  const wire = toWireForm(mime)
  return { bytes: Buffer.from(wire, 'latin1'), subject, text, html, headers: headersOf(wire) }
}

/** Every line ends in CRLF, the last one too. Nodemailer does it with one more stream, at a third of the cost of the whole mail. */
function toWireForm(mime: string): string {
  const text = mime.replace(/(?<!\r)\n|\r(?!\n)/g, '\r\n')
  return text.endsWith('\r\n') ? text : `${text}\r\n`
}

/** The subject of a follow-up that has none of its own: a reply to the thread's first mail. */
export function replySubject(firstSubject: string): string {
  return /^re:/i.test(firstSubject.trim()) ? firstSubject : `Re: ${firstSubject}`
}

function bodies(composition: Composition): { text: string | null; html: string | null } {
  const text = toBodyText(composition.text)
  const html = toBodyText(composition.html)
  if (!text?.trim() && !html?.trim()) {
    throw new GoniecError('mail_empty', 'the mail has neither text nor HTML', { hint: 'Give it one of them, or both.' })
  }
  const parts = { text: text?.trim() ? text : toPlainText(html ?? ''), html: html?.trim() ? html : null }
  const signed = sign(parts, composition.signature)
  return { text: toBodyText(signed.text), html: toBodyText(signed.html) }
}

/** Line ends as `\n` (a bare CR would be none to some receivers, and one to others), and no NUL. */
function toBodyText(text: string | null): string | null {
  return text === null ? null : text.replace(/\r\n?/g, '\n').replaceAll('\0', '')
}

function mailAddress({ name, address }: { name?: string; address: string }): { name: string; address: string } {
  return { name: toHeaderText(name ?? ''), address: checkedAddress(address) }
}

function checkedAddress(raw: string): string {
  const { address, problem } = toEnvelopeAddress(raw)
  if (problem === null) return address
  throw new GoniecError('address_invalid', `the address ${problem}`, { hint: 'An address has the form name@domain.' })
}

function threading({ inReplyTo, references }: Composition): { inReplyTo?: string; references?: string[] } {
  if (inReplyTo === null) return {}
  const all = [...new Set([...references, inReplyTo])].map(checkReference)
  // RFC 5322 §3.6.4 sets no limit, servers do: of a long thread the first and the last ones are kept.
  const kept = all.length > MOST_REFERENCES ? [...all.slice(0, 1), ...all.slice(1 - MOST_REFERENCES)] : all
  return { inReplyTo: checkReference(inReplyTo), references: kept }
}

const MOST_REFERENCES = 20

function listUnsubscribe(wanted: Composition['listUnsubscribe']): Record<string, string> {
  if (!wanted) return {}
  // A local part may hold % ? and & (RFC 6068 §2 wants them encoded).
  const address = checkedAddress(wanted.mailto).replace(/[%?&/`{|}^#]/g, encodeURIComponent)
  const query = wanted.subject === undefined ? '' : `?subject=${encodeURIComponent(toHeaderText(wanted.subject))}`
  return { 'List-Unsubscribe': `<mailto:${address}${query}>` }
}

function extraHeaders(headers: Record<string, string>): Record<string, string> {
  for (const [name, value] of Object.entries(headers)) {
    assert(/^X-[A-Za-z0-9-]{1,60}$/.test(name), `${name} is not a header of goniec's own`)
    assert(/^[\x20-\x7e]{0,900}$/.test(value), `the value of ${name} is not one line of ASCII`)
  }
  return headers
}

function attachment({ filename, contentType, content }: Attachment): Attachment & { contentDisposition: 'attachment' } {
  if (contentType !== undefined && !/^[\w.+-]+\/[\w.+-]+(; *[\w-]+=[\w.-]+)*$/.test(contentType)) {
    throw new GoniecError('attachment_type_invalid', `${JSON.stringify(contentType)} is not a content type`, {
      hint: `Write it like application/pdf, or leave it out: the name of ${JSON.stringify(filename)} tells.`,
    })
  }
  // Only the last part of a path: the recipient needs no folders of the sender's machine.
  const name = toHeaderText(filename.replace(/^.*[/\\]/s, '')) || 'attachment'
  const type = contentType ?? detectMimeType(name)
  return { filename: name, content, contentDisposition: 'attachment', contentType: MAIL.test(type) ? OF_BYTES : type }
}

/** Its own encodings would be the whole mail's: such a part may not be encoded itself (RFC 2046 §§ 5.1, 5.2.1), and would go out with 8 bits, NULs and long lines. */
const MAIL = /^(message|multipart)\//i
const OF_BYTES = 'application/octet-stream'

function headersOf(wire: string): { name: string; value: string }[] {
  return wire
    .slice(0, wire.indexOf('\r\n\r\n'))
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n')
    .map((line) => {
      const colon = line.indexOf(':')
      return { name: line.slice(0, colon), value: line.slice(colon + 1).trim() }
    })
}
