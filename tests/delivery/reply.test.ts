import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Heard, ReplyReader, showReply } from '../../src/delivery/reply.ts'

function read(...chunks: (string | Buffer)[]): Heard[] {
  const reader = new ReplyReader()
  return chunks.flatMap((chunk) => reader.read(Buffer.from(chunk)))
}

describe('a reply', () => {
  it('is one line with a code, an enhanced code and a text', () => {
    expect(read('550 5.1.1 No such user\r\n')).toEqual([
      { reply: { code: 550, enhanced: '5.1.1', text: 'No such user' }, problem: null },
    ])
  })

  it('may have several lines, of which each repeats the codes', () => {
    const [heard] = read('550-5.4.5 Daily limit\r\n550-5.4.5 exceeded.\r\n550 5.4.5 See help\r\n')
    expect(heard?.reply).toEqual({ code: 550, enhanced: '5.4.5', text: 'Daily limit exceeded. See help' })
    expect(heard?.reply && showReply(heard.reply)).toBe('550 5.4.5 Daily limit exceeded. See help')
  })

  it('may be a bare code, and may end with a bare line feed', () => {
    expect(read('250\r\n', '354 \n').map(({ reply }) => reply?.code)).toEqual([250, 354])
  })

  it('does not exist until its last line has ended', () => {
    expect(read('250 2.0.0 Ok: queued')).toEqual([])
    expect(read('250-2.0.0 Ok\r\n')).toEqual([])
    expect(read('250-2.0.0 Ok\r\n250 queued\r')).toEqual([])
  })

  it('has nothing in it that a log or a database could not take', () => {
    const [heard] = read(Buffer.from('550 a\u0000b\u0007c zażółć \u001b[31m\r\n'))
    expect(heard?.reply?.text).toBe('a b c zażółć  [31m')
    expect(read(`550 ${'x'.repeat(5_000)}\r\n`)[0]?.reply?.text).toHaveLength(1_000)
  })

  it.each([
    ['hello\r\n', /not an SMTP reply/],
    ['1xx\r\n', /not an SMTP reply/],
    ['150 what\r\n', /not an SMTP reply/],
    ['2500 what\r\n', /not an SMTP reply/],
    ['250-yes\r\n550 no\r\n', /not an SMTP reply/],
    ['x'.repeat(9_000), /without an end/],
    ['250-more\r\n'.repeat(201), /more lines/],
    ['\r\n'.repeat(21), /empty lines/],
  ])('is not %j', (bytes, problem) => {
    expect(read(bytes)[0]?.problem).toMatch(problem)
  })

  it('is read alike however its bytes are cut', () => {
    const line = fc.record({
      code: fc.integer({ min: 200, max: 599 }),
      texts: fc.array(fc.string({ maxLength: 20 }), { minLength: 1, maxLength: 4 }),
    })
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 4 }),
        fc.array(fc.nat({ max: 500 }), { maxLength: 8 }),
        (replies, cuts) => {
          const bytes = Buffer.from(
            replies
              .flatMap(({ code, texts }) =>
                texts.map((text, i) => `${code}${i < texts.length - 1 ? '-' : ' '}${text.replace(/[\r\n]/g, '')}\r\n`),
              )
              .join(''),
          )
          const ends = [...cuts, bytes.length].sort((a, b) => a - b)
          const chunks = ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end))
          expect(read(...chunks)).toEqual(read(bytes))
          expect(read(bytes)).toHaveLength(replies.length)
        },
      ),
    )
  })
})
