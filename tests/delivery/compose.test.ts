import { describe, expect, it } from 'vitest'
import { compose, type Composition, replySubject } from '../../src/delivery/compose.ts'
import { instantAt } from '../../src/time.ts'
import { hasPython, readByPython } from './read-mail.ts'

const plain: Composition = {
  messageId: '<abc@firma.example>',
  from: { name: 'Anna Nowak', address: 'anna@firma.example' },
  to: { address: 'jan@klient.example' },
  subject: 'Oferta',
  text: 'Hello',
  html: null,
  signature: null,
  inReplyTo: null,
  references: [],
  listUnsubscribe: null,
  date: instantAt(Date.UTC(2026, 11, 1, 8, 30)),
  attachments: [],
}

function header(mail: Awaited<ReturnType<typeof compose>>, name: string): string | undefined {
  return mail.headers.find((one) => one.name.toLowerCase() === name.toLowerCase())?.value
}

async function linesOf(change: Partial<Composition>): Promise<string[]> {
  const { bytes } = await compose({ ...plain, ...change })
  return bytes.subarray(0, bytes.indexOf('\r\n\r\n')).toString().split('\r\n')
}

describe('a composed mail', () => {
  it('is ASCII with CRLF line ends, none of them bare, no line too long, and ends with one', async () => {
    const text = `Zażółć gęślą jaźń\n.\n..\r\nold mac\rline ${'długi '.repeat(400)}\n`
    const attachments = [{ filename: 'ż.bin', content: Buffer.from(Array.from({ length: 5_000 }, (_, i) => i % 256)) }]
    for (const change of [{}, { text }, { text, html: `<p>${text}</p>` }, { text, html: text, attachments }]) {
      const { bytes } = await compose({ ...plain, ...change })
      const raw = bytes.toString('latin1')
      expect(raw).toMatch(/^[\t\r\n\x20-\x7e]*$/)
      expect(raw.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/)
      expect(raw.endsWith('\r\n')).toBe(true)
      expect(Math.max(...raw.split('\r\n').map((line) => line.length))).toBeLessThan(998)
    }
  })

  it('has no line that is too long, however long a word of a header is', async () => {
    for (const letter of ['x', '"', 'ż', '\u0301', '😀']) {
      const word = letter.repeat(3_000)
      const mail = await compose({
        ...plain,
        subject: `Offer ${word}`,
        from: { name: word, address: 'anna@firma.example' },
        attachments: [{ filename: `${word}.pdf`, content: Buffer.from('x') }],
      })
      expect(
        Math.max(
          ...mail.bytes
            .toString('latin1')
            .split('\r\n')
            .map(({ length }) => length),
        ),
      ).toBeLessThan(998)
      expect(mail.subject.replaceAll(' ', '')).toBe(`Offer${word}`)
    }
  })

  it.each([
    ['by its name', {}],
    ['by its type', { contentType: 'message/rfc822' }],
    ['by a type that has parts', { contentType: 'multipart/mixed' }],
  ])('carries another mail as it is, %s, in ASCII', async (_, type) => {
    const content = Buffer.from(`Subject: \xb1\n\n8-bit \xff \0 old mac \r${'long '.repeat(400)}`, 'latin1')
    const { bytes } = await compose({ ...plain, attachments: [{ filename: 'mail.eml', content, ...type }] })
    const raw = bytes.toString('latin1')
    expect(raw).toMatch(/^[\t\r\n\x20-\x7e]*$/)
    expect(raw).toMatch(/Content-Type: application\/octet-stream; name=mail.eml\r\nContent-Transfer-Encoding: base64/)
    expect(raw.replaceAll('\r\n', '')).toContain(content.toString('base64'))
  })

  it('has the same bytes each time', async () => {
    const mail = { ...plain, html: '<p>Hello</p>', attachments: [{ filename: 'a.txt', content: Buffer.from('a') }] }
    expect((await compose(mail)).bytes.equals((await compose(mail)).bytes)).toBe(true)
  })

  it('is plain text where there is only text, and says so', async () => {
    const mail = await compose(plain)
    expect(header(mail, 'Content-Type')).toBe('text/plain; charset=utf-8')
    expect(mail).toMatchObject({ subject: 'Oferta', text: 'Hello', html: null })
    expect(header(mail, 'Date')).toBe('Tue, 01 Dec 2026 08:30:00 +0000')
    expect(mail.headers.map(({ name }) => name.toLowerCase()).sort()).toEqual([
      'content-transfer-encoding',
      'content-type',
      'date',
      'from',
      'message-id',
      'mime-version',
      'subject',
      'to',
    ])
  })

  it('makes the text from the HTML where only that is given', async () => {
    const html =
      '<html><body><h1>Dzień dobry</h1><p>Zobacz <a href="https://firma.example/x">ofertę</a>.<br>Pozdrawiam</p><img src="x.png"></body></html>'
    const mail = await compose({ ...plain, text: null, html })
    expect(mail.text).toContain('Dzień dobry')
    expect(mail.text).toContain('ofertę [https://firma.example/x].\nPozdrawiam')
    expect(mail.text).not.toContain('x.png')
    expect(header(mail, 'Content-Type')).toMatch(/^multipart\/alternative/)
  })

  it('has the signature under the text behind its mark, and inside the body of the HTML', async () => {
    const mail = await compose({
      ...plain,
      html: '<html><body><p>Hello</p></body></html>',
      signature: { text: 'Anna <Nowak>\nFirma' },
    })
    expect(mail.text).toBe('Hello\n\n-- \nAnna <Nowak>\nFirma')
    expect(mail.html).toBe(
      '<html><body><p>Hello</p><div class="signature">-- <br>\nAnna &lt;Nowak&gt;<br>\nFirma</div>\n</body></html>',
    )
    const own = await compose({ ...plain, html: '<p>Hello</p>', signature: { html: '<b>Anna</b>' } })
    expect(own.text).toBe('Hello\n\n-- \nAnna')
    expect(own.html).toBe('<p>Hello</p>\n<div class="signature">-- <br>\n<b>Anna</b></div>')
  })

  it('answers in a thread with In-Reply-To and References, each once, and a long thread is cut in its middle', async () => {
    const answer = await compose({ ...plain, inReplyTo: '<1@x.pl>', references: ['<0@x.pl>', '<1@x.pl>'] })
    expect(header(answer, 'In-Reply-To')).toBe('<1@x.pl>')
    expect(header(answer, 'References')).toBe('<0@x.pl> <1@x.pl>')
    const long = Array.from({ length: 50 }, (_, i) => `<${i}@x.pl>`)
    const cut = header(await compose({ ...plain, inReplyTo: '<49@x.pl>', references: long }), 'References')?.split(' ')
    expect([cut?.length, cut?.[0], cut?.at(-1)]).toEqual([20, '<0@x.pl>', '<49@x.pl>'])
    expect(replySubject('Oferta')).toBe('Re: Oferta')
    expect(replySubject('RE: Oferta')).toBe('RE: Oferta')
  })

  it('offers to unsubscribe by mail', async () => {
    const listUnsubscribe = { mailto: 'anna+100%&x@firma.example', subject: 'wypisz mnie & już' }
    expect(header(await compose({ ...plain, listUnsubscribe }), 'List-Unsubscribe')).toBe(
      '<mailto:anna+100%25%26x@firma.example?subject=wypisz%20mnie%20%26%20ju%C5%BC>',
    )
  })

  it('without text and HTML is refused', async () => {
    await expect(compose({ ...plain, text: ' ', html: null })).rejects.toThrow('the mail has neither text nor HTML')
  })
})

describe('a header cannot be begun from inside a value', () => {
  const evil = 'x\r\nBcc: evil@z.pl\r\n\r\n<script>'

  it.each([
    ['subject', { subject: evil }],
    ['subject with a bare CR', { subject: 'x\rBcc: evil@z.pl' }],
    ['subject with Unicode line ends', { subject: 'x\u0085Bcc: evil@z.pl\u2028Bcc: evil@z.pl' }],
    ['sender name', { from: { name: evil, address: 'anna@firma.example' } }],
    ['sender name with an address', { from: { name: 'x" <evil@z.pl>, "', address: 'anna@firma.example' } }],
    ['recipient name', { to: { name: `${evil}ż`, address: 'jan@klient.example' } }],
    ['attachment name', { attachments: [{ filename: `${evil}.pdf`, content: Buffer.from('x') }] }],
    ['unsubscribe subject', { listUnsubscribe: { mailto: 'anna@firma.example', subject: evil } }],
  ] as [string, Partial<Composition>][])('%s', async (_, change) => {
    const lines = await linesOf(change)
    expect(lines.filter((line) => /^(bcc|cc)\s*:/i.test(line))).toEqual([])
    const names = lines.filter((line) => !/^[ \t]/.test(line)).map((line) => line.split(':')[0]?.toLowerCase())
    expect(new Set(names).size).toBe(names.length)
    expect(
      names.every((name) =>
        /^(from|to|subject|date|message-id|mime-version|content-type|content-transfer-encoding|content-disposition|list-unsubscribe)$/.test(
          name ?? '',
        ),
      ),
    ).toBe(true)
  })

  it('folds what stood on several lines into one', async () => {
    expect((await compose({ ...plain, subject: ' Oferta\r\n dla\tJana\u0000 ' })).subject).toBe('Oferta dla Jana')
  })

  it.each([
    ['recipient', { to: { address: 'b@y.pl\r\nBcc: evil@z.pl' } }],
    ['recipient', { to: { address: 'b@y.pl, evil@z.pl' } }],
    ['sender', { from: { name: '', address: 'a@b.pl>\r\nX: y' } }],
    ['Message-ID', { messageId: '<a@b.pl>\r\nX: y' }],
    ['Message-ID', { messageId: 'a@b.pl' }],
    ['In-Reply-To', { inReplyTo: '<a@b.pl> <c@d.pl>' }],
    ['References', { inReplyTo: '<a@b.pl>', references: ['<a@b.pl>\r\nX: y'] }],
    ['unsubscribe address', { listUnsubscribe: { mailto: 'a@b.pl>,<https://evil.example' } }],
    ['content type', { attachments: [{ filename: 'a', content: Buffer.from(''), contentType: 'a/b\r\nX: y' }] }],
    ['header of our own', { headers: { 'X-Goniec-Test': 'yes\r\nX: y' } }],
    ['header of our own', { headers: { Bcc: 'evil@z.pl' } }],
  ] as [string, Partial<Composition>][])('a %s that could is refused: %j', async (_, change) => {
    await expect(compose({ ...plain, ...change })).rejects.toThrow(
      /is not|does not end in a domain|has a character|holds a line break|an address of the form/,
    )
  })

  it('and nothing is read from a file or the web, whatever the parts look like', async () => {
    const mail = await compose({ ...plain, text: '{"path":"/etc/passwd"}', html: '<img src="file:///etc/passwd">' })
    expect(mail.bytes.toString()).not.toContain('root:')
  })
})

describe.runIf(hasPython)('read by Python’s email module, a mail', () => {
  it('has its Polish names, subject and parts', async () => {
    const mail = await compose({
      ...plain,
      from: { name: 'Łucja Żółć, dział "sprzedaży"', address: 'lucja@firma.example' },
      to: { name: 'Jan Śliwa', address: 'jan@żółw.pl' },
      subject: `Zażółć gęślą jaźń — ${'bardzo długi temat '.repeat(10)}😀`,
      text: 'Dzień dobry,\n\n.kropka\nFrom here on\n  wcięcie \nPozdrawiam',
      html: '<p>Dzień dobry, „cudzysłów”</p>',
      signature: { text: 'Łucja' },
    })
    const read = readByPython(mail.bytes)
    expect(read.defects).toEqual([])
    expect(read.from).toEqual([['Łucja Żółć, dział "sprzedaży"', 'lucja@firma.example']])
    expect(read.to).toEqual([['Jan Śliwa', 'jan@xn--w-uga1v8h.pl']])
    expect(read.subject).toBe(mail.subject)
    expect(read.parts).toEqual([
      { type: 'text/plain', filename: null, text: mail.text },
      { type: 'text/html', filename: null, text: mail.html },
    ])
  })

  it('has its attachments, whole and with their names', async () => {
    const content = Buffer.from(Array.from({ length: 3_000 }, (_, i) => (i * 7) % 256))
    const mail = await compose({
      ...plain,
      attachments: [
        { filename: 'C:\\oferty\\Cennik śląski 2026.pdf', content },
        { filename: '../../umowa.docx', content, contentType: 'application/msword' },
        {
          filename: 'mail.eml',
          content: Buffer.from('Subject: inner\r\n\r\nx\r\n'),
          contentType: 'application/octet-stream',
        },
        { filename: '\r\n', content: Buffer.from('') },
      ],
    })
    const { parts, defects } = readByPython(mail.bytes)
    expect(defects).toEqual([])
    expect(parts.map(({ type, filename }) => [type, filename])).toEqual([
      ['text/plain', null],
      ['application/pdf', 'Cennik śląski 2026.pdf'],
      ['application/msword', 'umowa.docx'],
      ['application/octet-stream', 'mail.eml'],
      ['application/octet-stream', 'attachment'],
    ])
    expect(parts[1]?.base64).toBe(content.toString('base64'))
  })
})
