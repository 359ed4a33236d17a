/** Putting a mail together by itself gives the bytes that nodemailer's composer gives, whatever the texts and names are. */
import { domainToASCII } from 'node:url'
import * as fc from 'fast-check'
import MailComposer from 'nodemailer/lib/mail-composer'
import { expect, test } from 'vitest'
import { toAsciiDomain, toEnvelopeAddress } from '../../src/delivery/envelope.ts'
import { toHeaderText } from '../../src/delivery/header-text.ts'
import { mimeBytes, type MimeMail } from '../../src/delivery/mime-bytes.ts'

/** What decides about encodings and line breaks: long words and lines, other scripts, blanks before line ends, dots, equals signs. */
const piece = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.string({ maxLength: 200 }),
  fc.constantFrom(
    '\n',
    '\r\n',
    ' \n',
    '\t',
    '=',
    '.',
    'ż',
    'Zażółć gęślą jaźń',
    '漢字',
    '😀',
    ' ',
    '\u0000',
    'a'.repeat(80),
    '='.repeat(76),
  ),
)
const text = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(''))

/** Names as people have them, and worse: the address is checked before. */
const person = (address: string) =>
  fc.record({
    name: fc
      .oneof(fc.string({ unit: 'grapheme', maxLength: 60 }), fc.constantFrom('', 'Żak, Anna', 'Anna "A" Nowak'))
      .map(toHeaderText),
    address: fc.oneof(
      fc.constantFrom(address, `long.${'x'.repeat(50)}@${'y'.repeat(40)}.example`, 'Anna.B@xn--zcka-2ob.example'),
      fc
        .stringMatching(/^[a-z0-9._+-]{1,30}@[a-z0-9.-]{1,30}\.[a-z]{2,9}$/)
        .filter((some) => toEnvelopeAddress(some).problem === null),
    ),
  })
const id = fc.stringMatching(/^<[a-z0-9.]{1,90}@[a-z]{1,20}>$/)

const mail = fc.record(
  {
    headers: fc.constantFrom(
      {},
      { 'X-Goniec-Test': 'yes', 'List-Unsubscribe': '<mailto:anna@firma.example?subject=unsubscribe>' },
    ),
    from: person('anna@firma.example'),
    to: person('jan@spolka.example'),
    inReplyTo: id,
    references: fc.array(id, { minLength: 1, maxLength: 12 }),
    subject: fc.string({ unit: 'grapheme', maxLength: 300 }).map(toHeaderText),
    messageId: id,
    date: fc.constant('Thu, 26 Nov 2026 08:00:00 +0000'),
    text,
    html: text,
    attachments: fc.array(
      fc.record({
        filename: fc.constant('a.bin'),
        content: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      }),
      { maxLength: 1 },
    ),
    baseBoundary: fc.stringMatching(/^[0-9a-f]{16}$/),
  },
  { requiredKeys: ['headers', 'from', 'to', 'subject', 'messageId', 'date', 'attachments', 'baseBoundary'] },
)

test('a mail’s bytes are those that nodemailer’s composer makes', async () => {
  await fc.assert(
    fc.asyncProperty(mail, async (random) => {
      const composed = await new MailComposer(random).compile().build()
      expect(withLineEnd(await mimeBytes(random as MimeMail))).toBe(withLineEnd(composed.toString('latin1')))
    }),
    { numRuns: 500 },
  )
})

/** The stream ends a mail with a line break; whoever composes sees to that for both. */
function withLineEnd(bytes: string): string {
  return bytes.replace(/\r?\n?$/, '\r\n')
}

test('a domain that is taken as it is, is the one that the rules of the web make of it', () => {
  const plain = fc.stringMatching(/^[a-z0-9.-]{1,40}$/).filter((random) => !/^[\d.]+$/.test(random))
  fc.assert(
    fc.property(fc.oneof(plain, fc.domain()), (random) => {
      expect(toAsciiDomain(random)).toBe(domainToASCII(random))
    }),
    { numRuns: 5000 },
  )
})
