/**
 * How a part's text goes out, as nodemailer decides and encodes it: as it is, as quoted-printable or as base64. Its own node of a tree of parts asks
 * for headers by name before it decides, and its encoder goes through a text byte by byte. That both give the same is a property
 * (tests/property/mime.test.ts).
 */
import * as base64 from 'nodemailer/lib/base64'
import * as qp from 'nodemailer/lib/qp'

/** A text as it goes out. */
export interface EncodedText {
  encoding: '7bit' | 'quoted-printable' | 'base64'
  body: string
}

/** ASCII with short lines stays as it is; what is mostly Latin letters stays readable. */
export function encodeText(text: string): EncodedText {
  if (!BEYOND_ASCII.test(text) && !LONG_LINE.test(text)) return { encoding: '7bit', body: text }
  if (isMostlyLatin(text)) return { encoding: 'quoted-printable', body: qp.wrap(quotedPrintable(text)) }
  return { encoding: 'base64', body: base64.wrap(base64.encode(text)) }
}

// oxlint-disable-next-line no-control-regex -- controls are what is looked for
const BEYOND_ASCII = /[\x00-\x08\x0b\x0c\x0e-\x1f\u0080-\uffff]/
const LONG_LINE = /^.{77,}/m

/** More letters from A to Z than controls and characters beyond ASCII. */
function isMostlyLatin(text: string): boolean {
  let lead = 0
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index)
    if (isLetter(code)) lead += 1
    else if (code >= 0x80 || (code < 0x20 && code !== 0x09 && code !== 0x0a && code !== 0x0d)) lead -= 1
    // Whatever else is in it, it cannot turn the scale any more.
    if (lead > text.length - index) return true
  }
  return lead > 0
}

function isLetter(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a)
}

/** RFC 2045 §6.7, lines as they are. */
function quotedPrintable(text: string): string {
  return text.replace(QUOTED, quoted)
}

// oxlint-disable-next-line no-control-regex -- controls are what is looked for
const QUOTED = /[\x00-\x08\x0b\x0c\x0e-\x1f=\x7f-\u{10ffff}]|[ \t](?=[\r\n]|$)/gu

/** A text's few letters beyond ASCII come again and again. */
const known = new Map<string, string>()
const MOST_KNOWN = 1000

function quoted(character: string): string {
  const before = known.get(character)
  if (before !== undefined) return before
  if (known.size >= MOST_KNOWN) known.clear()
  const bytes = [...Buffer.from(character)].map((byte) => `=${byte.toString(16).toUpperCase().padStart(2, '0')}`)
  const made = bytes.join('')
  known.set(character, made)
  return made
}
