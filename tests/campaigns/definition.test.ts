import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CampaignDefinition, MailboxDefinition } from '../../src/campaigns/definition/definition.ts'
import { parseDefinition } from '../../src/campaigns/definition/parse.ts'
import { readDefinitionFiles } from '../../src/campaigns/definition/read.ts'
import { assert } from '../../src/errors.ts'

let directory = ''
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'goniec-definition-'))
  writeFileSync(join(directory, 'intro-b.txt'), 'Dzień dobry,\n{{ imie }}\n')
  writeFileSync(join(directory, 'intro-b.html'), '\uFEFF<p>Dzień dobry</p>')
})
afterAll(() => rmSync(directory, { recursive: true }))

const parse = (text: string) => parseDefinition([{ path: join(directory, 'c.yaml'), text }])

/** The only campaign of a file with these lines beside the least that a campaign needs. */
function campaignOf(lines: string): CampaignDefinition {
  const [campaign] = parse(`campaigns:
  - name: spring
    salesperson: anna@firma.example
    mailboxes: [anna@firma.example]
    steps: [ { variants: [ { letter: A, subject: s, text: t } ] } ]
    ${lines}`).campaigns
  assert(campaign, 'one campaign')
  return campaign
}

function mailboxOf(smtp: string, lines = ''): MailboxDefinition {
  const [mailbox] = parse(`mailboxes:
  - address: anna@firma.example
    salesperson: anna@firma.example
    smtp: ${smtp}
    ${lines}`).mailboxes
  assert(mailbox, 'one mailbox')
  return mailbox
}

/** DESIGN's example: every key once. */
const EVERYTHING = `timezone: Europe/Warsaw
warmup_stages:
  - { from_day: 1, warmup_limit: 10, campaign_limit: 5 }
  - { from_day: 29 }
domain_limits:
  daily_limit: 20
  hourly_limit: 5
  except:
    - { domains: [gmail.com, WP.pl], daily_limit: 300 }
    - { domains: [partner.example] }
refusal_brake: { share: 2.5%, at_least: 40, of_last: 100 }
salespeople:
  - { email: Anna@firma.example, name: Anna Nowak, daily_limit: 200 }
mailboxes:
  - address: anna@firma.example
    name: Anna Nowak
    salesperson: anna@firma.example
    daily_limit: 40
    min_gap: 1m30s
    signature: { text: "Anna Nowak, Firma sp. z o.o." }
    unsubscribe: wypisz@firma.example
    smtp: { host: smtp.firma.example, port: 2587, security: starttls, user: anna@firma.example, password: env:ANNA_SMTP_PASSWORD }
    imap: { host: imap.firma.example, user: anna, password: credential:anna }
    warmup: { started: 2026-11-02, daily_limit: 30 }
campaigns:
  - name: spring-offer
    salesperson: anna@firma.example
    mailboxes: [anna@firma.example, jan@firma.example]
    timezone: Europe/London
    starts_on: 2026-12-01
    window: { from: 09:00, to: "24:00", days: [wed, mon] }
    holidays: DE-BY
    skip_dates: [2026-12-31, 2026-12-30, 2026-12-31]
    delay: 5m
    jitter: 12.5%
    daily_limit: 120
    contact_gap: 2d
    weight: 3
    steps:
      - key: intro
        variants:
          - { letter: A, weight: 70, subject: "Oferta, {{ imie }}", text: "Dzień dobry", html: "<p>Hej</p>" }
          - { letter: B, weight: 30, subject: Oferta, text: { file: intro-b.txt }, html: { file: intro-b.html } }
      - key: reminder
        wait: 3d
        variants: [ { letter: A, text: "Przypominam" } ]
`

describe('a definition', () => {
  it('holds every key of the files, with units fixed and texts read', () => {
    const at = expect.objectContaining({ file: join(directory, 'c.yaml') })
    expect(parse(EVERYTHING)).toEqual({
      timezone: 'Europe/Warsaw',
      warmupStages: [
        { fromDay: 1, warmupLimit: 10, campaignLimit: 5 },
        { fromDay: 29, warmupLimit: null, campaignLimit: null },
      ],
      domainLimits: [
        { domain: '*', dailyLimit: 20, hourlyLimit: 5 },
        { domain: 'gmail.com', dailyLimit: 300, hourlyLimit: null },
        { domain: 'partner.example', dailyLimit: null, hourlyLimit: null },
        { domain: 'wp.pl', dailyLimit: 300, hourlyLimit: null },
      ],
      refusalBrake: { share: 0.025, least: 40, last: 100 },
      salespeople: [{ email: 'anna@firma.example', name: 'Anna Nowak', dailyLimit: 200, at }],
      mailboxes: [
        {
          address: 'anna@firma.example',
          name: 'Anna Nowak',
          salesperson: 'anna@firma.example',
          dailyLimit: 40,
          minGapMs: 90_000,
          signature: { text: 'Anna Nowak, Firma sp. z o.o.', html: null },
          unsubscribe: 'wypisz@firma.example',
          smtp: {
            host: 'smtp.firma.example',
            port: 2587,
            security: 'starttls',
            user: 'anna@firma.example',
            password: 'env:ANNA_SMTP_PASSWORD',
            oauth2: null,
          },
          imap: { host: 'imap.firma.example', port: 993, security: 'tls', user: 'anna', password: 'credential:anna' },
          warmup: { started: '2026-11-02', dailyLimit: 30 },
          at,
        },
      ],
      campaigns: [
        {
          name: 'spring-offer',
          salesperson: 'anna@firma.example',
          mailboxes: ['anna@firma.example', 'jan@firma.example'],
          timezone: 'Europe/London',
          startsOn: '2026-12-01',
          window: { from: '09:00', to: '24:00', days: [1, 3] },
          holidays: 'DE-BY',
          skipDates: ['2026-12-30', '2026-12-31'],
          delayMs: 300_000,
          jitter: 0.125,
          dailyLimit: 120,
          contactGapDays: 2,
          weight: 3,
          steps: [
            {
              key: 'intro',
              wait: null,
              variants: [
                { letter: 'A', weight: 70, subject: 'Oferta, {{ imie }}', text: 'Dzień dobry', html: '<p>Hej</p>', at },
                {
                  letter: 'B',
                  weight: 30,
                  subject: 'Oferta',
                  text: 'Dzień dobry,\n{{ imie }}\n',
                  html: '<p>Dzień dobry</p>',
                  at,
                },
              ],
              at,
            },
            {
              key: 'reminder',
              wait: { days: 3 },
              variants: [{ letter: 'A', weight: 1, subject: null, text: 'Przypominam', html: null, at }],
              at,
            },
          ],
          at,
        },
      ],
      references: [
        { kind: 'salesperson', name: 'anna@firma.example', by: 'mailbox anna@firma.example', defined: true, at },
        { kind: 'salesperson', name: 'anna@firma.example', by: 'campaign "spring-offer"', defined: true, at },
        { kind: 'mailbox', name: 'anna@firma.example', by: 'campaign "spring-offer"', defined: true, at },
        { kind: 'mailbox', name: 'jan@firma.example', by: 'campaign "spring-offer"', defined: false, at },
      ],
    })
  })

  it('knows where everything stands', () => {
    const { campaigns, references } = parse(EVERYTHING)
    const file = join(directory, 'c.yaml')
    expect(campaigns[0]?.at).toEqual({ file, line: 26, column: 11, path: 'campaigns[0].name' })
    expect(campaigns[0]?.steps[1]?.variants[0]?.at).toEqual({
      file,
      line: 46,
      column: 21,
      path: 'campaigns[0].steps[1].variants[0]',
    })
    expect(references[3]?.at).toEqual({ file, line: 28, column: 37, path: 'campaigns[0].mailboxes[1]' })
  })

  it('fills in the stated defaults', () => {
    const { steps: _, at: __, ...settings } = campaignOf('')
    expect(settings).toEqual({
      name: 'spring',
      salesperson: 'anna@firma.example',
      mailboxes: ['anna@firma.example'],
      timezone: 'Europe/Warsaw',
      startsOn: null,
      window: { from: '09:00', to: '17:00', days: [1, 2, 3, 4, 5] },
      holidays: 'PL',
      skipDates: [],
      delayMs: 90_000,
      jitter: 0.2,
      dailyLimit: null,
      contactGapDays: 1,
      weight: 1,
    })
    expect(mailboxOf('{ host: smtp.firma.example }')).toMatchObject({
      name: null,
      dailyLimit: 50,
      minGapMs: 60_000,
      signature: { text: null, html: null },
      unsubscribe: null,
      smtp: { host: 'smtp.firma.example', port: 587, security: 'starttls', user: null, password: null },
      imap: null,
      warmup: null,
    })
    expect(parse('salespeople: [ { email: a@b.example, name: A } ]')).toMatchObject({
      timezone: undefined,
      warmupStages: undefined,
      domainLimits: undefined,
      refusalBrake: undefined,
      salespeople: [{ dailyLimit: null }],
      mailboxes: [],
      campaigns: [],
    })
  })

  it.each([
    ['domain_limits: off', []],
    ['domain_limits: {}', []],
    ['domain_limits: { except: [{ domains: [gmail.com] }] }', []],
    ['domain_limits: { hourly_limit: 5 }', [{ domain: '*', dailyLimit: null, hourlyLimit: 5 }]],
  ])('limits no domain that it gives no limit: %s', (text, expected) => {
    expect(parse(text).domainLimits).toEqual(expected)
  })

  it.each([
    ['refusal_brake: off', { share: null, least: 50, last: 200 }],
    ['refusal_brake: {}', { share: 0.05, least: 50, last: 200 }],
    ['refusal_brake: { share: 0% }', { share: 0, least: 50, last: 200 }],
  ])('says when refusals are too many: %s', (text, expected) => {
    expect(parse(text).refusalBrake).toEqual(expected)
  })

  it('keeps a campaign in Warsaw though the installation is elsewhere', () => {
    const text = `timezone: America/New_York\ncampaigns:\n  - name: x\n    salesperson: a@b.example\n    mailboxes: [a@b.example]\n    steps: [ { variants: [ { letter: A, subject: s, text: t } ] } ]\n`
    expect(parse(text)).toMatchObject({ timezone: 'America/New_York', campaigns: [{ timezone: 'Europe/Warsaw' }] })
  })

  it.each([
    ['{ host: h.example, security: tls }', 465, 'tls'],
    ['{ host: h.example, security: none }', 25, 'none'],
    ['{ host: h.example, port: 465 }', 465, 'tls'],
    ['{ host: h.example, port: 2525 }', 2525, 'starttls'],
    ['{ host: 127.0.0.1, port: 2525, security: none }', 2525, 'none'],
  ])('reads the server %s', (smtp, port, security) => {
    expect(mailboxOf(smtp).smtp).toMatchObject({ port, security })
  })

  it.each([
    ['holidays: none', { holidays: null }],
    ['holidays: false', { holidays: null }],
    ['holidays:', { holidays: null }],
    ['holidays: NO', { holidays: 'NO' }],
    ['holidays: DE-BY-A', { holidays: 'DE-BY-A' }],
    ['window: { from: 9:00 }', { window: { from: '09:00', to: '17:00', days: [1, 2, 3, 4, 5] } }],
    ['jitter: 0.2', { jitter: 0.2 }],
    ['jitter: 0', { jitter: 0 }],
    ['delay: 0', { delayMs: 0 }],
    ['delay: 1h30m', { delayMs: 5_400_000 }],
    ['contact_gap: 0d', { contactGapDays: 0 }],
    ['contact_gap: 1w', { contactGapDays: 7 }],
    ['timezone: UTC', { timezone: 'UTC' }],
  ])('reads %s', (lines, settings) => {
    expect(campaignOf(lines)).toMatchObject(settings)
  })

  it.each([
    ['3d', { days: 3 }],
    ['1w', { days: 7 }],
    ['90m', { ms: 5_400_000 }],
    ['5s', { ms: 5000 }],
    ['48h', { ms: 172_800_000 }],
  ])('reads a wait of %s', (wait, read) => {
    const text = EVERYTHING.replace('wait: 3d', `wait: ${wait}`)
    expect(parse(text).campaigns[0]?.steps[1]?.wait).toEqual(read)
  })

  it('may stand in several files, in any order', () => {
    const [people, campaigns] = EVERYTHING.split(/(?=^campaigns:)/m)
    const files = [
      { path: join(directory, 'b.yaml'), text: campaigns ?? '' },
      { path: join(directory, 'a.yaml'), text: people ?? '' },
    ]
    const definition = parseDefinition(files)
    expect(definition.references.map(({ defined }) => defined)).toEqual([true, true, false, true])
    expect(definition.mailboxes[0]?.at.file).toBe(join(directory, 'a.yaml'))
  })

  it('may share what it repeats by anchors and merge keys', () => {
    const text = `mailboxes:
  - { address: a@b.example, salesperson: a@b.example, smtp: &server { host: smtp.b.example, port: 465 } }
  - { address: c@b.example, salesperson: a@b.example, smtp: { <<: *server, user: c, password: env:C } }
  - { address: d@b.example, salesperson: a@b.example, smtp: *server }
`
    expect(parse(text).mailboxes.map(({ smtp }) => [smtp.host, smtp.port, smtp.security, smtp.user])).toEqual([
      ['smtp.b.example', 465, 'tls', null],
      ['smtp.b.example', 465, 'tls', 'c'],
      ['smtp.b.example', 465, 'tls', null],
    ])
  })
})

describe('definition files', () => {
  it('are read from disk, each once', () => {
    const path = join(directory, 'intro-b.html')
    expect(readDefinitionFiles([path, path])).toEqual([{ path, text: '<p>Dzień dobry</p>' }])
  })

  it('that cannot be read are named', () => {
    const latin = join(directory, 'latin.yaml')
    writeFileSync(latin, Buffer.from([0x61, 0xb3]))
    expect(() => readDefinitionFiles(['/nowhere/c.yaml'])).toThrow('there is no definition file /nowhere/c.yaml')
    expect(() => readDefinitionFiles([directory])).toThrow(`${directory} is a directory, not a definition file`)
    expect(() => readDefinitionFiles([latin])).toThrow(`${latin} is not a text in UTF-8`)
  })
})
