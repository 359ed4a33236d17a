/** What an attempt took from the day’s counters: given back exactly, or kept. */
import { describe, expect, test } from 'vitest'
import { claim, claimOne, fence, recover, settle, type Report } from '../support/protocol.ts'
import { worldForEachTest } from '../support/rolled-back.ts'
import { NOON, type Mail } from '../support/world.ts'

const here = worldForEachTest()
const minute = 60_000

/** Every counter of every day. */
async function counters(): Promise<unknown> {
  const { rows } = await here.session.query(
    `select jsonb_build_object(
       'mailboxes', (select jsonb_agg(d order by d.mailbox_id, d.day) from goniec.mailbox_day d),
       'campaigns', (select jsonb_agg(d order by d.campaign_id, d.day) from goniec.campaign_day d),
       'salespeople', (select jsonb_agg(d order by d.salesperson_id, d.day) from goniec.salesperson_day d),
       'leads', (select jsonb_agg(d order by d.lead_id, d.day, d.campaign_id) from goniec.lead_day d)) as all`,
  )
  return rows[0]?.['all']
}

async function settleAs(
  attempt: number,
  outcome: Report['outcome'],
  columns: Record<string, unknown> = {},
): Promise<void> {
  await settle(here.session, here.worker, { attempt, outcome, ...columns })
  await here.settled()
}

describe('given back', () => {
  test.each(['campaign', 'response', 'warmup'] as const)('a %s mail leaves every counter as it was', async (kind) => {
    const mail = await here.world.mail({ kind })
    const before = await counters()
    const attempt = await claimOne(here.session, here.worker, mail.id)
    expect(await counters()).not.toEqual(before)
    await settleAs(attempt, 'aborted', { give_back: true })
    expect(await counters()).toEqual(before)
    expect(await here.world.row('attempt', attempt)).toMatchObject({ give_back: true, holds_capacity: false })
  })

  test('a batch of many mails leaves every counter as it was', async () => {
    await here.world.salesperson()
    const campaign = await here.world.campaign()
    for (let n = 0; n < 10; n += 1) await here.world.mail({ mailbox: await here.world.mailbox(), campaign })
    const before = await counters()
    const { attempts } = await claim(here.session, here.worker)
    expect(attempts).toHaveLength(10)
    await settle(
      here.session,
      here.worker,
      attempts.map((attempt) => ({ attempt, outcome: 'aborted', give_back: true })),
    )
    expect(await counters()).toEqual(before)
  })

  test('it goes back to the day it was taken from', async () => {
    const justBeforeMidnight = 12 * 60 * minute - 1000
    await here.clockAt(justBeforeMidnight)
    const mail = await here.world.mail({ dueInMs: justBeforeMidnight, closesInMs: justBeforeMidnight + minute })
    await here.clockAt(justBeforeMidnight)
    const before = await counters()
    const attempt = await claimOne(here.session, here.worker, mail.id)
    await here.clockAt(justBeforeMidnight + 5000)
    await settleAs(attempt, 'aborted', { give_back: true })
    expect(await counters()).toEqual(before)
  })
})

test.each(['accepted', 'deferred', 'rejected', 'unknown', 'aborted', 'mailbox_fault'] as const)(
  'after “%s” it stays taken, unless the worker says that nothing was used',
  async (outcome) => {
    const mail = await here.world.mail()
    const attempt = await claimOne(here.session, here.worker, mail.id)
    await fence(here.session, here.worker, attempt)
    const before = await counters()
    await settleAs(attempt, outcome)
    expect(await counters()).toEqual(before)
  },
)

test.each(['accepted', 'unknown'] as const)('“%s” gives nothing back, whatever is said', async (outcome) => {
  const mail = await here.world.mail()
  const attempt = await claimOne(here.session, here.worker, mail.id)
  await fence(here.session, here.worker, attempt)
  const before = await counters()
  await settleAs(attempt, outcome, { give_back: true })
  expect(await counters()).toEqual(before)
})

describe('the lead’s day', () => {
  test('stays while another attempt of the campaign holds it', async () => {
    const campaign = await here.world.campaign({ steps: ['intro', 'reminder'] })
    const mailbox = await here.world.mailbox()
    const first = await here.world.mail({ campaign, mailbox })
    const attempt = await claimOne(here.session, here.worker, first.id)
    await fence(here.session, here.worker, attempt)
    await settleAs(attempt, 'accepted')
    const { rows } = await here.session.query<{ id: number }>(
      `select id from goniec.message where step_key = 'reminder'`,
    )
    const reminder: Mail = { ...first, id: rows[0]?.id ?? 0 }
    await here.world.update('message', reminder.id, {
      mailbox_id: mailbox,
      scheduled_at: NOON,
      window_closes_at: NOON.add({ hours: 1 }),
      planned_campaign_version: 1,
      planned_mailbox_version: 1,
    })
    const second = await claimOne(here.session, here.worker, reminder.id)
    await settleAs(second, 'aborted', { give_back: true })
    expect(await here.world.value('select count(*) from goniec.lead_day')).toBe(1)
  })

  test('is kept by each campaign that took the lead: one that gives it back leaves the other’s', async () => {
    const lead = await here.world.lead()
    const one = await here.world.mail({
      lead,
      mailbox: await here.world.mailbox(),
      campaign: await here.world.campaign(),
    })
    const two = await here.world.mail({
      lead,
      mailbox: await here.world.mailbox(),
      campaign: await here.world.campaign(),
    })
    const attempt = await claimOne(here.session, here.worker, one.id)
    await claimOne(here.session, here.worker, two.id)
    await settleAs(attempt, 'aborted', { give_back: true })
    expect((await here.session.query('select campaign_id from goniec.lead_day')).rows).toEqual([
      { campaign_id: two.campaign },
    ])
  })
})

async function claimTwo(): Promise<[number, number]> {
  const campaign = await here.world.campaign()
  const mails = [await here.world.mail({ mailbox: await here.world.mailbox(), campaign, dueInMs: -2 * minute })]
  mails.push(await here.world.mail({ mailbox: await here.world.mailbox(), campaign }))
  const { of } = await claim(here.session, here.worker)
  return [of.get(mails[0]?.id ?? 0) ?? 0, of.get(mails[1]?.id ?? 0) ?? 0]
}

describe('a limit that was lowered below what was taken means “no more today”', () => {
  test.each(['salesperson', 'campaign'])('for a %s, also once something was given back', async (table) => {
    const attempts = await claimTwo()
    await here.session.query(`update goniec.${table} set daily_limit = 1`)
    await here.world.makeDayRows()
    expect(await here.world.value(`select daily_limit from goniec.${table}_day where day = '2026-12-01'`)).toBe(2)
    await settleAs(attempts[0], 'aborted', { give_back: true, not_before: NOON })
    const { rows } = await here.session.query(
      `select taken, daily_limit from goniec.${table}_day where day = '2026-12-01'`,
    )
    expect(rows).toEqual([{ taken: 1, daily_limit: 1 }])
  })

  test('for a mailbox, also once something was given back', async () => {
    const mailbox = await here.world.mailbox({ warmup_started: '2026-11-30' })
    await here.session.query('update goniec.warmup_stage set campaign_limit = 9, warmup_limit = 9')
    await here.world.makeDayRows()
    const mail = await here.world.mail({ mailbox })
    const attempt = await claimOne(here.session, here.worker, mail.id)
    for (const kind of ['campaign', 'warmup'])
      await here.session.query(`select goniec.record_external_send(address, $1, goniec.now()) from goniec.mailbox`, [
        kind,
      ])
    await here.session.query('update goniec.warmup_stage set campaign_limit = 0, warmup_limit = 0')
    await here.world.update('mailbox', mailbox, { daily_limit: 0 })
    await here.world.makeDayRows()
    await settleAs(attempt, 'aborted', { give_back: true })
    const { rows } = await here.session.query(
      `select daily_limit, campaign_limit, warmup_limit, campaign_taken, warmup_taken from goniec.mailbox_day where day = '2026-12-01'`,
    )
    expect(rows).toEqual([{ daily_limit: 2, campaign_limit: 1, warmup_limit: 1, campaign_taken: 1, warmup_taken: 1 }])
  })

  test('and raising it opens the day again at once', async () => {
    await claimTwo()
    await here.session.query('update goniec.campaign set daily_limit = 1')
    await here.world.makeDayRows()
    await here.session.query('update goniec.campaign set daily_limit = 10')
    await here.world.makeDayRows()
    expect(await here.world.value(`select daily_limit from goniec.campaign_day where day = '2026-12-01'`)).toBe(10)
  })
})

test('a day row that breaks its own limits keeps what is due to it, and stops neither the settlement nor anybody else’s', async () => {
  const bad = await here.world.mail({ mailbox: await here.world.mailbox(), dueInMs: -2 * minute })
  const good = await here.world.mail({ mailbox: await here.world.mailbox() })
  const { of } = await claim(here.session, here.worker)
  await here.session.query('alter table goniec.mailbox_day drop constraint mailbox_day_counts_are_not_negative')
  await here.session.query('update goniec.mailbox_day set campaign_taken = -5 where mailbox_id = $1', [bad.mailbox])
  await here.session.query(
    'alter table goniec.mailbox_day add constraint mailbox_day_counts_are_not_negative check (campaign_taken >= 0) not valid',
  )
  const report = { outcome: 'aborted', give_back: true } as const
  await settle(
    here.session,
    here.worker,
    [bad, good].map(({ id }) => ({ attempt: of.get(id) ?? 0, ...report })),
  )
  await recover(here.session, here.worker)
  const { rows } = await here.session.query('select message_id, holds_capacity, state from goniec.attempt order by id')
  expect(rows).toEqual([
    { message_id: bad.id, holds_capacity: true, state: 'aborted' },
    { message_id: good.id, holds_capacity: false, state: 'aborted' },
  ])
})
