import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { parseDefinition } from '../../src/campaigns/definition/parse.ts'
import { GoniecError } from '../../src/errors.ts'

const directory = mkdtempSync(join(tmpdir(), 'goniec-mistakes-'))
afterAll(() => rmSync(directory, { recursive: true }))

/** The mistakes that are told of these files, `a.yaml` and `b.yaml`, a line each. */
function mistakes(...texts: string[]): string[] {
  try {
    parseDefinition(texts.map((text, i) => ({ path: join(directory, `${'ab'[i]}.yaml`), text })))
  } catch (error) {
    if (!(error instanceof GoniecError)) throw error
    return error.message
      .replaceAll(`${directory}/`, '')
      .split('\n')
      .slice(1)
      .map((line) => line.trim())
  }
  return []
}

/** A list of ten of the same, with a name. */
function level(name: string, of: string): string {
  return `${name}: &${name} [${Array(10).fill(of).join(', ')}]`
}

/** The mistakes of a campaign with these lines, which start at line 6. */
const campaign = (lines: string) =>
  mistakes(`campaigns:
  - name: spring
    salesperson: a@b.example
    mailboxes: [a@b.example]
    steps: [ { variants: [ { letter: A, subject: s, text: t } ] } ]
    ${lines}
`)

/** The mistakes of these steps, which start at line 6. */
const steps = (lines: string) =>
  mistakes(`campaigns:
  - name: spring
    salesperson: a@b.example
    mailboxes: [a@b.example]
    steps:
${lines}
`)

/** The mistakes of a mailbox with these lines, which start at line 4. */
const mailbox = (lines: string) =>
  mistakes(`mailboxes:\n  - address: a@b.example\n    salesperson: a@b.example\n    ${lines}\n`)

it('a definition with mistakes ends with exit code 1 and the way out', () => {
  expect(() => parseDefinition([{ path: 'a.yaml', text: 'foo: 1' }])).toThrow(
    expect.objectContaining({
      code: 'definition_invalid',
      exitCode: 1,
      hint: 'mend the lines above and run the command again; examples/campaigns.yaml shows every key',
    }),
  )
})

describe('a mistake in the syntax', () => {
  it.each([
    ['campaigns:\n\t- name: x\n', ['a.yaml:2:1: lines are indented with a tab; YAML wants spaces']],
    ['timezone: UTC\ntimezone: UTC\n', ['a.yaml:2:1: this key stands twice in the same mapping']],
    [
      'timezone: UTC\n---\ntimezone: UTC\n',
      ['a.yaml:2:1: a second document starts here (---); write several files instead'],
    ],
    ['timezone: UTC: x\n', ['a.yaml:1:11: a second colon on this line; put the value in "quotes"']],
    ['timezone: @x\n', ['a.yaml:1:11: a value cannot start with this character; put it in "quotes"']],
    [
      'timezone: *zone\n',
      [
        'a.yaml:1:11: a value that starts with * repeats an anchor (&) above it, and there is none of this name; put it in "quotes"',
      ],
    ],
    ['timezone: "UTC\n', ['a.yaml:2:1: not YAML: Missing closing "quote']],
    ['timezone: !secret x\n', ['a.yaml:1:11: a value cannot start with !; put it in "quotes"']],
    ['', ['a.yaml:1:1: the file is empty']],
    ['# nothing but a comment\n', ['a.yaml:1:1: the file is empty']],
    [
      '%YAML 1.1\n---\ntimezone: UTC\n',
      ['a.yaml:1:1: the file asks for YAML 1.1, in which 09:00 is a number; remove the %YAML line'],
    ],
  ])('%j is told with its line', (text, expected) => {
    expect(mistakes(text)).toEqual(expected)
  })

  it('does not blow up what a few lines unfold into', () => {
    const bomb = ['a: &a [x]', ...'bcdefgh'.split('').map((name, i) => level(name, `*${'abcdefg'[i]}`))].join('\n')
    expect(mistakes(bomb)).toEqual(['a.yaml:1:1: aliases (*) unfold into more than 1000 copies'])
    expect(mistakes('['.repeat(100_000))).toContainEqual(
      expect.stringMatching(/^a\.yaml:1:\d+: lists and mappings are nested too deeply$/),
    )
  })
})

describe('a key', () => {
  it('nobody knows gets the nearest one', () => {
    expect(campaign('daily_limt: 5')).toEqual([
      'a.yaml:6:5 campaigns[0].daily_limt: there is no such key; did you mean "daily_limit"?',
    ])
    expect(mailbox('smtp: { host: h.example, prot: 25, hots: x }')).toEqual([
      'a.yaml:4:30 mailboxes[0].smtp.prot: there is no such key; did you mean "port"?',
      'a.yaml:4:40 mailboxes[0].smtp.hots: there is no such key; did you mean "host"?',
    ])
    expect(mistakes('mailbox: []\nwrong: 1\n')).toEqual([
      'a.yaml:1:1 mailbox: there is no such key; did you mean "mailboxes"?',
      'a.yaml:2:1 wrong: there is no such key; known are timezone, warmup_stages, domain_limits, refusal_brake, salespeople, mailboxes, campaigns',
    ])
  })

  it('that limits recipient domains names domains, each once', () => {
    const text = `domain_limits:
  daily_limit: lots
  except:
    - { domains: [gmail.com, jan@wp.pl] }
    - { domains: [Gmail.com, localhost], hourly_limit: 3 }
`
    expect(mistakes(text)).toEqual([
      'a.yaml:2:16 domain_limits.daily_limit: expected a whole number from 0 to 1000000, got "lots"',
      'a.yaml:4:30 domain_limits.except[0].domains[1]: what is meant is a domain, what stands behind the @, such as gmail.com',
      'a.yaml:5:19 domain_limits.except[1].domains[0]: domain gmail.com is there twice; the first stands at a.yaml:4:19',
      'a.yaml:5:30 domain_limits.except[1].domains[1]: the domain "localhost" has no dot',
    ])
    expect(mistakes('domain_limits: 5')).toEqual([
      'a.yaml:1:16 domain_limits: expected a mapping with the keys daily_limit, hourly_limit, except, got a number',
    ])
  })

  it('that says when refusals are too many can be met', () => {
    expect(mistakes('refusal_brake: { share: 5, at_least: 300, of_last: 200 }')).toEqual([
      'a.yaml:1:25 refusal_brake.share: expected a percentage from 0% to 99%, such as 20%, got the number 5',
      'a.yaml:1:52 refusal_brake.of_last: of the last 200 mails there can never be at least 300',
    ])
  })

  it('that is missing or has no value is told at the thing it belongs to', () => {
    expect(mistakes('salespeople:\n  - { name: A }\nmailboxes:\n  -\n')).toEqual([
      'a.yaml:2:5 salespeople[0].email: is missing: expected an e-mail address',
      'a.yaml:4:4 mailboxes[0]: has no value: expected a mapping with the keys address, name, salesperson, daily_limit, min_gap, signature, unsubscribe, smtp, imap, warmup',
    ])
    expect(campaign('daily_limit:')).toEqual([
      'a.yaml:6:17 campaigns[0].daily_limit: has no value: expected a whole number from 0 to 1000000',
    ])
  })
})

describe('a value of the wrong kind', () => {
  it.each([
    [
      'delay: 90',
      '6:12 campaigns[0].delay: expected a duration of at most a day, such as 90s, 5m or 1h30m, got the number 90',
    ],
    ['delay: 2d', '6:12 campaigns[0].delay: expected a duration of at most a day, such as 90s, 5m or 1h30m, got "2d"'],
    ['jitter: 20', '6:13 campaigns[0].jitter: expected a percentage from 0% to 99%, such as 20%, got the number 20'],
    ['jitter: 120%', '6:13 campaigns[0].jitter: expected a percentage from 0% to 99%, such as 20%, got "120%"'],
    ['contact_gap: 36h', '6:18 campaigns[0].contact_gap: expected whole days, such as 1d, or 0d, got "36h"'],
    ['daily_limit: -1', '6:18 campaigns[0].daily_limit: expected a whole number from 0 to 1000000, got the number -1'],
    [
      'daily_limit: 1.5',
      '6:18 campaigns[0].daily_limit: expected a whole number from 0 to 1000000, got the number 1.5',
    ],
    ['daily_limit: "5"', '6:18 campaigns[0].daily_limit: expected a whole number from 0 to 1000000, got "5"'],
    ['starts_on: 1.12.2026', '6:16 campaigns[0].starts_on: expected a date such as 2026-12-01, got "1.12.2026"'],
    ['starts_on: 9999-12-31', '6:16 campaigns[0].starts_on: expected a date between 1900 and 2199, got 9999-12-31'],
    ['starts_on: 2026-02-29', '6:16 campaigns[0].starts_on: there is no day 2026-02-29'],
    ['skip_dates: 2026-12-31', '6:17 campaigns[0].skip_dates: expected a list of dates, got "2026-12-31"'],
    [
      'timezone: Europe/Warsawa',
      '6:15 campaigns[0].timezone: expected a time zone such as Europe/Warsaw, got "Europe/Warsawa"; did you mean "Europe/Warsaw"?',
    ],
    ...['CET', 'IST'].map((zone): [string, string] => [
      `timezone: ${zone}`,
      `6:15 campaigns[0].timezone: expected a time zone such as Europe/Warsaw, got "${zone}"; an abbreviation means winter time all the year in the database, or another part of the world`,
    ]),
    ['timezone: "+01:00"', '6:15 campaigns[0].timezone: expected a time zone such as Europe/Warsaw, got "+01:00"'],
    [
      'holidays: PLL',
      '6:15 campaigns[0].holidays: expected a country such as PL, a region such as DE-BY, or none, got "PLL"; did you mean "PL"?',
    ],
    [
      'holidays: DE-BX',
      '6:15 campaigns[0].holidays: expected a country such as PL, a region such as DE-BY, or none, got "DE-BX"; did you mean "DE-BB"?',
    ],
    [
      'holidays: no',
      '6:15 campaigns[0].holidays: expected a country such as PL, a region such as DE-BY, or none; write NO for Norway, or none for no holidays',
    ],
    [
      'holidays: true',
      '6:15 campaigns[0].holidays: expected a country such as PL, a region such as DE-BY, or none, got true',
    ],
    [
      'window: { from: 9 }',
      '6:21 campaigns[0].window.from: expected a time such as "09:00", got the number 9; put it in "quotes"',
    ],
    ['window: { from: "24:00" }', '6:21 campaigns[0].window.from: expected a time such as "09:00", got "24:00"'],
    [
      'window: { to: "16:60" }',
      '6:19 campaigns[0].window.to: expected a time such as "16:30", at most "24:00", got "16:60"',
    ],
    [
      'window: { days: [mon, tues] }',
      '6:27 campaigns[0].window.days[1]: expected one of mon, tue, wed, thu, fri, sat, sun, got "tues"; did you mean "tue"?',
    ],
    [
      'window: { days: [] }',
      '6:21 campaigns[0].window.days: the list is empty: expected at least one of days of the week',
    ],
    ['window: 9-17', '6:13 campaigns[0].window: expected a mapping with the keys from, to, days, got text'],
    [
      'window: { from: "22:00", to: "06:00" }',
      '6:34 campaigns[0].window.to: the window closes at 06:00, before it opens at 22:00; a window over midnight is not possible: end it at "24:00", or make a second campaign for the other part',
    ],
    [
      'window: { from: "09:00", to: "09:00" }',
      '6:34 campaigns[0].window.to: the window opens and closes at 09:00; for the whole day write from "00:00" to "24:00"',
    ],
  ])('%s is told with what was expected', (lines, expected) => {
    expect(campaign(lines)).toEqual([`a.yaml:${expected}`])
  })

  it.each([
    ['2026', 'expected a name, got the number 2026; put it in "quotes"'],
    ['"2026"', 'a name cannot be a number: commands would take it for the id of a mail'],
    ['a@b', 'a name cannot hold an @: commands would take it for an address'],
    ['--all', 'a name cannot start with a dash: commands would take it for a flag'],
    ['"a\\nb"', 'a name cannot hold a line break or another control character'],
    [`"${'x'.repeat(101)}"`, 'a name of 101 characters is too long: at most 100'],
    ['" "', 'has no value: expected a name'],
  ])('a campaign cannot be called %s', (name, expected) => {
    const text = `campaigns:\n  - name: ${name}\n    salesperson: a@b.example\n    mailboxes: [a@b.example]\n    steps: [ { variants: [ { letter: A, subject: s, text: t } ] } ]\n`
    expect(mistakes(text)).toEqual([`a.yaml:2:11 campaigns[0].name: ${expected}`])
  })

  it.each([
    [
      '{ host: "https://h.example" }',
      '4:19 mailboxes[0].smtp.host: expected the name of a server, such as smtp.firma.example, got "https://h.example"',
    ],
    [
      '{ host: "h.example:587" }',
      '4:19 mailboxes[0].smtp.host: expected the name of a server, such as smtp.firma.example, got "h.example:587"; the port has a key of its own',
    ],
    [
      '{ host: h.example, port: 70000 }',
      '4:36 mailboxes[0].smtp.port: expected a whole number from 1 to 65535, got the number 70000',
    ],
    [
      '{ host: h.example, security: startls }',
      '4:40 mailboxes[0].smtp.security: expected one of tls, starttls, none, got "startls"; did you mean "starttls"?',
    ],
    [
      '{ host: h.example, user: u }',
      '4:11 mailboxes[0].smtp: has a user and no password; a login takes both, or neither',
    ],
    [
      '{ host: h.example, password: env:P }',
      '4:11 mailboxes[0].smtp: has a password and no user; a login takes both, or neither',
    ],
    [
      '{ host: h.example, user: u, password: env:P, oauth2: { provider: google, client_id: c, refresh_token: env:R } }',
      '4:11 mailboxes[0].smtp: has a password and oauth2; a login takes one of them',
    ],
    [
      '{ host: h.example, oauth2: { provider: google, client_id: c, refresh_token: env:R } }',
      '4:11 mailboxes[0].smtp: has oauth2 and no user; a login takes both, or neither',
    ],
    [
      '{ host: h.example, user: u, oauth2: { client_id: c, refresh_token: env:R } }',
      '4:47 mailboxes[0].smtp.oauth2: takes a provider (google, microsoft) or a token_url, one of the two',
    ],
    [
      '{ host: h.example, user: u, oauth2: { provider: gogle, client_id: c, refresh_token: env:R } }',
      '4:59 mailboxes[0].smtp.oauth2.provider: expected one of google, microsoft, got "gogle"; did you mean "google"?',
    ],
    [
      '{ host: h.example, user: u, oauth2: { provider: microsoft, client_id: c } }',
      '4:47 mailboxes[0].smtp.oauth2: has neither a refresh_token nor a client_secret; one of them is needed to ask for access',
    ],
    [
      '{ host: h.example, user: u, oauth2: { token_url: "http://h.example/t", client_id: c, refresh_token: env:R } }',
      '4:60 mailboxes[0].smtp.oauth2.token_url: a token_url begins with https://, since secrets are sent to it',
    ],
  ])('the server %s is refused', (smtp, expected) => {
    expect(mailbox(`smtp: ${smtp}`)).toEqual([`a.yaml:${expected}`])
  })

  it.each([
    'hunter2',
    '"env:"',
    'env:A-B',
    'environment:X',
    'credential:../x',
    '"file:"',
    '12345678',
    '{ env: hunter2 }',
    '[hunter2]',
  ])('the password %s is refused and never shown', (password) => {
    const told = mailbox(`smtp: { host: h.example, user: u, password: ${password} }`)
    expect(told).toEqual([
      'a.yaml:4:49 mailboxes[0].smtp.password: a password does not stand in a definition file; write where it is found: env:NAME (a variable of the worker), file:PATH (a file on its machine) or credential:NAME (systemd LoadCredential)',
    ])
  })

  it.each(['*hunter2', '!hunter2', '@hunter2', '"x" hunter2', '"\\hunter2"', '{hunter2', 'x: hunter2', '&hunter2'])(
    'the password %s, which is no YAML, is not shown either',
    (password) => {
      const told = mailbox(`smtp: { host: h.example, user: u, password: ${password} }`)
      expect(told.length).toBeGreaterThan(0)
      expect(told.join()).not.toMatch(/hunter2|\\h/)
    },
  )

  it('a password in the place of the server is not shown either', () => {
    expect(mailbox('smtp: hunter2').join()).not.toContain('hunter2')
    expect(mailbox('smtp: [hunter2]').join()).not.toContain('hunter2')
  })
})

describe('stages of warm-up', () => {
  it('ascend from the first day', () => {
    expect(mistakes('warmup_stages:\n  - { from_day: 2 }\n  - { from_day: 8 }\n  - { from_day: 8 }\n')).toEqual([
      'a.yaml:2:17 warmup_stages[0].from_day: the first stage starts at day 1, not 2',
      'a.yaml:4:17 warmup_stages[2].from_day: stages ascend: 8 does not come after 8',
    ])
  })
})

describe('steps', () => {
  it('have what the first one needs, and what the others need', () => {
    expect(
      steps(
        '      - { wait: 1d, variants: [ { letter: A, text: t } ] }\n      - { variants: [ { letter: A, text: t } ] }',
      ),
    ).toEqual([
      'a.yaml:6:17 campaigns[0].steps[0].wait: the first step waits for nothing; starts_on says when a campaign begins',
      'a.yaml:6:33 campaigns[0].steps[0].variants[0].subject: is missing: only a follow-up can do without, as a reply in the same thread',
      'a.yaml:7:9 campaigns[0].steps[1].wait: is missing: a follow-up says how long after the previous step it goes, such as 3d',
    ])
  })

  it.each(['1d12h', '0d', '0s', '1.5d', '3', 'tomorrow'])('do not wait for %s', (wait) => {
    const shown = wait === '3' ? 'the number 3' : `"${wait}"`
    expect(
      steps(
        `      - variants: [ { letter: A, subject: s, text: t } ]\n      - wait: ${wait}\n        variants: [ { letter: A, text: t } ]`,
      ),
    ).toEqual([
      `a.yaml:7:15 campaigns[0].steps[1].wait: expected whole days, such as 3d, or a span of time, such as 90m, got ${shown}`,
    ])
  })

  it('name each key, letter and mailbox once', () => {
    const variants = '[ { letter: A, subject: s, text: t }, { letter: A, subject: s, text: t } ]'
    expect(
      steps(
        `      - { key: k, variants: ${variants} }\n      - { key: k, wait: 1d, variants: [ { letter: A, text: t } ] }`,
      ),
    ).toEqual([
      'a.yaml:6:77 campaigns[0].steps[0].variants[1].letter: variant A is there twice; the first stands at a.yaml:6:41',
      'a.yaml:7:16 campaigns[0].steps[1].key: step k is there twice; the first stands at a.yaml:6:16',
    ])
    const twice = `campaigns:\n  - name: x\n    salesperson: a@b.example\n    mailboxes: [a@b.example, A@B.example]\n    steps: [ { variants: [ { letter: A, subject: s, text: t } ] } ]\n`
    expect(mistakes(twice)).toEqual([
      'a.yaml:4:30 campaigns[0].mailboxes[1]: mailbox a@b.example is there twice; the first stands at a.yaml:4:17',
    ])
  })

  it('have variants that say something', () => {
    writeFileSync(join(directory, 'latin.txt'), Buffer.from([0x61, 0xb3]))
    writeFileSync(join(directory, 'empty.txt'), ' \n')
    const variant = (rest: string) => steps(`      - variants: [ { letter: A, subject: s${rest} } ]`)
    expect(variant('')).toEqual([
      'a.yaml:6:21 campaigns[0].steps[0].variants[0]: says nothing: give it a text, an html, or both',
    ])
    expect(variant(', text: ""')).toEqual(['a.yaml:6:52 campaigns[0].steps[0].variants[0].text: the text is empty'])
    expect(variant(', text: { path: x }')).toEqual([
      'a.yaml:6:52 campaigns[0].steps[0].variants[0].text: expected a text, or { file: PATH }, got a mapping',
    ])
    expect(variant(', text: t, weight: 0')).toEqual([
      'a.yaml:6:63 campaigns[0].steps[0].variants[0].weight: expected a whole number from 1 to 10000, got the number 0',
    ])
    expect(steps('      - variants: [ { letter: a, subject: "x\\ny", text: t } ]')).toEqual([
      'a.yaml:6:31 campaigns[0].steps[0].variants[0].letter: expected a capital letter from A to Z, got "a"',
      'a.yaml:6:43 campaigns[0].steps[0].variants[0].subject: a subject cannot hold a line break or another control character',
    ])
    for (const [file, why] of [
      ['gone.txt', 'cannot read the file gone.txt (gone.txt): there is none'],
      ['.', `cannot read the file . (${directory}): it is a directory`],
      ['latin.txt', 'cannot read the file latin.txt (latin.txt): it is not UTF-8; save it as UTF-8'],
      ['empty.txt', 'the file empty.txt is empty'],
    ] as const) {
      expect(variant(`, text: { file: ${file} }`)).toEqual([
        `a.yaml:6:52 campaigns[0].steps[0].variants[0].text: ${why}`,
      ])
    }
  })
})

describe('several files', () => {
  it('define each thing once', () => {
    const person = 'salespeople: [ { email: a@b.example, name: A } ]\n'
    const box = 'mailboxes: [ { address: a@b.example, salesperson: a@b.example, smtp: { host: h.example } } ]\n'
    const text = `timezone: UTC\n${person}${box}`
    expect(mistakes(text, text)).toEqual([
      'b.yaml:1:11 timezone: timezone is defined a second time; the first stands at a.yaml:1:11',
      'b.yaml:2:25 salespeople[0].email: salesperson a@b.example is defined a second time; the first stands at a.yaml:2:25',
      'b.yaml:3:25 mailboxes[0].address: mailbox a@b.example is defined a second time; the first stands at a.yaml:3:25',
    ])
  })

  it('have all their mistakes told at once, in their order', () => {
    expect(mistakes('timezone: X\nfoo: 1\n', '\tx\n')).toEqual([
      'a.yaml:1:11 timezone: expected a time zone such as Europe/Warsaw, got "X"',
      'a.yaml:2:1 foo: there is no such key; known are timezone, warmup_stages, domain_limits, refusal_brake, salespeople, mailboxes, campaigns',
      expect.stringMatching(/^b\.yaml:1:1: /),
    ])
  })
})
