import { expect, test } from 'vitest'
import type { Checked } from '../../../src/reports/doctor/checked.ts'
import { checkDkim } from '../../../src/reports/doctor/dkim.ts'
import { checkDmarc } from '../../../src/reports/doctor/dmarc.ts'
import { openNames } from '../../../src/reports/doctor/names.ts'
import { checkSpf } from '../../../src/reports/doctor/spf.ts'
import { startDnsServer } from '../../support/dns-server.ts'

const DOMAIN = 'firma.example'
const KEY = `v=DKIM1; k=rsa; p=${'MIIBIjAN'.repeat(45)}`

type Records = Record<string, readonly string[]>

/** Asked of a name server that has these. */
async function asked(
  check: 'spf' | 'dmarc' | 'dkim',
  records: Records,
  { selectors = [], ...server }: { selectors?: string[]; silent?: string[]; failing?: string[] } = {},
): Promise<Checked> {
  const { address } = await startDnsServer(records, server)
  const names = openNames({ server: address, timeoutMs: 1000 })
  if (check === 'spf') return checkSpf(names, DOMAIN)
  return check === 'dmarc' ? checkDmarc(names, DOMAIN) : checkDkim(names, DOMAIN, selectors)
}

const spf = (...records: string[]): Records => ({ [DOMAIN]: records })
const eleven = Array.from({ length: 11 }, (_, index) => `include:p${index}.example`).join(' ')
const ofProviders = Object.fromEntries(
  Array.from({ length: 11 }, (_, i) => [`p${i}.example`, ['v=spf1 ip4:192.0.2.1 -all']]),
)

test.each<[what: string, records: Records, verdict: Checked['verdict'], text: RegExp]>([
  [
    'one record that ends in -all is well',
    spf('google-site-verification=x', 'v=spf1 mx -all'),
    'ok',
    /^v=spf1 mx -all$/,
  ],
  ['one that ends in ~all is well', spf('v=spf1 ip4:192.0.2.0/24 ~all'), 'ok', /~all$/],
  ['a domain that is not there has none', {}, 'problem', /knows no such domain/],
  ['a domain with other texts has none', spf('v=spf10 -all', 'hello'), 'problem', /no record/],
  ['several are none', spf('v=spf1 mx -all', 'v=spf1 a -all'), 'problem', /there are 2 records/],
  ['+all lets everybody send', spf('v=spf1 mx +all'), 'problem', /every server in the world/],
  ['all without a sign is +all', spf('v=spf1 all'), 'problem', /every server in the world/],
  ['?all says nothing', spf('v=spf1 mx ?all'), 'warning', /says nothing/],
  ['without "all" it says nothing', spf('v=spf1 mx'), 'warning', /no "all"/],
  [
    'ten includes are evaluated',
    { ...spf(`v=spf1 ${eleven.slice(0, eleven.lastIndexOf(' '))} -all`), ...ofProviders },
    'ok',
    /-all$/,
  ],
  ['eleven make it void', { ...spf(`v=spf1 ${eleven} -all`), ...ofProviders }, 'problem', /more than 10 look-ups/],
  [
    'look-ups of what is included count',
    { ...spf('v=spf1 include:a.example -all'), 'a.example': [`v=spf1 ${eleven} -all`], ...ofProviders },
    'problem',
    /more than 10 look-ups/,
  ],
  [
    'an include of nothing makes it void',
    spf('v=spf1 include:gone.example -all'),
    'problem',
    /gone\.example, where there is no/,
  ],
  [
    'a redirect brings its "all"',
    { ...spf('v=spf1 redirect=a.example'), 'a.example': ['v=spf1 mx ~all'] },
    'ok',
    /redirect/,
  ],
  [
    'a redirect to +all lets everybody send',
    { ...spf('v=spf1 redirect=a.example'), 'a.example': ['v=spf1 +all'] },
    'problem',
    /every server/,
  ],
  [
    'a word that is none of SPF makes it void',
    spf('v=spf1 includ:a.example -all'),
    'problem',
    /"includ:a.example" is no word/,
  ],
  ['so does an address apart from its word', spf('v=spf1 ip4: 192.0.2.1 -all'), 'problem', /"ip4:", "192.0.2.1" is no/],
  [
    'so does one in what is included',
    { ...spf('v=spf1 include:a.example -all'), 'a.example': ['v=spf1 mx; -all'] },
    'problem',
    /"mx;" is no/,
  ],
  [
    'all that may stand in it may',
    spf(
      'V=SPF1  A/24 mx:firma.example/24//64 ?ptr ip6:2001:db8::/32 +exists:%{i}._spf.%{d2} exp=e.%{d} new-word=x ~ALL ',
    ),
    'ok',
    /ALL $/,
  ],
  [
    'a redirect in a circle ends',
    { ...spf('v=spf1 redirect=a.example'), 'a.example': ['v=spf1 redirect=firma.example'] },
    'problem',
    /more than 10 look-ups/,
  ],
  ['a record that includes itself ends', spf('v=spf1 include:firma.example -all'), 'problem', /more than 10 look-ups/],
])('SPF: %s', async (_, records, verdict, text) => {
  const { name, ...found } = await asked('spf', records)
  expect(found).toMatchObject({ verdict, text: expect.stringMatching(text) })
  expect(name).toBe('SPF of firma.example')
  expect(found.try === null).toBe(verdict === 'ok')
})

test.each<[what: string, records: Records, verdict: Checked['verdict'], text: RegExp]>([
  [
    'a policy is well',
    { '_dmarc.firma.example': ['v=DMARC1; p=none; rua=mailto:a@firma.example'] },
    'ok',
    /^v=DMARC1; p=none/,
  ],
  ['without a record it is a warning', {}, 'warning', /no record/],
  [
    'without a policy the record is void',
    { '_dmarc.firma.example': ['v=DMARC1; rua=mailto:a@firma.example'] },
    'problem',
    /no policy/,
  ],
  [
    'a policy that is none of the three is void',
    { '_dmarc.firma.example': ['v=DMARC1; p=block'] },
    'problem',
    /no policy/,
  ],
  [
    'one without its first semicolon is passed over',
    { '_dmarc.firma.example': ['v=DMARC1 p=none'] },
    'problem',
    /begin with/,
  ],
  ['one in quotes too', { '_dmarc.firma.example': ['"v=DMARC1; p=none"'] }, 'problem', /begin with/],
  [
    'several are none',
    { '_dmarc.firma.example': ['v=DMARC1; p=none', 'v=DMARC1; p=reject'] },
    'problem',
    /there are 2/,
  ],
])('DMARC: %s', async (_, records, verdict, text) => {
  expect(await asked('dmarc', records)).toMatchObject({ verdict, text: expect.stringMatching(text) })
})

test('DMARC: a domain without a record has that of the one above it, and its policy for those below', async () => {
  const { address } = await startDnsServer({ '_dmarc.firma.example': ['v=DMARC1; p=reject; sp=maybe'] })
  const names = openNames({ server: address })
  expect(await checkDmarc(names, 'mail.firma.example')).toMatchObject({ verdict: 'problem' })
  expect(await checkDmarc(names, 'firma.example')).toMatchObject({ verdict: 'ok' })
})

test('DKIM: a key under a common selector is found, and is said to prove nothing', async () => {
  const found = await asked('dkim', { 'selector2._domainkey.firma.example': [KEY] })
  expect(found).toMatchObject({
    verdict: 'ok',
    text: expect.stringMatching(/^a key stands under selector2; only a delivered mail proves it/),
  })
})

test('DKIM: where no common selector has a key there may be another', async () => {
  expect(await asked('dkim', {})).toMatchObject({
    verdict: 'warning',
    text: expect.stringContaining('may use another selector'),
    try: expect.stringContaining('--selector'),
  })
})

test('DKIM: what a wildcard record of the domain answers is no key', async () => {
  const records = { 'google._domainkey.firma.example': ['v=DMARC1; p=none'] }
  expect(await asked('dkim', records)).toMatchObject({
    verdict: 'warning',
    text: expect.stringContaining('no key stands'),
  })
})

test('DKIM: a selector that is known to be used must have a key, and not a revoked one', async () => {
  const records = { 'ours._domainkey.firma.example': [KEY], 'old._domainkey.firma.example': ['v=DKIM1; p='] }
  expect(await asked('dkim', records, { selectors: ['ours'] })).toMatchObject({ verdict: 'ok' })
  expect(await asked('dkim', records, { selectors: ['ours', 'old', 'gone'] })).toMatchObject({
    verdict: 'problem',
    text: 'old: revoked, gone: no key',
  })
})

test.each(['spf', 'dmarc', 'dkim'] as const)(
  '%s: where nobody answers nothing was tried, and that is no problem',
  async (check) => {
    const name = { spf: DOMAIN, dmarc: `_dmarc.${DOMAIN}`, dkim: `google._domainkey.${DOMAIN}` }[check]
    const silent = await asked(check, {}, { silent: [name], selectors: check === 'dkim' ? ['google'] : [] })
    expect(silent).toMatchObject({ verdict: 'not_tried', text: `${name} could not be asked for (ETIMEOUT)` })
    const failing = await asked(check, {}, { failing: [name], selectors: check === 'dkim' ? ['google'] : [] })
    expect(failing).toMatchObject({ verdict: 'not_tried', text: `${name} could not be asked for (ESERVFAIL)` })
  },
)
