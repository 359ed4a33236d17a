import { expect, test } from 'vitest'
import { readMailbox, readMailboxes } from '../../src/reports/mailboxes.ts'
import { settledMail } from '../delivery/in-state.ts'
import { worldForEachTest } from '../support/rolled-back.ts'
import { NOON } from '../support/world.ts'
import { inSession } from './in-session.ts'

const state = worldForEachTest()

test('a mailbox shows today’s use of each limit', async () => {
  const { world, session } = state
  await world.salesperson({ email: 'sales@firma.example' })
  const mailbox = await world.mailbox({ address: 'anna@firma.example', daily_limit: 50 })
  await settledMail(world, { outcome: 'accepted' }, { mailbox })
  await settledMail(world, { outcome: 'accepted' }, { mailbox, kind: 'response' })
  const next = await world.mail({ mailbox, dueInMs: 5000 })
  expect(await readMailboxes(inSession(session))).toEqual([
    {
      address: 'anna@firma.example',
      name: null,
      salesperson: 'sales@firma.example',
      status: 'active',
      status_reason: null,
      today: {
        day: '2026-12-01',
        taken: 2,
        daily_limit: 50,
        campaign_taken: 1,
        campaign_limit: null,
        warmup_taken: 0,
        warmup_limit: null,
        response_taken: 1,
      },
      warmup: null,
      free_from: null,
      faults: 0,
      fault_reason: null,
      last_fence_at: NOON,
      next_at: world.at(5000),
    },
  ])
  expect(next.id).toBeGreaterThan(0)
})

test.each([
  ['2026-12-01', 1, 1, 5],
  ['2026-11-24', 8, 8, 10],
  ['2026-11-14', 18, 15, 20],
])(
  'a warm-up that started on %s is on day %i, in the stage from day %i',
  async (started, day, stage, campaignLimit) => {
    await state.world.mailbox({ warmup_started: started })
    expect((await readMailboxes(inSession(state.session)))[0]).toMatchObject({
      warmup: { day, stage, started },
      today: { campaign_limit: campaignLimit },
    })
  },
)

test('after the last stage, and before its first day, a mailbox is not warming', async () => {
  await state.world.mailbox({ address: 'a@firma.example', warmup_started: '2026-10-01' })
  await state.world.mailbox({ address: 'b@firma.example', warmup_started: '2026-12-02' })
  const mailboxes = await readMailboxes(inSession(state.session))
  expect(mailboxes.map(({ warmup, today }) => [warmup, today.campaign_limit])).toEqual([
    [null, null],
    [null, null],
  ])
})

test('without today’s row the limits are those it will be made with', async () => {
  await state.world.mailbox({ warmup_started: '2026-12-01', daily_limit: 7 })
  await state.session.query('delete from goniec.mailbox_day')
  expect((await readMailboxes(inSession(state.session)))[0]?.today).toMatchObject({
    taken: 0,
    daily_limit: 7,
    campaign_limit: 5,
    warmup_limit: 10,
  })
})

test('a closer look shows faults, refusals of today, doubts, and the servers’ last words, newest first', async () => {
  const { world, session } = state
  const mailbox = await world.mailbox()
  await settledMail(world, { outcome: 'rejected', code: 550, response: '550 5.7.1 policy' }, { mailbox })
  await settledMail(world, { outcome: 'unknown' }, { mailbox })
  await settledMail(world, { outcome: 'mailbox_fault', code: 421, response: '421 4.7.0 too many' }, { mailbox })
  const report = await readMailbox(inSession(session), mailbox)
  expect(report).toMatchObject({
    rejected_today: 1,
    in_doubt: 1,
    faults: 2,
    fault_reason: '421 4.7.0 too many',
    smtp: { host: '127.0.0.1', port: 25, security: 'none', user: null, password: null },
    answers: [
      { state: 'deferred', code: 421 },
      { state: 'in_doubt' },
      { state: 'rejected', response: '550 5.7.1 policy' },
    ],
  })
  expect(report?.free_from?.since(NOON).total('seconds')).toBeGreaterThan(40)
})
