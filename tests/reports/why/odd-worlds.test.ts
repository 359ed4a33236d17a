/** What `goniec why` says is true where a campaign's day is not its mailbox's, and where the first mail in the queue is not the next one to go. */
import { expect, test } from 'vitest'
import { explainCampaign } from '../../../src/reports/why/campaign.ts'
import { toJsonTime } from '../../../src/time.ts'
import { WhyWorld } from './why-world.ts'

const ANNA = 'anna@firma.example'
const DAY_MS = 86_400_000

test('a mailbox that is full on a day of its own zone does not keep a mail from a window of another day of it', async () => {
  const world = await WhyWorld.at('2026-12-07 10:00')
  await world.salesperson({ email: ANNA })
  const mailbox = await world.mailbox({ address: ANNA, daily_limit: 2 })
  const here = await world.sent({ name: 'spring', starts_on: '2026-12-08' }, mailbox)
  await world.waiting(2, here)
  // In Auckland Tuesday's window is open from 21:00 to midnight on Monday in Warsaw.
  const calendar = { timezone: 'Pacific/Auckland', window_to: '12:00', holidays: null }
  const there = await world.sent(
    { name: 'harbour', steps: ['intro', 'reminder'], daily_limit: 1, ...calendar },
    mailbox,
  )
  const bound = { bound_mailbox_id: mailbox, follows_at: world.at(-7 * DAY_MS) }
  const ids: number[] = []
  for (let n = 0; n < 2; n++)
    ids.push((await world.mail({ campaign: there, step: 'reminder', dueInMs: null, columns: bound })).id)
  await world.plan()
  const [today, ...later] = (await world.why(ids[1] ?? 0)).reasons
  expect(later.map(({ code }) => code)).not.toContain('mailbox_limit')
  expect(today).toMatchObject({ code: 'campaign_limit', text: expect.stringContaining('limit of 1 a day is full') })
})

test('the next mail of a campaign is the one that goes next, not one that was set aside, is blocked, or is due later', async () => {
  const world = await WhyWorld.at('2026-12-07 10:00')
  await world.salesperson({ email: ANNA })
  const mailbox = await world.mailbox({ address: ANNA })
  const campaign = await world.sent({ name: 'spring', steps: ['intro', 'reminder'] }, mailbox)
  const held = await world.mail({ campaign, dueInMs: null, columns: { held_reason: 'a broken template' } })
  const blocked = await world.mail({ campaign, dueInMs: null })
  await world.update('lead', blocked.lead ?? 0, { blocked_at: world.now })
  const followUp = async (sentInDays: number): Promise<number> => {
    const columns = { bound_mailbox_id: mailbox, follows_at: world.at(sentInDays * DAY_MS) }
    return (await world.mail({ campaign, step: 'reminder', dueInMs: null, columns })).id
  }
  await followUp(60)
  const next = await followUp(30)
  await world.plan()
  const { next_mail: mail, ...why } = await explainCampaign(world.database, 'spring')
  expect([held.id, blocked.id]).not.toContain(mail?.id)
  expect(mail?.id).toBe(next)
  expect(why.next && [why.next.what, toJsonTime(why.next.at)]).toEqual(['later', '2027-01-07T08:00:00.000Z'])
  expect(why.reasons.map(({ code }) => code)).toEqual(['follow_up_wait', 'not_due'])
  expect(why.never.map(({ code }) => code).toSorted()).toEqual(['held', 'lead_blocked'])
})

test('of a mail that must not be mailed it is not said that the plan gives it a time: it passes over it', async () => {
  const world = await WhyWorld.at('2026-12-07 10:00')
  await world.salesperson({ email: ANNA })
  const mailbox = await world.mailbox({ address: ANNA })
  const campaign = await world.sent({ name: 'spring', delay_ms: 60_000 }, mailbox)
  const [blocked = 0, suppressed = 0, held = 0, retried = 0] = await world.waiting(5, campaign)
  await world.plan()
  const block =
    'update goniec.lead set blocked_at = goniec.now() where id = (select lead_id from goniec.message where id = $1)'
  await world.sql.query(block, [blocked])
  const { recipient } = await world.row('message', suppressed)
  await world.insert('suppression', { value: recipient }, 'value')
  await world.update('message', held, { held_reason: 'a broken template' })
  await world.plan()
  await world.update('message', retried, {
    scheduled_at: null,
    mailbox_id: null,
    window_closes_at: null,
    slot_reason: 'retry',
  })
  await world.sql.query(block, [retried])
  const codes = async (id: number): Promise<string[]> => (await world.why(id)).reasons.map(({ code }) => code)
  expect(await codes(blocked)).toEqual(['lead_blocked'])
  expect(await codes(suppressed)).toEqual(['suppressed'])
  expect(await codes(held)).toEqual(['held'])
  expect(await codes(retried)).toEqual(['lead_blocked'])
  await world.sql.query('update goniec.lead set blocked_at = null')
  expect((await world.why(blocked)).reasons).toMatchObject([{ text: 'the plan lays its slot anew within a minute' }])
})

test('of a mailbox that is back the plan’s old word is not repeated: the next plan looks again', async () => {
  const world = await WhyWorld.at('2026-12-07 10:00')
  await world.salesperson({ email: ANNA })
  const mailbox = await world.mailbox({ address: ANNA, status: 'paused' })
  const campaign = await world.sent({ name: 'spring' }, mailbox)
  const [id = 0] = await world.waiting(1, campaign)
  await world.plan()
  expect(await world.why(id)).toMatchObject({ next: null, reasons: [{ todo: `goniec mailbox resume ${ANNA}` }] })
  await world.update('mailbox', mailbox, { status: 'active' })
  const text = 'no mailbox could be used when the plan looked; the next plan looks again'
  const next = { what: 'planned', at: '2026-12-07T09:01:00.000Z' }
  expect(await world.why(id)).toMatchObject({ next, reasons: [{ code: 'no_usable_mailbox', text, todo: null }] })
  expect(await world.why('spring')).toMatchObject({ next, reasons: [{ text, todo: null }] })
})

test('a follow-up waits for the mailbox of its thread, and not for another one of the campaign, whoever owns it', async () => {
  const world = await WhyWorld.at('2026-12-07 10:00')
  const anna = await world.salesperson({ email: ANNA })
  const paused = await world.mailbox({ address: ANNA, status: 'paused' })
  await world.salesperson({ email: 'ewa@firma.example', paused_at: world.now })
  const mailbox = await world.mailbox({ address: 'ewa@firma.example' })
  const of = { name: 'spring', salesperson_id: anna, steps: ['intro', 'reminder'] }
  const campaign = await world.sent(of, paused)
  const columns = { bound_mailbox_id: mailbox, follows_at: world.at(-7 * DAY_MS) }
  const { id } = await world.mail({ campaign, step: 'reminder', dueInMs: null, columns })
  await world.plan()
  const said = {
    text: 'no mailbox can be used: ewa@firma.example is paused (its salesperson is paused)',
    todo: 'goniec resume --salesperson ewa@firma.example',
  }
  expect((await world.why(id)).reasons).toMatchObject([said])
  expect((await explainCampaign(world.database, 'spring')).reasons).toMatchObject([said])
})

test('a scheduled campaign whose day has come waits for the next plan, and not for a day gone by', async () => {
  const world = await WhyWorld.at('2026-12-07 10:00')
  await world.salesperson({ email: ANNA })
  const mailbox = await world.mailbox({ address: ANNA })
  const campaign = await world.sent({ name: 'spring', status: 'scheduled', starts_on: '2026-12-07' }, mailbox)
  const [id = 0] = await world.waiting(1, campaign)
  const text = 'campaign spring is scheduled, and its day has come: the next plan starts it'
  const next = { what: 'started', at: '2026-12-07T09:01:00.000Z' }
  const [first] = (await world.why(id)).reasons
  expect(first).toEqual({ code: 'campaign_scheduled', text, until: null, todo: 'goniec worker, if none is running' })
  expect(await world.why('spring')).toMatchObject({ next })
  await world.plan()
  expect(await world.why(id)).toMatchObject({ sendable: true })
})

test('the next mail of a campaign is not one whose lead was blocked or suppressed since it was planned', async () => {
  const world = await WhyWorld.at('2026-12-07 10:00')
  await world.salesperson({ email: ANNA })
  const mailbox = await world.mailbox({ address: ANNA })
  const campaign = await world.sent({ name: 'spring', delay_ms: 60_000 }, mailbox)
  const [blocked, suppressed = 0, next] = await world.waiting(3, campaign)
  await world.plan()
  await world.sql.query(
    'update goniec.lead set blocked_at = goniec.now() where id = (select lead_id from goniec.message where id = $1)',
    [blocked],
  )
  await world.insert('suppression', { value: (await world.row('message', suppressed))['recipient'] }, 'value')
  const { next_mail: mail, ...why } = await explainCampaign(world.database, 'spring')
  expect(mail?.id).toBe(next)
  expect(why.next?.what).toBe('sent')
})
