import { expect, test } from 'vitest'
import { readCampaigns } from '../../../src/reports/status/campaigns.ts'
import { readNextMails } from '../../../src/reports/status/next-mails.ts'
import { settledMail } from '../../delivery/in-state.ts'
import { worldForEachTest } from '../../support/rolled-back.ts'
import type { World } from '../../support/world.ts'
import { inSession } from '../in-session.ts'

const state = worldForEachTest()

test('a campaign’s way to go counts what is open, and the follow-ups that come after it', async () => {
  const { world, session } = state
  const campaign = await world.campaign({ name: 'spring', steps: ['intro', 'reminder', 'last'], daily_limit: 40 })
  // Its reminder is made with it, and is followed by the last one.
  await settledMail(world, { outcome: 'accepted' }, { campaign })
  await settledMail(world, { outcome: 'unknown' }, { campaign })
  const next = await world.mail({ campaign, dueInMs: 90_000 })
  await world.mail({ campaign, step: 'last', dueInMs: null })
  await forecast(world, campaign, {
    made_on: '2026-11-30',
    earliest: '2026-12-11',
    likely: '2026-12-11',
    latest: '2026-12-11',
  })
  await forecast(world, campaign, {
    made_on: '2026-12-01',
    earliest: '2026-12-16',
    likely: '2026-12-17',
    latest: '2026-12-18',
  })
  const { campaigns, total, sending } = await readCampaigns(inSession(session), 5)
  expect({ campaigns, total, sending }).toEqual({
    total: 1,
    sending: 1,
    campaigns: [
      expect.objectContaining({
        name: 'spring',
        status: 'running',
        sent: 1,
        open: 4,
        to_go: 2 + 3 + 3 + 1,
        in_doubt: 1,
        today: { day: '2026-12-01', taken: 2, daily_limit: 40 },
        next_at: world.at(90_000),
        finish: { made_on: '2026-12-01', earliest: '2026-12-16', likely: '2026-12-17', latest: '2026-12-18' },
      }),
    ],
  })
  expect(next.id).toBeGreaterThan(0)
})

test('running campaigns come first, the newest of them at the top; what is over for a week, or cancelled, is left out', async () => {
  const { world, session, asHistory } = state
  const ended = { status: 'completed', completed_at: world.at(-3600_000) }
  await asHistory(async () => {
    await world.campaign({ name: 'over', ...ended, completed_at: world.at(-8 * 86_400_000) })
    await world.campaign({ name: 'done', ...ended })
    await world.campaign({ name: 'draft', status: 'draft' })
    await world.campaign({ name: 'old' })
    await world.campaign({ name: 'paused', status: 'paused' })
    await world.campaign({ name: 'new' })
    await world.campaign({ name: 'cancelled', status: 'cancelled' })
  })
  const names = async (most: number): Promise<string[]> =>
    (await readCampaigns(inSession(session), most)).campaigns.map(({ name }) => name)
  expect(await names(10)).toEqual(['new', 'old', 'paused', 'draft', 'done'])
  expect(await names(2)).toEqual(['new', 'old'])
  expect((await readCampaigns(inSession(session), 2)).total).toBe(5)
})

test('the next mails are those whose time comes; what waits for a person is not among them', async () => {
  const { world, session } = state
  const second = await world.mail({ dueInMs: 5000 })
  const first = await world.mail({ kind: 'response', dueInMs: -1000 })
  await world.mail({ dueInMs: 1000, columns: { held_reason: 'set aside' } })
  await world.mail({ dueInMs: 1500, lead: await world.lead({ replied_at: world.now }) })
  await world.mail({ dueInMs: -400_000 })
  await world.mail({ dueInMs: 2000, campaign: await world.campaign({ status: 'paused' }) })
  await world.mail({
    dueInMs: 2000,
    mailbox: await world.mailbox({ status: 'paused' }),
    campaign: second.campaign ?? 0,
  })
  const next = await readNextMails(inSession(session), 10)
  expect(next.map(({ id, reason }) => [id, reason])).toEqual([
    [first.id, 'due'],
    [second.id, 'planned'],
  ])
  await session.query('update goniec.installation set paused_at = goniec.now()')
  expect(await readNextMails(inSession(session), 10)).toEqual([])
})

async function forecast(world: World, campaign: number, columns: Record<string, unknown>): Promise<void> {
  const row = { campaign_id: campaign, status: 'running', sent: 0, mails: 9, days: '[]', never: '[]', ...columns }
  await world.insert('forecast', row, 'campaign_id')
}
