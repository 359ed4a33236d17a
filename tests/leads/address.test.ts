import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { normaliseAddress, normaliseDomain } from '../../src/leads/address.ts'

describe('normaliseAddress', () => {
  it.each([
    ['jan@firma.pl', 'jan@firma.pl'],
    ['  Jan.Kowalski@Firma.PL ', 'jan.kowalski@firma.pl'],
    ['\u00A0jan@firma.pl\u00A0', 'jan@firma.pl'],
    ['\uFEFFjan@\u200Bfirma.pl\u00AD', 'jan@firma.pl'],
    ['jan@firma.pl;', 'jan@firma.pl'],
    ['jan@firma.pl , ', 'jan@firma.pl'],
    ['jan@firma.pl.', 'jan@firma.pl'],
    ['jan@zażółć.pl', 'jan@xn--za-6ja4f8n1l.pl'],
    ['jan@ZAŻÓŁĆ.PL', 'jan@xn--za-6ja4f8n1l.pl'],
    ['jan@XN--ZA-6JA4F8N1L.pl', 'jan@xn--za-6ja4f8n1l.pl'],
    ["o'brien+oferta@poczta.firma.co.uk", "o'brien+oferta@poczta.firma.co.uk"],
  ])('takes %j for %s', (raw, address) => {
    expect(normaliseAddress(raw)).toEqual({ address, given: raw })
  })

  it.each([
    ['', 'the address is empty'],
    [' ;', 'the address is empty'],
    ['jan', '"jan" is not an e-mail address: it has no @'],
    ['@firma.pl', '"@firma.pl" is not an e-mail address: nothing stands before the @'],
    ['jan@', '"jan@" is not an e-mail address: nothing stands behind the @'],
    ['jan@firma', '"jan@firma" is not an e-mail address: the domain "firma" has no dot'],
    ['jan@firma..pl', '"jan@firma..pl" is not an e-mail address: "firma..pl" is not a domain'],
    ['jan@-firma.pl', '"jan@-firma.pl" is not an e-mail address: "-firma.pl" is not a domain'],
    ['jan@127.1', '"jan@127.1" is not an e-mail address: "127.1" is not a domain'],
    ['jan@１２７.0.0.1', '"jan@１２７.0.0.1" is not an e-mail address: "１２７.0.0.1" is not a domain'],
    [
      'jan@firma_a.pl',
      '"jan@firma_a.pl" is not an e-mail address: the domain "firma_a.pl" has a character that none may have',
    ],
    [
      'jan@%66irma.pl',
      '"jan@%66irma.pl" is not an e-mail address: the domain "%66irma.pl" has a character that none may have',
    ],
    [
      'Jan <jan@firma.pl>',
      '"Jan <jan@firma.pl>" is not an e-mail address: it carries a name or brackets; write only jan@firma.pl',
    ],
    ['mailto:jan@firma.pl', '"mailto:jan@firma.pl" is not an e-mail address: it is a link; write only jan@firma.pl'],
    [
      'jan@a.pl, ola@b.pl',
      '"jan@a.pl, ola@b.pl" is not an e-mail address: it holds several addresses; write one to a line',
    ],
    [
      'jan@a.pl;ola@b.pl',
      '"jan@a.pl;ola@b.pl" is not an e-mail address: it holds several addresses; write one to a line',
    ],
    ['jan@a@b.pl', '"jan@a@b.pl" is not an e-mail address: it has more than one @'],
    ['jan kowalski@a.pl', '"jan kowalski@a.pl" is not an e-mail address: it has a space in it'],
    [
      'jan,k@a.pl',
      '"jan,k@a.pl" is not an e-mail address: the part before the @ has a quote, a bracket or a separator',
    ],
    ['"jan k"@a.pl', '"\\"jan k\\"@a.pl" is not an e-mail address: it has a space in it'],
    [
      '"jan"@a.pl',
      '"\\"jan\\"@a.pl" is not an e-mail address: the part before the @ has a quote, a bracket or a separator',
    ],
    [
      '.jan@a.pl',
      '".jan@a.pl" is not an e-mail address: the part before the @ has a dot at its start, at its end or twice in a row',
    ],
    [
      'zażółć@a.pl',
      '"zażółć@a.pl" is not an e-mail address: the part before the @ has the letter "ż", which mail servers do not take there',
    ],
    [
      'mar\u212A@a.pl',
      '"mar\u212A@a.pl" is not an e-mail address: the part before the @ has the letter "\u212A", which mail servers do not take there',
    ],
  ])('refuses %j', (raw, problem) => {
    expect(normaliseAddress(raw)).toEqual({ problem, given: raw })
  })

  it.each([
    'b@y.pl\r\nRCPT TO:<evil@z.pl>',
    'b@y.pl>\nX: y',
    'b@y.pl\0',
    'b@y.pl\u2028c',
    'a@b.pl,c@d.pl',
    '<a@b.pl>',
    'a@b.pl c@d.pl',
  ])('refuses %j, which would put a second line or recipient into an envelope', (raw) => {
    expect(normaliseAddress(raw).problem).toBeDefined()
  })

  it('refuses what is longer than a server takes', () => {
    expect(normaliseAddress(`${'a'.repeat(64)}@firma.pl`).problem).toBeUndefined()
    expect(normaliseAddress(`${'a'.repeat(65)}@firma.pl`).problem).toMatch(/longer than 64 characters$/)
    expect(normaliseAddress(`a@${`${'b'.repeat(60)}.`.repeat(4)}${'c'.repeat(8)}.pl`).problem).toMatch(
      /longer than 254 characters$|is not a domain$/,
    )
    expect(normaliseAddress(`a@${'b'.repeat(64)}.pl`).problem).toMatch(/is not a domain$/)
    expect(normaliseAddress('x'.repeat(1_000_000)).problem).toMatch(/it has no @$/)
  })

  const typed = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.emailAddress(),
    fc.stringMatching(/^[ \u00A0]?[a-zA-Z.+]{1,8}@[a-zA-Ząż.-]{1,8}\.[a-zA-Zł]{1,4}[ ;.,]{0,3}$/),
  )

  it('gives an address that normalises to itself, and holds nothing that a header or an envelope splits at', () => {
    let accepted = 0
    fc.assert(
      fc.property(typed, (raw) => {
        const result = normaliseAddress(raw)
        if (result.problem !== undefined) return
        accepted++
        expect(normaliseAddress(result.address)).toEqual({ address: result.address, given: result.address })
        expect(result.address).toMatch(/^[!-~]+$/)
        expect(result.address).not.toMatch(/[\s"(),:;<>[\]\\A-Z]/)
        expect(result.address.split('@')).toHaveLength(2)
      }),
      { numRuns: 3000 },
    )
    expect(accepted).toBeGreaterThan(100)
  })
})

describe('normaliseDomain', () => {
  it('takes case, spaces and international letters for the same domain', () => {
    expect(normaliseDomain(' Zażółć.PL. ')).toEqual({ domain: 'xn--za-6ja4f8n1l.pl' })
  })

  it('refuses what is an address, or no domain', () => {
    expect(normaliseDomain('jan@firma.pl')).toEqual({
      problem: 'the domain "jan@firma.pl" has a character that none may have',
    })
    expect(normaliseDomain('firma')).toEqual({ problem: 'the domain "firma" has no dot' })
  })
})
