import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { composeFor } from '../../src/delivery/compose-message.ts'
import { loadMaterial } from '../../src/delivery/material.ts'
import { assert } from '../../src/errors.ts'
import { importHistory } from '../../src/leads/history.ts'
import { importLeads, type ImportOptions } from '../../src/leads/import.ts'
import { pidOf, untilBlocked } from '../support/blocked.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { claim, claimOne, fence, settle } from '../support/protocol.ts'
import { NOON, World } from '../support/world.ts'

let database: TestDatabase
let world: World
let campaign = 0
let mailbox = 0
let directory = ''
beforeEach(async () => {
  database = await createTestDatabase()
  await setClock(database, NOON)
  world = new World(database.pool)
  campaign = await world.campaign({ name: 'spring', steps: ['intro', 'reminder', 'last'] })
  mailbox = await world.mailbox({ address: 'anna@firma.example' })
  await world.insert('campaign_mailbox', { campaign_id: campaign, mailbox_id: mailbox }, 'mailbox_id')
  directory = mkdtempSync(join(tmpdir(), 'goniec-history-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const HEADER = 'email,campaign,step,sent_at,message_id,mailbox,subject'

/** A history of these lines under the usual header. */
function history(lines: readonly string[], options: Partial<ImportOptions> & { header?: string } = {}) {
  const path = join(directory, 'history.csv')
  const { header = HEADER, ...rest } = options
  writeFileSync(path, `${header}\n${lines.join('\n')}\n`)
  return importHistory(database, path, rest)
}

const INTRO = 'jan@klient.example,spring,intro,2026-11-20 10:00,<1@old.example>,anna@firma.example,Hello Jan'

const mails = () =>
  database.query(
    `select s.key as step, m.status, m.sent_at, m.follows_at, m.bound_mailbox_id as bound from goniec.message m join goniec.step s on s.id = m.step_id order by m.lead_id, s.position`,
  )
const summary = async () => (await mails()).map(({ step, status }) => `${step} ${status}`)

function reasons(path: string | null): string[] {
  const text = readFileSync(path ?? '', 'utf8')
  return text.trimEnd().split('\r\n').slice(1).map((line) => line.split(',')[0] ?? '') // prettier-ignore
}

describe('what was sent', () => {
  it('a mail that was sent before stands here as sent, with its time, Message-ID, mailbox and subject; the next one follows it', async () => {
    expect(await history([INTRO])).toMatchObject({ rows: 1, new: 1, known: 0, updated: 0, enrolled: 1, rejected: 0 })
    expect(await mails()).toMatchObject([
      { step: 'intro', status: 'sent' },
      { step: 'reminder', status: 'pending', bound: mailbox },
    ])
    expect(
      await database.query(`
        select m.sent_at::text, next.follows_at = m.sent_at as follows, m.rfc_message_id, c.subject, a.state, a.mailbox_id, a.ended_by, a.mailbox_day, ld.day
        from goniec.message m join goniec.message next on next.enrollment_id = m.enrollment_id and next.id <> m.id
        join goniec.message_content c on c.message_id = m.id join goniec.attempt a on a.message_id = m.id join goniec.lead_day ld on ld.lead_id = m.lead_id`),
    ).toEqual([
      {
        sent_at: expect.stringMatching(/^2026-11-20 /),
        follows: true,
        rfc_message_id: '<1@old.example>',
        subject: 'Hello Jan',
        state: 'accepted',
        mailbox_id: mailbox,
        ended_by: 'import',
        mailbox_day: '2026-11-20',
        day: '2026-11-20',
      },
    ])
    expect(await database.query(`select type from goniec.event where message_id is not null order by id`)).toEqual([
      { type: 'imported' },
      { type: 'sent' },
    ])
  })

  it.each(['<1@old.example>', '<20261120.no-at-sign>', 'a@b@old.example'])(
    'a Message-ID that is taken (%s) is one that the next mail answers',
    async (given) => {
      expect(await history([INTRO.replace('<1@old.example>', given)])).toMatchObject({ enrolled: 1, rejected: 0 })
      await database.query('update goniec.variant set subject = null')
      const reminder = Number(await world.value(`select id from goniec.message where status = 'pending'`))
      const material = (await loadMaterial(database, [reminder])).get(reminder)
      assert(material, 'a follow-up that is bound to a mailbox has its material')
      const { headers } = await composeFor(material)
      const id = given.startsWith('<') ? given : `<${given}>`
      expect(headers).toEqual(
        expect.arrayContaining([
          { name: 'In-Reply-To', value: id },
          { name: 'References', value: id },
        ]),
      )
    },
  )

  it('the same history again is known, and a later import of the lead makes no mail of the step', async () => {
    await history([INTRO])
    const before = await mails()
    expect(await history([INTRO])).toMatchObject({ rows: 1, new: 0, known: 1, enrolled: 0 })
    const leads = join(directory, 'leads.csv')
    writeFileSync(leads, 'email,imie\nJAN@klient.example,Jan\n')
    expect(await importLeads(database, leads, { campaign: 'spring' })).toMatchObject({
      known: 1,
      updated: 1,
      enrolled: 0,
    })
    expect(await mails()).toEqual(before)
  })

  it('a mail that was waiting here is taken over and never sent; earlier steps are not mailed after later ones', async () => {
    const lead = await world.lead({ email: 'jan@klient.example' })
    const waiting = await world.mail({ campaign, lead, mailbox, step: 'intro' })
    expect(await history([INTRO])).toMatchObject({ new: 1, updated: 1, enrolled: 0 })
    expect(await world.row('message', waiting.id)).toMatchObject({ status: 'sent', variant: null })
    expect((await claim(database.pool, await world.worker())).messages).not.toContain(waiting.id)
    const other = await world.mail({
      campaign,
      mailbox,
      lead: await world.lead({ email: 'ola@klient.example' }),
      step: 'intro',
    })
    await history(['ola@klient.example,spring,reminder,2026-11-20 10:00,,,'])
    expect(await world.row('message', other.id)).toMatchObject({ status: 'cancelled', slot_reason: 'history' })
    expect(await summary()).toEqual([
      'intro sent',
      'reminder pending',
      'intro cancelled',
      'reminder sent',
      'last pending',
    ])
  })

  it('a step that was removed since stands behind none: what waits is not cancelled, and who had no other goes on with the first', async () => {
    await world.mail({ campaign, lead: await world.lead({ email: 'jan@klient.example' }), step: 'reminder' })
    await database.query(
      `update goniec.step set position = case key when 'intro' then 3 when 'reminder' then 1 else 2 end, retired_at = case key when 'intro' then goniec.now() end`,
    )
    await history([INTRO, INTRO.replace('jan@', 'ola@')])
    expect(await summary()).toEqual(['reminder pending', 'intro sent', 'reminder pending', 'intro sent'])
  })

  it('both steps of a lead in one file, in any order, leave the third', async () => {
    const reminder = 'jan@klient.example,spring,2,24.11.2026 9:30,,,'
    expect(await history([reminder, INTRO, INTRO])).toMatchObject({ rows: 3, new: 2, known: 1, enrolled: 1 })
    expect(await summary()).toEqual(['intro sent', 'reminder sent', 'last pending'])
  })

  it('a mailbox that is not known leaves the follow-up free to leave from any', async () => {
    await history(['jan@klient.example,spring,intro,2026-11-20 10:00,,,'])
    expect(await mails()).toMatchObject([{ status: 'sent' }, { status: 'pending', bound: null }])
  })

  it('what was sent today counts today, and raises a limit that it passes', async () => {
    await world.update('mailbox', mailbox, { daily_limit: 1 })
    await world.update('campaign', campaign, { daily_limit: 1 })
    await database.query('select goniec.make_day_rows(2)')
    await history([1, 2, 3].map((n) => `lead${n}@klient.example,spring,intro,2026-12-01 0${n}:00,,anna@firma.example,`))
    expect(
      await database.query(`select campaign_taken, daily_limit from goniec.mailbox_day where day = '2026-12-01'`),
    ).toEqual([{ campaign_taken: 3, daily_limit: 3 }])
    expect(await database.query(`select taken, daily_limit from goniec.campaign_day where day = '2026-12-01'`)).toEqual(
      [{ taken: 3, daily_limit: 3 }],
    )
    expect(await world.value(`select taken from goniec.salesperson_day where day = '2026-12-01'`)).toBe(3)
    expect(await world.value(`select count(*) from goniec.lead_day where day = '2026-12-01'`)).toBe(3)
  })

  it('what was sent today to a domain with a limit counts there too, in its hour', async () => {
    await database.query(`insert into goniec.domain_limit values ('klient.example', 2, 1)`)
    await history([1, 2, 3].map((n) => `lead${n}@klient.example,spring,intro,2026-12-01 11:5${n},,anna@firma.example,`))
    await history(['lead9@klient.example,spring,intro,2026-11-30 11:50,,anna@firma.example,'])
    expect(await database.query('select day, taken, daily_limit from goniec.domain_day')).toEqual([
      { day: '2026-12-01', taken: 3, daily_limit: 3 },
    ])
    expect(await database.query('select taken, hourly_limit from goniec.domain_hour')).toEqual([
      { taken: 3, hourly_limit: 3 },
    ])
  })

  it('times without a zone are local: summer, winter, ISO and Polish; header names in any case', async () => {
    const times = [
      '2026-07-01 12:00',
      '01.07.2026 12:00:30',
      '2026-11-20T12:00',
      '2026-11-20T12:00:00Z',
      '1.11.2026 8:05',
      '2026-07-01 12:00+02:00',
    ]
    await history(
      times.map((time, n) => `lead${n}@klient.example;spring;intro;${time}`),
      { header: 'E-mail;Campaign;STEP;Sent At' },
    )
    expect(
      await database.query(
        `select extract(epoch from sent_at)::int as at from goniec.message where status = 'sent' order by lead_id`,
      ),
    ).toEqual(
      [
        '2026-07-01T10:00:00Z',
        '2026-07-01T10:00:30Z',
        '2026-11-20T11:00:00Z',
        '2026-11-20T12:00:00Z',
        '2026-11-01T07:05:00Z',
        '2026-07-01T10:00:00Z',
      ].map((at) => ({ at: Date.parse(at) / 1000 })),
    )
  })
})

describe('what is not taken', () => {
  it('names, times and ids that are none are rejected, with the nearest name', async () => {
    const { rejected, rejectsFile } = await history([
      'jan@klient.example,sprin,intro,2026-11-20 10:00,,,',
      'jan@klient.example,spring,intor,2026-11-20 10:00,,,',
      'jan@klient.example,spring,intro,20/11/2026,,,',
      'jan@klient.example,spring,intro,2026-12-02 10:00,,,',
      'jan@klient.example,spring,intro,2026-11-20 10:00,,ana@firma.example,',
      'jan@klient.example,spring,intro,2026-11-20 10:00,two words,,',
      'jan,spring,intro,2026-11-20 10:00,,,',
    ])
    expect(rejected).toBe(7)
    const [campaignName, step, time, future, box, id, email] = reasons(rejectsFile)
    expect(campaignName).toContain('did you mean ""spring""?')
    expect(step).toContain('did you mean ""intro""?')
    expect(time).toMatch(/^"?""20\/11\/2026"" is not a time/)
    expect(future).toContain('is in the future')
    expect(box).toContain('did you mean ""anna@firma.example""?')
    expect(id).toContain('is not a Message-ID')
    expect(email).toContain('has no @')
    expect(await world.value('select count(*) from goniec.lead')).toBe(0)
  })

  it('a time from before there was e-mail, as an empty one is exported, spoils its line only', async () => {
    const { new: recorded, rejectsFile } = await history([
      'jan@klient.example,spring,intro,0001-01-01 00:00,,,',
      'ewa@klient.example,spring,intro,0001-01-01T00:00:00Z,,,',
      'jan@klient.example,spring,intro,-000001-11-30T00:00:00Z,,,',
      'ola@klient.example,spring,intro,1999-11-20 10:00,,,',
    ])
    expect(recorded).toBe(1)
    expect(reasons(rejectsFile)).toEqual([
      '0001-01-01 00:00 is before there was e-mail',
      '0001-01-01T00:00:00Z is before there was e-mail',
      '-000001-11-30T00:00:00Z is before there was e-mail',
    ])
  })

  it('a mail that a worker has in its hands, is in doubt or was cancelled is left as it is', async () => {
    const worker = await world.worker()
    const one = async (name: string) =>
      world.mail({
        campaign,
        mailbox: await world.mailbox(),
        lead: await world.lead({ email: `${name}@klient.example` }),
        step: 'intro',
      })
    const doubt = await one('doubt')
    const attempt = await claimOne(database.pool, worker, doubt.id)
    await fence(database.pool, worker, attempt)
    await settle(database.pool, worker, { attempt, outcome: 'unknown' })
    const sending = await one('sending')
    await claimOne(database.pool, worker, sending.id)
    const cancelled = await one('cancelled')
    await world.update('message', cancelled.id, { status: 'cancelled' })
    const { rejectsFile } = await history(
      ['doubt', 'sending', 'cancelled'].map((name) => `${name}@klient.example,spring,intro,2026-11-20 10:00,,,`),
    )
    expect(reasons(rejectsFile)).toEqual([
      `its mail is in doubt here: goniec doubt resolve ${doubt.id} --as sent`,
      `its mail is under way here just now (message ${sending.id}); import the file again in a minute`,
      '"its mail was cancelled here',
    ])
    expect(await summary()).toEqual(['intro in_doubt', 'intro sending', 'intro cancelled'])
  })

  it('a line of a later step waits where an earlier mail of its lead is in doubt: nobody has two open mails', async () => {
    const worker = await world.worker()
    const lead = await world.lead({ email: 'jan@klient.example' })
    const { id } = await world.mail({ campaign, lead, step: 'intro' })
    const attempt = await claimOne(database.pool, worker, id)
    await fence(database.pool, worker, attempt)
    await settle(database.pool, worker, { attempt, outcome: 'unknown' })
    const line = INTRO.replace(',intro,', ',reminder,')
    const { rejectsFile, ...counts } = await history([line, line.replace('jan@', 'ola@').replace('<1@', '<2@')])
    expect(counts).toMatchObject({ rows: 2, new: 1, rejected: 1 })
    expect(reasons(rejectsFile)).toEqual([
      expect.stringContaining(`earlier step is in doubt here: goniec doubt resolve ${id}`),
    ])
    expect(await history([line])).toMatchObject({ rows: 1, new: 0, rejected: 1 })
    expect(await summary()).toEqual(['intro in_doubt', 'reminder sent', 'last pending'])
  })

  it('a dry run says what would be, and does nothing', async () => {
    expect(await history([INTRO], { dryRun: true })).toMatchObject({ new: 1, enrolled: 1, written: false })
    expect(await world.value('select count(*) from goniec.lead')).toBe(0)
  })

  it('a file without the columns that a history needs is refused', async () => {
    await expect(history(['a@b.pl,x'], { header: 'email,imie' })).rejects.toThrow(
      'has no column campaign, step, sent_at',
    )
  })

  it('history cannot be typed in as accepted without its mark, and with it a mail becomes sent, never a sent one open', async () => {
    const { id } = await world.mail({ campaign, mailbox })
    const insert = (endedBy: string | null) =>
      database.query(
        `insert into goniec.attempt (message_id, mailbox_id, kind, salesperson_id, state, lease_until, deadline_at, mailbox_day, claimed_at, ended_by)
         select $1, $2, 'campaign', salesperson_id, 'accepted', now(), now(), current_date, now(), $3 from goniec.mailbox where id = $2`,
        [id, mailbox, endedBy],
      )
    await expect(insert(null)).rejects.toThrow('a new attempt is claimed, not accepted')
    await expect(insert('import')).rejects.toThrow(/cannot be pending while an attempt of it is accepted/)
  })
})

describe('among others', () => {
  it('claim waits for no history that is being imported, and skips the mails that it is about', async () => {
    const lead = await world.lead({ email: 'jan@klient.example' })
    await world.mail({ campaign, lead, mailbox, step: 'reminder' })
    const other = await world.mail({
      campaign: await world.campaign({ contact_gap_days: 1 }),
      mailbox: await world.mailbox(),
    })
    const session = await database.session()
    await session.query('begin')
    const step = await world.value(`select id from goniec.step where campaign_id = ${campaign} and key = 'intro'`)
    const row = {
      line: 2,
      email: 'jan@klient.example',
      campaign_id: campaign,
      step_id: step,
      sent_at: '2026-12-01T09:00:00Z',
    }
    await session.query('select goniec.import_history($1)', [JSON.stringify([row])])
    expect((await claim(database.pool, await world.worker())).messages).toEqual([other.id])
    await session.query('commit')
  })

  it('the contact of today keeps another campaign away', async () => {
    const lead = await world.lead({ email: 'jan@klient.example' })
    await world.mail({ campaign: await world.campaign({ contact_gap_days: 1 }), lead, mailbox })
    await history([INTRO.replace('2026-11-20', '2026-12-01')])
    expect((await claim(database.pool, await world.worker())).messages).toEqual([])
  })

  it('a second history waits for the first', async () => {
    const [first, second] = [await database.session(), await database.session()]
    await first.query('begin')
    await first.query(`select goniec.import_history('[]')`)
    const waiting = second.query(`select goniec.import_history('[]')`)
    expect(await untilBlocked(database, second)).toEqual([pidOf(first)])
    await first.query('commit')
    await waiting
  })
})
