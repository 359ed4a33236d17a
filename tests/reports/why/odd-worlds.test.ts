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
