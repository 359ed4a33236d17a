/** What `goniec why` says in each of the situations that people ask about: what it is, until when, what to do, and what comes next. */
import { expect, test } from 'vitest'
import { explainCampaign } from '../../../src/reports/why/campaign.ts'
import { explainLead } from '../../../src/reports/why/lead.ts'
import { claimOne, fence, settle } from '../../support/protocol.ts'
import { WhyWorld, type SaidReason } from './why-world.ts'

const ANNA = 'anna@firma.example'
const RAISE = 'nothing, or raise daily_limit in the definition file: goniec apply FILE'

interface Begun {
  world: WhyWorld
  mailbox: number
  campaign: number
}

/** Anna's mailbox and her campaign `spring`, at a local time in Warsaw. Monday is 2026-12-07. */
async function begin(at: string, { mailbox = {}, campaign = {} }: Record<string, object> = {}): Promise<Begun> {
  const world = await WhyWorld.at(at)
  await world.salesperson({ email: ANNA })
  const box = await world.mailbox({ address: ANNA, ...mailbox })
  return {
    world,
    mailbox: box,
    campaign: await world.sent({ name: 'spring', steps: ['intro', 'reminder'], ...campaign }, box),
  }
}

/** The reason that binds, and what comes next. */
async function ask({ world }: Begun, id: number | undefined): Promise<SaidReason & { next: unknown }> {
  const { reasons, next } = await world.why(id ?? 0)
  const [first] = reasons
  return { code: '', text: '', until: null, todo: null, ...first, next }
}

const sentAt = (at: string): unknown => ({ what: 'sent', at })

test('outside the window: until it opens', async () => {
  const begun = await begin('2026-12-07 06:00')
  const [id] = await begun.world.waiting(1, begun.campaign)
  await begun.world.plan()
  expect(await ask(begun, id)).toEqual({
    code: 'outside_window',
    text: 'it is outside the campaign’s window of 09:00–17:00 in Europe/Warsaw (now 06:00); it opens 2026-12-07 09:00',
    until: '2026-12-07T08:00:00.000Z',
    todo: null,
    next: sentAt('2026-12-07T08:00:00.000Z'),
  })
})

test('where clocks are put forward over the window: that', async () => {
  const window = { window_from: '02:00', window_to: '03:00', window_days: ['sun'], holidays: null }
  const begun = await begin('2027-03-28 01:30', { campaign: window })
  const [id] = await begun.world.waiting(1, begun.campaign)
  await begun.world.plan()
  expect(await ask(begun, id)).toMatchObject({
    code: 'outside_window',
    text: 'today, 2027-03-28, clocks are put forward over the campaign’s window of 02:00–03:00 in Europe/Warsaw; it opens 2027-04-04 02:00',
    until: '2027-04-04T00:00:00.000Z',
  })
})

test('on a holiday: its name, until the next sending day', async () => {
  const begun = await begin('2026-12-25 10:00')
  const [id] = await begun.world.waiting(1, begun.campaign)
  await begun.world.plan()
  expect(await ask(begun, id)).toEqual({
    code: 'holiday',
    text: 'today, 2026-12-25, is a public holiday (Pierwszy dzień Bożego Narodzenia); it opens 2026-12-28 09:00',
    until: '2026-12-28T08:00:00.000Z',
    todo: null,
    next: sentAt('2026-12-28T08:00:00.000Z'),
  })
})

test('on a weekend, on a skipped date', async () => {
  const begun = await begin('2026-12-05 10:00', { campaign: { skip_dates: ['2026-12-07'] } })
  const [id] = await begun.world.waiting(1, begun.campaign)
  await begun.world.plan()
  expect(await ask(begun, id)).toMatchObject({
    code: 'no_sending_weekday',
    text: 'campaign spring does not send on Saturdays; it opens 2026-12-08 09:00',
  })
  await begun.world.clock('2026-12-07 10:00')
  expect(await ask(begun, id)).toMatchObject({
    code: 'skip_date',
    text: 'today, 2026-12-07, is one of the campaign’s skip_dates; it opens 2026-12-08 09:00',
    until: '2026-12-08T08:00:00.000Z',
  })
})

test('paused: nothing will send it until somebody resumes', async () => {
  const begun = await begin('2026-12-07 10:00')
  const [id] = await begun.world.waiting(1, begun.campaign)
  await begun.world.plan()
  expect((await explainCampaign(begun.world.database, 'spring')).days).toHaveLength(7)
  await begun.world.update('campaign', begun.campaign, { status: 'paused' })
  await begun.world.plan()
  const paused = {
    code: 'campaign_paused',
    text: 'campaign spring is paused',
    until: null,
    todo: 'goniec campaign resume spring',
  }
  expect(await begun.world.why(id ?? 0)).toEqual({
    sendable: false,
    reasons: [paused],
    next: null,
    never: 'campaign spring is paused',
  })
  expect(await begun.world.why('spring')).toMatchObject({ reasons: [paused], next: null })
  // What the plan said of its days while it ran holds no longer.
  expect((await explainCampaign(begun.world.database, 'spring')).days).toEqual([])
})

test('paused by the refusal brake: with its reason', async () => {
  const begun = await begin('2026-12-07 10:00')
  const [id] = await begun.world.waiting(1, begun.campaign)
  await begun.world.plan()
  await begun.world.update('campaign', begun.campaign, {
    status: 'paused',
    status_reason: '4 of its last 50 mails were refused',
  })
  expect(await ask(begun, id)).toMatchObject({
    code: 'campaign_paused',
    text: 'campaign spring is paused: 4 of its last 50 mails were refused',
    todo: 'goniec campaign resume spring',
    next: null,
  })
})

test('the brakes', async () => {
  const begun = await begin('2026-12-07 10:00')
  const [id] = await begun.world.waiting(1, begun.campaign)
  await begun.world.plan()
  await begun.world.sql.query('update goniec.salesperson set paused_at = goniec.now()')
  expect(await ask(begun, id)).toMatchObject({
    code: 'salesperson_paused',
    text: `salesperson ${ANNA} is paused`,
    todo: `goniec resume --salesperson ${ANNA}`,
    next: null,
  })
  await begun.world.sql.query('update goniec.installation set paused_at = goniec.now()')
  expect(await ask(begun, id)).toMatchObject({ code: 'all_paused', todo: 'goniec resume --all', next: null })
})

test('missed: that, and once the plan has moved it when it goes, and why not before', async () => {
  const begun = await begin('2026-12-07 10:00')
  const [id] = await begun.world.waiting(1, begun.campaign)
  await begun.world.plan()
  await begun.world.clock('2026-12-07 17:30')
  expect(await ask(begun, id)).toMatchObject({
    code: 'missed',
    text: 'it was planned for 2026-12-07 10:00 and nobody sent it; the next plan gives it the first free place',
    next: { what: 'planned' },
  })
  await begun.world.plan()
  const at = '2026-12-08T08:00:00.000Z'
  expect(await begun.world.why(id ?? 0)).toMatchObject({
    reasons: [
      { code: 'outside_window', until: at },
      {
        code: 'missed',
        text: `it is planned for 2026-12-08 09:00 from ${ANNA}; its time before was missed`,
        until: at,
        todo: null,
      },
    ],
    next: sentAt(at),
  })
})

test('the campaign’s limit: full today, and so planned for tomorrow', async () => {
  const begun = await begin('2026-12-07 10:00', { campaign: { daily_limit: 1 } })
  const [, second, third] = await begun.world.waiting(3, begun.campaign)
  await begun.world.plan()
  expect(await ask(begun, second)).toEqual({
    code: 'campaign_limit',
    text: 'campaign spring’s limit of 1 a day is full today',
    until: '2026-12-08T08:00:00.000Z',
    todo: RAISE,
    next: sentAt('2026-12-08T08:00:00.000Z'),
  })
  expect(await ask(begun, third)).toMatchObject({
    text: 'campaign spring’s limit of 1 a day is full today and tomorrow',
    until: '2026-12-09T08:00:00.000Z',
  })
})

test('a limit beyond the days that are planned: not before they end', async () => {
  const begun = await begin('2026-12-07 10:00', { campaign: { daily_limit: 1 } })
  const ids = await begun.world.waiting(9, begun.campaign)
  await begun.world.plan()
  expect(await begun.world.why(ids[8] ?? 0)).toMatchObject({
    reasons: [
      {
        code: 'campaign_limit',
        text: 'campaign spring’s limit of 1 a day is full on 7 sending days from today to 2026-12-15',
        until: '2026-12-16T08:00:00.000Z',
      },
      { code: 'no_room', text: 'every place on the days that are planned is taken' },
    ],
    next: { what: 'later', at: '2026-12-16T08:00:00.000Z' },
  })
  // The plan reads no more of a long queue than there could be room for: what it has not looked at waits for the same.
  const [far] = await begun.world.waiting(1, begun.campaign)
  expect(await begun.world.why(far ?? 0)).toMatchObject({
    reasons: [{ code: 'campaign_limit' }, { code: 'no_room' }],
    next: { what: 'later', at: '2026-12-16T08:00:00.000Z' },
  })
})

test('a limit of 0: nothing ever, and which limit to raise', async () => {
  const raise = 'raise daily_limit in the definition file: goniec apply FILE'
  const begun = await begin('2026-12-07 10:00', { campaign: { daily_limit: 0 } })
  const [id] = await begun.world.waiting(1, begun.campaign)
  await begun.world.plan()
  const ofCampaign = { code: 'campaign_limit', text: 'campaign spring’s limit is 0 a day', until: null, todo: raise }
  expect(await begun.world.why(id ?? 0)).toMatchObject({
    reasons: [ofCampaign],
    next: null,
    never: 'campaign spring’s limit is 0 a day',
  })
  expect(await begun.world.why('spring')).toMatchObject({ reasons: [ofCampaign], next: null })

  await begun.world.update('campaign', begun.campaign, { daily_limit: null })
  await begun.world.update('mailbox', begun.mailbox, { daily_limit: 0 })
  await begun.world.plan()
  expect(await ask(begun, id)).toMatchObject({
    code: 'mailbox_limit',
    text: `the limit of each mailbox that it could go from (${ANNA}) is 0 a day`,
    todo: raise,
    next: null,
  })

  await begun.world.update('mailbox', begun.mailbox, { daily_limit: 50 })
  await begun.world.sql.query('update goniec.salesperson set daily_limit = 0')
  await begun.world.plan()
  expect(await ask(begun, id)).toMatchObject({
    code: 'salesperson_limit',
    text: `salesperson ${ANNA}’s limit is 0 a day`,
    next: null,
  })

  await begun.world.sql.query('update goniec.salesperson set daily_limit = null')
  await begun.world.sql.query("insert into goniec.domain_limit (domain, hourly_limit) values ('*', 0)")
  await begun.world.plan()
  expect(await ask(begun, id)).toMatchObject({
    code: 'domain_limit',
    text: expect.stringMatching(/^domain_limits let no campaign mail go to \S+$/),
    todo: 'raise domain_limits in the definition file: goniec apply FILE',
    next: null,
  })
})

test('the mailboxes’ limits', async () => {
  const begun = await begin('2026-12-07 10:00', { mailbox: { daily_limit: 1 } })
  const [, second] = await begun.world.waiting(2, begun.campaign)
  await begun.world.plan()
  expect(await ask(begun, second)).toEqual({
    code: 'mailbox_limit',
    text: `the limits of the campaign’s mailboxes (${ANNA}) are full today`,
    until: '2026-12-08T08:00:00.000Z',
    todo: 'nothing, or give the campaign another mailbox: goniec apply FILE',
    next: sentAt('2026-12-08T08:00:00.000Z'),
  })
})

test('a follow-up is kept by the limit of the mailbox that its thread binds it to, whatever binds the others', async () => {
  const begun = await begin('2026-12-07 10:00', { mailbox: { daily_limit: 2 }, campaign: { delay_ms: 0 } })
  const other = await begun.world.mailbox({ address: 'biuro@firma.example' })
  await begun.world.insert('campaign_mailbox', { campaign_id: begun.campaign, mailbox_id: other }, 'campaign_id')
  for (let n = 0; n < 3; n++)
    await begun.world.mail({
      campaign: begun.campaign,
      step: 'reminder',
      dueInMs: null,
      columns: { bound_mailbox_id: begun.mailbox, follows_at: begun.world.at(-3 * 86_400_000) },
    })
  await begun.world.plan()
  const last = Number(
    await begun.world.value('select id from goniec.message order by scheduled_at desc, id desc limit 1'),
  )
  expect(await ask(begun, last)).toMatchObject({
    code: 'mailbox_limit',
    text: `mailbox ${ANNA}, which its thread binds it to, has its limit of 2 a day full today`,
    until: '2026-12-08T08:00:00.000Z',
  })
})

test('the salesperson’s limit', async () => {
  const begun = await begin('2026-12-07 10:00')
  await begun.world.sql.query('update goniec.salesperson set daily_limit = 1')
  const [, second] = await begun.world.waiting(2, begun.campaign)
  await begun.world.plan()
  expect(await ask(begun, second)).toEqual({
    code: 'salesperson_limit',
    text: `salesperson ${ANNA}’s limit of 1 a day is full today`,
    until: '2026-12-08T08:00:00.000Z',
    todo: RAISE,
    next: sentAt('2026-12-08T08:00:00.000Z'),
  })
})

test('the warm-up', async () => {
  const begun = await begin('2026-12-07 10:00', { mailbox: { warmup_started: '2026-12-07' } })
  const ids = await begun.world.waiting(6, begun.campaign)
  await begun.world.plan()
  expect(await ask(begun, ids[5])).toEqual({
    code: 'warmup_limit',
    text: `the warm-up of ${ANNA} allows no more campaign mail today`,
    until: '2026-12-08T08:00:00.000Z',
    todo: 'nothing, or give the campaign another mailbox: goniec apply FILE',
    next: sentAt('2026-12-08T08:00:00.000Z'),
  })
})

test('a limit that other programs have used up: what was sent of how many, until midnight', async () => {
  const begun = await begin('2026-12-07 10:00', { mailbox: { warmup_started: '2026-12-01' } })
  const [id] = await begun.world.waiting(1, begun.campaign)
  await begun.world.plan()
  await begun.world.sql.query(`update goniec.mailbox_day set campaign_taken = campaign_limit where day = '2026-12-07'`)
  expect(await ask(begun, id)).toEqual({
    code: 'warmup_limit',
    text: `mailbox ${ANNA} is on day 7 of its warm-up, and has sent 5 of 5 campaign mails of today; until 2026-12-08 00:00`,
    until: '2026-12-07T23:00:00.000Z',
    todo: 'nothing, or another stage in warmup_stages: goniec apply FILE',
    next: { what: 'planned', at: '2026-12-07T09:01:00.000Z' },
  })
})

test('a limit of the recipients’ domain: planned for the next day, and what of it is used up now', async () => {
  const begun = await begin('2026-12-07 10:00')
  await begun.world.insert('domain_limit', { domain: 'klient.example', daily_limit: 1 }, 'domain')
  const [first, second] = await begun.world.waiting(2, begun.campaign)
  await begun.world.plan()
  expect(await ask(begun, second)).toEqual({
    code: 'domain_limit',
    text: 'klient.example gets no more mails than domain_limits allow it today',
    until: '2026-12-08T08:00:00.000Z',
    todo: 'nothing, or raise domain_limits in the definition file: goniec apply FILE',
    next: sentAt('2026-12-08T08:00:00.000Z'),
  })
  await begun.world.sql.query(`update goniec.domain_day set taken = 1 where day = '2026-12-07'`)
  expect(await ask(begun, first)).toMatchObject({
    code: 'domain_limit',
    text: 'klient.example has had 1 of the 1 mails that domain_limits allow it; until 2026-12-08 00:00',
    until: '2026-12-07T23:00:00.000Z',
    next: { what: 'planned' },
  })
})

test('no mailbox can be used', async () => {
  const begun = await begin('2026-12-07 10:00', { mailbox: { status: 'paused' } })
  const [id] = await begun.world.waiting(1, begun.campaign)
  await begun.world.plan()
  expect(await ask(begun, id)).toEqual({
    code: 'no_usable_mailbox',
    text: `no mailbox can be used: ${ANNA} is paused`,
    until: null,
    todo: `goniec mailbox resume ${ANNA}`,
    next: null,
  })
})

test('no mailbox can be used, since another salesperson owns it who is paused', async () => {
  const begun = await begin('2026-12-07 10:00')
  const ewa = await begun.world.salesperson({ email: 'ewa@firma.example', paused_at: begun.world.now })
  await begun.world.update('mailbox', begun.mailbox, { salesperson_id: ewa })
  const [id] = await begun.world.waiting(1, begun.campaign)
  await begun.world.plan()
  expect(await ask(begun, id)).toMatchObject({
    code: 'no_usable_mailbox',
    text: `no mailbox can be used: ${ANNA} is paused (its salesperson is paused)`,
    todo: 'goniec resume --salesperson ewa@firma.example',
    next: null,
  })
})

test('a broken mailbox, with the server’s words', async () => {
  const begun = await begin('2026-12-07 10:00')
  const [id] = await begun.world.waiting(1, begun.campaign)
  await begun.world.plan()
  await begun.world.update('mailbox', begun.mailbox, { status: 'broken', status_reason: '535 wrong password' })
  expect(await ask(begun, id)).toEqual({
    code: 'mailbox_broken',
    text: `mailbox ${ANNA} is broken: 535 wrong password`,
    until: null,
    todo: `mend it, then goniec mailbox test ${ANNA} and goniec mailbox resume ${ANNA}`,
    next: null,
  })
  await begun.world.plan()
  expect(await ask(begun, id)).toMatchObject({
    code: 'no_usable_mailbox',
    text: `no mailbox can be used: ${ANNA} is broken (535 wrong password)`,
    todo: `goniec mailbox resume ${ANNA}`,
  })
})

test('suppressed: by which value', async () => {
  const begun = await begin('2026-12-07 10:00')
  const lead = await begun.world.lead({ email: 'jan@klient.example' })
  const { id } = await begun.world.mail({ lead, campaign: begun.campaign, dueInMs: null })
  await begun.world.insert('suppression', { value: 'klient.example' }, 'value')
  // With nothing else open the campaign would end, and what is left with it.
  const other = await begun.world.lead({ email: 'ewa@inny.example' })
  await begun.world.mail({ lead: other, campaign: begun.campaign, dueInMs: null })
  await begun.world.plan()
  const suppressed = {
    code: 'suppressed',
    text: 'jan@klient.example is under klient.example, which is suppressed',
    until: null,
    todo: 'goniec suppress remove klient.example',
  }
  expect(await ask(begun, id)).toEqual({ ...suppressed, next: null })
  expect(await begun.world.why('jan@klient.example')).toMatchObject({ sendable: false, next: null })
  expect((await begun.world.why('jan@klient.example')).reasons[0]).toEqual(suppressed)
})

test('blocked, unsubscribed, bounced, replied: and how a mark that is a mistake is taken back', async () => {
  const begun = await begin('2026-12-07 10:00')
  const lead = await begun.world.lead({ email: 'jan@klient.example' })
  const { id } = await begun.world.mail({ lead, campaign: begun.campaign, dueInMs: null })
  await begun.world.update('lead', lead, { blocked_at: begun.world.now })
  expect(await ask(begun, id)).toMatchObject({
    code: 'lead_blocked',
    todo: 'goniec lead unblock jan@klient.example',
    next: null,
  })
  await begun.world.update('lead', lead, { blocked_at: null, replied_at: begun.world.now })
  expect(await ask(begun, id)).toMatchObject({
    code: 'lead_replied',
    text: 'its lead jan@klient.example has replied, and gets no more campaign mail',
    todo: `goniec message cancel ${id}; by mistake: goniec lead unblock jan@klient.example --replied`,
    next: null,
  })
})

test('a command with an address from a list can be copied into a shell, whatever the list had for an address', async () => {
  const begun = await begin('2026-12-07 10:00')
  const lead = await begun.world.lead({ email: '`reboot`@klient.example' })
  const { id } = await begun.world.mail({ lead, campaign: begun.campaign, dueInMs: null })
  await begun.world.update('lead', lead, { blocked_at: begun.world.now })
  expect(await ask(begun, id)).toMatchObject({ todo: "goniec lead unblock '`reboot`@klient.example'" })
})

test('the contact gap: which campaign, and until which day', async () => {
  const begun = await begin('2026-12-07 10:00', { campaign: { contact_gap_days: 2 } })
  const other = await begun.world.sent({ name: 'autumn' }, begun.mailbox)
  const lead = await begun.world.lead()
  const { id } = await begun.world.mail({ lead, campaign: begun.campaign, dueInMs: null })
  await begun.world.plan()
  await begun.world.insert('lead_day', { lead_id: lead, day: '2026-12-07', campaign_id: other }, 'lead_id')
  expect(await ask(begun, id)).toEqual({
    code: 'contact_gap',
    text: 'campaign autumn has mailed its lead on 2026-12-07, and a contact gap of 2d is kept; until 2026-12-09 00:00',
    until: '2026-12-08T23:00:00.000Z',
    todo: 'nothing, or a shorter contact_gap in the definition file: goniec apply FILE',
    next: { what: 'planned', at: '2026-12-07T09:01:00.000Z' },
  })
  await begun.world.plan()
  expect(await ask(begun, id)).toMatchObject({ code: 'contact_gap', next: sentAt('2026-12-09T08:00:00.000Z') })
})

/** The first mail of the campaign, sent at once. */
async function send({ world, campaign }: Begun, outcome: object): Promise<number> {
  const [id = 0] = await world.waiting(1, campaign)
  await world.plan()
  const worker = await world.worker()
  const attempt = await claimOne(world.sql, worker, id)
  await fence(world.sql, worker, attempt)
  await settle(world.sql, worker, { attempt, ...outcome } as Parameters<typeof settle>[2])
  return id
}

test('a follow-up that is not yet due', async () => {
  const begun = await begin('2026-12-07 10:00')
  const first = await send(begun, { outcome: 'accepted', code: 250 })
  expect(await ask(begun, first)).toMatchObject({ code: 'sent', text: `it was sent 2026-12-07 10:00 from ${ANNA}` })
  await begun.world.plan()
  expect(await ask(begun, first + 1)).toEqual({
    code: 'follow_up_wait',
    text: 'it follows the mail of 2026-12-07 10:00 after 1d: not before 2026-12-08 00:00',
    until: '2026-12-07T23:00:00.000Z',
    todo: null,
    next: sentAt('2026-12-08T08:00:00.000Z'),
  })
})

test('tried again later, with the server’s words', async () => {
  const begun = await begin('2026-12-07 10:00')
  const id = await send(begun, {
    outcome: 'deferred',
    code: 451,
    response: '451 greylisted',
    not_before: '2026-12-07T09:05:00Z',
  })
  await begun.world.plan()
  expect(await ask(begun, id)).toMatchObject({
    code: 'retry_wait',
    text: expect.stringMatching(
      /^it was tried once, the last answer was “451 greylisted”; it is tried again not before 2026-12-07 10:0\d$/,
    ),
    todo: null,
    next: { what: 'sent' },
  })
})

test('in doubt: what is known, and how it is resolved', async () => {
  const begun = await begin('2026-12-07 10:00')
  const id = await send(begun, { outcome: 'unknown' })
  expect(await ask(begun, id)).toMatchObject({
    code: 'in_doubt',
    text: expect.stringMatching(
      /^its content went out 2026-12-07 10:00 and no answer came: nobody knows whether the server took it/,
    ),
    todo: expect.stringContaining(`goniec doubt resolve ${id} --as sent (or not-sent)`),
    next: null,
  })
  expect(await begun.world.why(id)).toMatchObject({ never: expect.stringContaining('no answer came') })
  expect(await explainCampaign(begun.world.database, 'spring')).toMatchObject({
    reasons: [{ code: 'in_doubt', todo: 'goniec doubt list' }],
    never: [{ code: 'in_doubt', mails: 1, todo: 'goniec doubt list' }],
  })
})

test('set aside, failed, cancelled', async () => {
  const begun = await begin('2026-12-07 10:00')
  const [held = 0, failed = 0, cancelled = 0] = await begun.world.waiting(3, begun.campaign)
  await begun.world.update('message', held, { held_reason: 'ten attempts ended' })
  await begun.world.update('message', failed, { status: 'failed', failed_reason: '550 no' })
  await begun.world.update('message', cancelled, { status: 'cancelled', slot_reason: 'lead_replied' })
  expect(await ask(begun, held)).toMatchObject({
    code: 'held',
    text: 'it was set aside: ten attempts ended',
    todo: `goniec message retry ${held}, or goniec message cancel ${held}`,
    next: null,
  })
  expect(await ask(begun, failed)).toMatchObject({
    code: 'failed',
    text: 'it has failed: 550 no',
    todo: `goniec message retry ${failed}`,
  })
  await begun.world.sql.query('update goniec.lead set bounced_at = goniec.now()')
  expect(await ask(begun, failed)).toMatchObject({
    todo: expect.stringMatching(
      `^by mistake: goniec lead unblock \\S+@klient.example --bounced, then goniec message retry ${failed}$`,
    ),
  })
  expect(await ask(begun, cancelled)).toMatchObject({
    code: 'lead_replied',
    text: 'it was cancelled: its lead has replied; that is final',
  })
  await begun.world.update('message', cancelled, { slot_reason: 'cancelled' })
  expect(await ask(begun, cancelled)).toMatchObject({ text: 'it was cancelled; that is final' })
})

test('of a lead that is blocked and whose mail has failed: the block is lifted first', async () => {
  const begun = await begin('2026-12-07 10:00')
  const [failed = 0] = await begun.world.waiting(1, begun.campaign)
  await begun.world.update('message', failed, { status: 'failed', failed_reason: '550 no' })
  const { rows } = await begun.world.sql.query<{ email: string }>(
    'update goniec.lead set blocked_at = goniec.now() returning email',
  )
  const { ended } = await explainLead(begun.world.database, rows[0]?.email ?? '')
  expect(ended.map(({ todo }) => todo)).toEqual([
    `by mistake: goniec lead unblock ${rows[0]?.email}, then goniec message retry ${failed}`,
  ])
})

test('due: a worker takes it, or none is running', async () => {
  const begun = await begin('2026-12-07 10:00')
  const [id] = await begun.world.waiting(1, begun.campaign)
  await begun.world.plan()
  expect(await ask(begun, id)).toEqual({
    code: 'due',
    text: 'nothing stands against it, but no worker is running',
    until: null,
    todo: 'goniec worker',
    next: sentAt('2026-12-07T09:00:00.000Z'),
  })
  const session = await begun.world.database.session()
  await begun.world.worker({ worker: 'host-1' })
  await session.query(`select pg_advisory_lock(20201, hashtext('host-1'))`)
  expect(await ask(begun, id)).toMatchObject({ text: 'nothing stands against it: a worker takes it now', todo: null })
})

test('a planned mail is sent at the very millisecond of its slot, whichever that is', async () => {
  const begun = await begin('2026-12-01 12:00')
  for (const ms of [88_557, 88_558, 88_559, 88_560]) {
    const { id } = await begun.world.mail({ campaign: begun.campaign, mailbox: begun.mailbox, dueInMs: ms })
    expect((await ask(begun, id)).next).toEqual(sentAt(`2026-12-01T11:01:28.${ms - 88_000}Z`))
  }
})
