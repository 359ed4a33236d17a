import { beforeEach, describe, expect, it } from 'vitest'
import { applyDefinition, previewApply, type Preview } from '../../src/campaigns/apply/apply.ts'
import { parseDefinition } from '../../src/campaigns/definition/parse.ts'
import { readDefinitionFiles } from '../../src/campaigns/definition/read.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
beforeEach(async () => {
  database = await createTestDatabase()
})

const PEOPLE = `
salespeople:
  - { email: anna@firma.example, name: Anna }
mailboxes:
  - { address: anna@firma.example, salesperson: anna@firma.example, smtp: { host: smtp.firma.example } }
`

const CAMPAIGN = `
campaigns:
  - name: spring
    salesperson: anna@firma.example
    mailboxes: [anna@firma.example]
    steps:
      - key: intro
        variants: [{ letter: A, subject: Hello, text: Good day. }]
      - key: reminder
        wait: 3d
        variants: [{ letter: A, text: Still there? }]
`

async function apply(text: string): Promise<Preview> {
  const definition = parseDefinition([{ path: 'team.yaml', text }])
  const preview = await previewApply(database, definition)
  await applyDefinition(database, definition, preview)
  return preview
}

const preview = (text: string) => previewApply(database, parseDefinition([{ path: 'team.yaml', text }]))

async function one<Row extends Record<string, unknown>>(text: string): Promise<Row> {
  const [row] = await database.query<Row>(text)
  return row as Row
}

/** A lead in `spring` with a pending mail of this step. */
async function enroll(email: string, key: string): Promise<number> {
  const { id } = await one<{ id: number }>(`
    with
    lead as (insert into goniec.lead (email) values ('${email}') returning id),
    enrollment as (
      insert into goniec.enrollment (campaign_id, lead_id)
      select c.id, lead.id from goniec.campaign c, lead where c.name = 'spring' returning id, campaign_id, lead_id)
    insert into goniec.message (kind, campaign_id, enrollment_id, lead_id, recipient, step_id, step_key, variant)
    select 'campaign', e.campaign_id, e.id, e.lead_id, '${email}', s.id, s.key, 'A'
    from enrollment e join goniec.step s on s.campaign_id = e.campaign_id and s.key = '${key}'
    returning id`)
  return id
}

const versions = () =>
  one<{ mailbox: number; campaign: number }>(
    `select (select sum(version) from goniec.mailbox)::int as mailbox, (select sum(version) from goniec.campaign)::int as campaign`,
  )

const stepsNow = async () =>
  (
    await database.query<{ step: string }>(
      `select key || ':' || position || case when retired_at is not null then ':retired' else '' end as step from goniec.step order by position`,
    )
  ).map(({ step }) => step)

const limit = (daily: number) => apply(PEOPLE.replace('smtp:', `daily_limit: ${daily}, smtp:`))

/** The campaign with these steps, each of one variant. */
const steps = (...entries: { key?: string; text: string }[]) =>
  `${CAMPAIGN.slice(0, CAMPAIGN.indexOf('steps:'))}steps:\n` +
  entries
    .map(({ key, text }, i) => {
      const head = [...(key === undefined ? [] : [`key: ${key}`]), ...(i === 0 ? [] : ['wait: 1d'])]
      return `      - { ${[...head, `variants: [{ letter: A, subject: S, text: ${text} }]`].join(', ')} }`
    })
    .join('\n')

describe('what a file says', () => {
  it('the example makes everything in it, with gates and day rows, and applied again changes nothing', async () => {
    const definition = parseDefinition(readDefinitionFiles(['examples/campaigns.yaml']))
    const first = await previewApply(database, definition)
    expect(first.changes.map(({ kind, change }) => `${kind} ${change}`)).toEqual([
      'installation changed',
      ...['salesperson', 'salesperson', 'mailbox', 'mailbox', 'mailbox', 'mailbox'].map((kind) => `${kind} created`),
      ...['campaign', 'campaign', 'campaign'].map((kind) => `${kind} created`),
    ])
    expect(first.sensitive).toBe(false)
    await applyDefinition(database, definition, first)
    const again = await previewApply(database, definition)
    expect(again.changes.flatMap(({ fields }) => fields)).toEqual([])
    expect(again.changed).toBe(false)
    expect(
      await one(`select (select count(*) from goniec.mailbox_gate) as mailbox_gates, (select count(*) from goniec.campaign_gate) as campaign_gates,
                        (select count(distinct mailbox_id) from goniec.mailbox_day) as mailboxes_with_days,
                        (select count(*) from goniec.step) as steps, (select count(*) from goniec.variant) as variants`),
    ).toEqual({ mailbox_gates: 4, campaign_gates: 3, mailboxes_with_days: 4, steps: 4, variants: 5 })
  })

  it('what the file leaves out gets its default again; what it does not name stays', async () => {
    await apply(
      PEOPLE + CAMPAIGN.replace('    steps:', '    delay: 5m\n    daily_limit: 10\n    holidays: DE\n    steps:'),
    )
    const { changes } = await apply(CAMPAIGN)
    expect(changes).toMatchObject([
      {
        kind: 'campaign',
        change: 'changed',
        fields: [
          { field: 'holidays', from: 'DE', to: 'PL' },
          { field: 'delay', from: '5m', to: '1m30s' },
          { field: 'daily_limit', from: 10, to: null },
        ],
      },
    ])
    expect(await one('select count(*) as mailboxes from goniec.mailbox')).toEqual({ mailboxes: 1 })
  })

  it('every setting of a mailbox is written, compared and found again', async () => {
    const full = `
salespeople: [{ email: anna@firma.example, name: Anna, daily_limit: 7 }]
mailboxes:
  - address: anna@firma.example
    name: Anna
    salesperson: anna@firma.example
    daily_limit: 9
    min_gap: 0
    unsubscribe: stop@firma.example
    signature: { text: A, html: <b>A</b> }
    smtp: { host: smtp.firma.example, port: 2525, security: none, user: anna, password: env:ANNA }
    imap: { host: imap.firma.example, user: anna, password: env:ANNA }
    warmup: { started: 2026-11-02, daily_limit: 3 }
timezone: Europe/Berlin
warmup_stages: [{ from_day: 1, warmup_limit: 1, campaign_limit: 2 }, { from_day: 5 }]
`
    await apply(PEOPLE)
    const changed = await apply(full)
    expect(changed.changes.map(({ kind, fields }) => [kind, fields.map(({ field }) => field).join(' ')])).toEqual([
      ['installation', 'timezone warmup_stages'],
      ['salesperson', 'daily_limit'],
      [
        'mailbox',
        'name daily_limit min_gap signature.text signature.html unsubscribe smtp.port smtp.security smtp.user smtp.password imap warmup.started warmup.daily_limit',
      ],
    ])
    expect((await preview(full)).changed).toBe(false)
    expect(await one('select smtp_password_ref, imap, daily_limit from goniec.mailbox')).toEqual({
      smtp_password_ref: 'env:ANNA',
      imap: { host: 'imap.firma.example', port: 993, security: 'tls', user: 'anna', password: 'env:ANNA' },
      daily_limit: 9,
    })
  })

  it('a name that is nowhere, a template that is none: all are told with their place, and nothing is changed', async () => {
    await apply(PEOPLE)
    const text = CAMPAIGN.replace('[anna@firma.example]', '[ana@firma.example]').replace('Good day.', '"{{ imie"')
    await expect(preview(text)).rejects.toThrow(
      /2 mistakes[^]*team\.yaml:5:17 campaigns\[0\]\.mailboxes\[0\]: campaign "spring" names mailbox ana@firma\.example[^]*did you mean "anna@firma\.example"[^]*team\.yaml:8:\d+ campaigns\[0\]\.steps\[0\]\.variants\[0\]: step intro, variant A, text/,
    )
    expect(await one('select count(*) as campaigns from goniec.campaign')).toEqual({ campaigns: 0 })
  })

  it('if somebody else applied something in between, what was agreed to is not done', async () => {
    await apply(PEOPLE + CAMPAIGN)
    const definition = parseDefinition([
      { path: 'a', text: PEOPLE.replace('name: Anna', 'name: Anna, daily_limit: 5') },
    ])
    const agreed = await previewApply(database, definition)
    await database.query('update goniec.salesperson set daily_limit = 6')
    await expect(applyDefinition(database, definition, agreed)).rejects.toThrow(/somebody else has changed/)
    expect(await one('select daily_limit from goniec.salesperson')).toEqual({ daily_limit: 6 })
  })
})

describe('versions', () => {
  beforeEach(() => apply(PEOPLE + CAMPAIGN))

  it.each([
    ['a salesperson’s name', PEOPLE.replace('name: Anna', 'name: Anna N.'), { mailbox: 1, campaign: 1 }],
    ['a salesperson’s limit', PEOPLE.replace('name: Anna', 'name: Anna, daily_limit: 5'), { mailbox: 2, campaign: 2 }],
    ['a mailbox’s setting', PEOPLE.replace('smtp.firma', 'mail.firma'), { mailbox: 2, campaign: 1 }],
    ['the warm-up stages, with nobody warming', 'warmup_stages: [{ from_day: 1 }]', { mailbox: 1, campaign: 1 }],
    ['the installation’s zone', 'timezone: Europe/Berlin', { mailbox: 2, campaign: 1 }],
    ['the limits of recipient domains', 'domain_limits: { daily_limit: 5 }', { mailbox: 1, campaign: 2 }],
    ['a campaign’s weight', CAMPAIGN.replace('    steps:', '    weight: 2\n    steps:'), { mailbox: 1, campaign: 2 }],
    [
      'a campaign’s window',
      CAMPAIGN.replace('steps:', 'window: { to: "12:00" }\n    steps:'),
      { mailbox: 1, campaign: 2 },
    ],
    ['a template', CAMPAIGN.replace('Good day.', 'Good evening.'), { mailbox: 1, campaign: 2 }],
  ])('%s makes the slots that it touches void, and no others', async (_, text, expected) => {
    await apply(text)
    expect(await versions()).toEqual(expected)
  })

  it.each([
    ['3d', '72h'],
    ['25h', '25h5s'],
    ['1s500ms', '1s600ms'],
  ])('a follow-up that waits %s is changed to %s', async (from, to) => {
    await apply(CAMPAIGN.replace('3d', from))
    const text = CAMPAIGN.replace('3d', to)
    expect((await apply(text)).changes.at(-1)?.fields).toEqual([{ field: 'steps.reminder.wait', from, to }])
    expect(await one(`select wait_days from goniec.step where key = 'reminder'`)).toEqual({ wait_days: null })
    expect((await preview(text)).changed).toBe(false)
  })

  it('limits of recipient domains stay unless a file names them, and say what changes', async () => {
    const limits = 'domain_limits: { daily_limit: 20, except: [{ domains: [wp.pl, gmail.com], hourly_limit: 9 }] }'
    const { changes } = await apply(limits)
    expect(changes.map(({ kind, fields }) => [kind, fields])).toEqual([
      [
        'installation',
        [
          {
            field: 'domain_limits',
            from: [],
            to: ['each domain: 20 a day', 'gmail.com: 9 an hour', 'wp.pl: 9 an hour'],
          },
        ],
      ],
    ])
    expect((await preview(limits)).changed).toBe(false)
    expect((await preview(PEOPLE)).changed).toBe(false)
    await apply('domain_limits: off')
    expect(await one('select count(*)::int as limits from goniec.domain_limit')).toEqual({ limits: 0 })
  })

  it('the brake is on unless a file turns it off, and changing it moves no mail', async () => {
    expect(await one('select refusal_share::float8 as share from goniec.installation')).toEqual({ share: 0.05 })
    const { changes, sensitive } = await apply('refusal_brake: off')
    expect(changes[0]?.fields).toEqual([{ field: 'refusal_brake', from: '5% of the last 200, at least 50', to: 'off' }])
    expect(sensitive).toBe(false)
    expect((await preview('refusal_brake: off')).changed).toBe(false)
    expect(await versions()).toEqual({ mailbox: 1, campaign: 1 })
    await apply('refusal_brake: { share: 12.5%, at_least: 10, of_last: 20 }')
    expect(
      await one('select refusal_share::float8 as s, refusal_least as l, refusal_last as n from goniec.installation'),
    ).toEqual({ s: 0.125, l: 10, n: 20 })
  })

  it('limits are changed during the day: up, down, and below what was taken', async () => {
    await limit(70)
    await database.query('update goniec.mailbox_day set campaign_taken = 20')
    await limit(30)
    expect(await one('select min(daily_limit) as low, max(daily_limit) as high from goniec.mailbox_day')).toEqual({
      low: 30,
      high: 30,
    })
    await limit(10)
    expect(await one('select max(daily_limit) as high from goniec.mailbox_day')).toEqual({ high: 20 })
  })

  it('a running campaign’s change says how many mails it concerns, and wants a yes; a draft’s without mails does not', async () => {
    const text = CAMPAIGN.replace('Good day.', 'Good evening.')
    expect((await preview(text)).sensitive).toBe(false)
    await enroll('a@klient.example', 'intro')
    expect(await preview(text)).toMatchObject({ sensitive: true, changes: [{ mails: 1 }] })
  })
})

describe('steps', () => {
  beforeEach(() => apply(PEOPLE + CAMPAIGN))
  const withoutIntro = CAMPAIGN.replace(/ {6}- key: intro\n.*\n/, '')
    .replace('        wait: 3d\n', '')
    .replace('text: Still', 'subject: S, text: Still')

  it('a removed step with mails is kept as retired, its waiting mails are cancelled, and their leads go on with the next', async () => {
    const mail = await enroll('a@klient.example', 'intro')
    const { changes } = await apply(withoutIntro)
    expect(changes[0]?.notes).toEqual([
      'step intro: mails of it that have not gone out are cancelled; their leads go on with the next step',
    ])
    expect(await stepsNow()).toEqual(['reminder:1', 'intro:2:retired'])
    expect(await one(`select status, slot_reason from goniec.message where id = ${mail}`)).toEqual({
      status: 'cancelled',
      slot_reason: 'step removed',
    })
    expect(await one(`select step_key, status from goniec.message where id <> ${mail}`)).toEqual({
      step_key: 'reminder',
      status: 'pending',
    })
  })

  it('a removed step that comes back is the same step, and nobody gets it twice', async () => {
    await enroll('a@klient.example', 'intro')
    await apply(withoutIntro)
    const { changes } = await apply(CAMPAIGN)
    expect(changes[0]?.notes).toEqual([
      'step intro is back: whoever has had it, or had it cancelled, does not get it again',
    ])
    expect(await stepsNow()).toEqual(['intro:1', 'reminder:2'])
    expect(await one(`select count(*) as mails from goniec.message where step_key = 'intro'`)).toEqual({ mails: 1 })
  })

  it('that a worker makes the first mail of a removed step meanwhile is no change that somebody made', async () => {
    await database.query(`update goniec.campaign set status = 'running', started_at = goniec.now()`)
    const definition = parseDefinition([{ path: 'team.yaml', text: withoutIntro }])
    const agreed = await previewApply(database, definition)
    await enroll('a@klient.example', 'intro')
    await applyDefinition(database, definition, agreed)
    expect(await stepsNow()).toEqual(['reminder:1', 'intro:2:retired'])
  })

  it('a step of a campaign that never ran, without mails, is removed for good', async () => {
    await apply(withoutIntro)
    expect(await stepsNow()).toEqual(['reminder:1'])
  })

  it('keyed steps change places and variants, and keep what they are', async () => {
    await enroll('a@klient.example', 'intro')
    const before = await one(`select id from goniec.step where key = 'intro'`)
    await apply(`
campaigns:
  - name: spring
    salesperson: anna@firma.example
    mailboxes: [anna@firma.example]
    steps:
      - key: reminder
        variants: [{ letter: B, subject: X, text: Still there? }]
      - { key: intro, wait: 2h, variants: [{ letter: A, text: Good day. }] }
`)
    expect(await stepsNow()).toEqual(['reminder:1', 'intro:2'])
    expect(await one(`select id from goniec.step where key = 'intro'`)).toEqual(before)
    expect(
      await one(`select letter from goniec.variant v join goniec.step s on s.id = v.step_id where key = 'reminder'`),
    ).toEqual({ letter: 'B' })
    expect(await one(`select wait_ms, wait_days from goniec.step where key = 'intro'`)).toEqual({
      wait_ms: 7_200_000,
      wait_days: null,
    })
  })
})

describe('steps without keys', () => {
  const a = { text: 'one' }
  const b = { text: 'two' }

  beforeEach(async () => {
    await apply(PEOPLE + steps(a, b))
  })

  it('they are called by their place, and may change as long as there are no mails', async () => {
    expect(await stepsNow()).toEqual(['step-1:1', 'step-2:2'])
    await apply(steps(b, a, { text: 'three' }))
    expect(await stepsNow()).toEqual(['step-1:1', 'step-2:2', 'step-3:3'])
  })

  it.each([
    ['one more in front', steps({ text: 'new' }, a, b), /their number cannot change/],
    ['one fewer', steps(a), /step-2 cannot be removed/],
    ['the other order', steps(b, a), /their order cannot change/],
    ['a keyed one in front', steps({ key: 'new', text: 'new' }, a, b), /step-1 cannot be removed/],
  ])('once there are mails they cannot change: %s; the way out is told', async (_, text, problem) => {
    await enroll('a@klient.example', 'step-1')
    await expect(preview(text)).rejects.toThrow(problem)
    await expect(preview(text)).rejects.toThrow(/"key: step-1" to what was step 1, "key: step-2" to what was step 2/)
  })

  it('with the keys they have they can be moved, and a text alone can always be changed', async () => {
    await enroll('a@klient.example', 'step-1')
    await apply(steps({ text: 'better' }, b))
    await apply(steps({ key: 'new', text: 'new' }, { key: 'step-1', text: 'better' }, { key: 'step-2', text: 'two' }))
    expect(await stepsNow()).toEqual(['new:1', 'step-1:2', 'step-2:3'])
  })

  it.each([['step-2'], ['"2"']])('the key %s cannot stand beside a second step without a key', async (key) => {
    await expect(preview(steps(a, b, { key, text: 'three' }))).rejects.toThrow(/could be taken for step 2/)
  })

  it('a key that was given once belongs to its step, also when the file forgets it', async () => {
    await apply(steps({ key: 'step-1', text: 'one' }, b))
    await expect(preview(steps(a, b))).rejects.toThrow(/"step-1" is the key of a step that has it by name/)
  })
})
