/** Joining a mail's parts by itself gives the bytes that nodemailer gives by its streams, whatever the texts are. */
import * as fc from 'fast-check'
import MailComposer from 'nodemailer/lib/mail-composer'
import { expect, test } from 'vitest'
import { mimeBytes } from '../../src/delivery/mime-bytes.ts'

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

const mail = fc.record({
  subject: fc.string({ unit: 'grapheme', maxLength: 100 }),
  text: fc.option(text, { nil: undefined }),
  html: fc.option(text, { nil: undefined }),
  attachments: fc.array(
    fc.record({ filename: fc.constant('a.bin'), content: fc.uint8Array().map((bytes) => Buffer.from(bytes)) }),
    {
      maxLength: 1,
    },
  ),
})

test('a mail’s bytes are those that nodemailer’s streams make', async () => {
  await fc.assert(
    fc.asyncProperty(mail, async (random) => {
      const tree = () => new MailComposer({ ...random, ...FIXED }).compile()
      expect(withLineEnd(await mimeBytes(tree()))).toBe(withLineEnd(await tree().build()))
    }),
    { numRuns: 500 },
  )
})

const FIXED = {
  from: 'anna@firma.example',
  to: 'jan@spolka.example',
  messageId: '<1@firma.example>',
  date: 'Thu, 26 Nov 2026 08:00:00 +0000',
  baseBoundary: 'b',
}

/** The stream ends a mail with a line break; whoever composes sees to that for both. */
function withLineEnd(bytes: Buffer): string {
  return bytes.toString('latin1').replace(/\r?\n?$/, '\r\n')
}
