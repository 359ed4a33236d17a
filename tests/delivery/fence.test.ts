/** The fence: each thing that may have changed since the claim refuses, and nothing else does. */
import { expect, test } from 'vitest'
import { claim, claimOne, fence, settle } from '../support/protocol.ts'
import { worldForEachTest } from '../support/rolled-back.ts'
import { NOON, type Mail } from '../support/world.ts'

const here = worldForEachTest()
const minute = 60_000

interface Objection {
  verdict: string
  /** What happens between claim and fence. */
  happens: (mail: Mail, attempt: number) => Promise<unknown>
}

const sql = (text: string, ...values: unknown[]): Promise<unknown> => here.session.query(text, values)
const set =
  (table: string, columns: Record<string, unknown>, of: (mail: Mail) => number) =>
  (mail: Mail): Promise<unknown> =>
    here.world.update(table, of(mail), columns)
const ofLead = (columns: Record<string, unknown>) => set('lead', columns, (mail) => mail.lead ?? 0)
const ofMailbox = (columns: Record<string, unknown>) => set('mailbox', columns, (mail) => mail.mailbox)
const ofCampaign = (columns: Record<string, unknown>) => set('campaign', columns, (mail) => mail.campaign ?? 0)

const objections: Record<string, Objection> = {
  'its lease is over': { verdict: 'lease_over', happens: () => here.clockAt(3 * minute) },
  'its window has closed': {
    verdict: 'window_closed',
    happens: (mail) => sql('update goniec.message set window_closes_at = $2 where id = $1', mail.id, NOON),
  },
  'its message was set aside': {
    verdict: 'message_held',
    happens: set('message', { held_reason: 'a contradiction' }, (mail) => mail.id),
  },
  'the emergency brake was pulled': {
    verdict: 'braked',
    happens: () => sql('update goniec.installation set paused_at = goniec.now()'),
  },
  'its salesperson was paused': {
    verdict: 'braked',
    happens: () => sql('update goniec.salesperson set paused_at = goniec.now()'),
  },
  'its mailbox was paused': { verdict: 'mailbox_not_active', happens: ofMailbox({ status: 'paused' }) },
  'its mailbox broke': { verdict: 'mailbox_not_active', happens: ofMailbox({ status: 'broken', status_reason: 'x' }) },
  'its mailbox’s settings changed': { verdict: 'settings_changed', happens: ofMailbox({ version: 2 }) },
  'its campaign was paused': { verdict: 'campaign_not_running', happens: ofCampaign({ status: 'paused' }) },
  'its campaign was cancelled': { verdict: 'campaign_not_running', happens: ofCampaign({ status: 'cancelled' }) },
  'its campaign’s settings changed': { verdict: 'settings_changed', happens: ofCampaign({ version: 2 }) },
  'its campaign’s time zone is unknown now, and so its day': {
    verdict: 'day_changed',
    happens: async (mail) => {
      await sql('alter table goniec.campaign drop constraint campaign_timezone_is_known')
      await ofCampaign({ timezone: 'Europe/Warschau' })(mail)
    },
  },
  'its lead was blocked': { verdict: 'lead_not_mailable', happens: ofLead({ blocked_at: NOON }) },
  'its lead unsubscribed': { verdict: 'lead_not_mailable', happens: ofLead({ unsubscribed_at: NOON }) },
  'its lead bounced': { verdict: 'lead_not_mailable', happens: ofLead({ bounced_at: NOON }) },
  'its lead replied': { verdict: 'lead_not_mailable', happens: ofLead({ replied_at: NOON }) },
  'its lead was removed from the campaign': {
    verdict: 'lead_removed',
    happens: () => sql('update goniec.enrollment set removed_at = goniec.now()'),
  },
  'its address was suppressed': {
    verdict: 'suppressed',
    happens: (mail) =>
      sql('insert into goniec.suppression (value) select email from goniec.lead where id = $1', mail.lead),
  },
  'its address was suppressed, though its lead has another one now': {
    verdict: 'suppressed',
    happens: async (mail) => {
      await sql('insert into goniec.suppression (value) select recipient from goniec.message where id = $1', mail.id)
      await ofLead({ email: 'new@klient.example' })(mail)
    },
  },
  'its domain was suppressed': {
    verdict: 'suppressed',
    happens: () => sql(`insert into goniec.suppression (value) values ('klient.example')`),
  },
  'recovery ended it': {
    verdict: 'not_claimed',
    happens: (mail, attempt) =>
      sql(
        `with ended as (update goniec.attempt set state = 'aborted' where id = $1)
         update goniec.message set status = 'pending' where id = $2`,
        attempt,
        mail.id,
      ),
  },
}

test('a fence that nothing stands against passes, and starts the clock of the dialogue', async () => {
  const mail = await here.world.mail()
  const attempt = await claimOne(here.session, here.worker, mail.id)
  await here.clockAt(3 * minute - 1)
  expect(await fence(here.session, here.worker, attempt)).toEqual([{ verdict: 'passed', opensAt: null }])
  const now = NOON.add({ milliseconds: 3 * minute - 1 })
  expect(await here.world.row('attempt', attempt)).toMatchObject({
    state: 'transmitting',
    transmitting_at: now,
    deadline_at: now.add({ minutes: 15 }),
  })
  expect(await here.world.row('message', mail.id)).toMatchObject({ status: 'sending' })
})

test.each(Object.entries(objections))('a fence is refused when meanwhile %s', async (_, { verdict, happens }) => {
  const mail = await here.world.mail()
  const attempt = await claimOne(here.session, here.worker, mail.id)
  const other = await here.world.mail({ mailbox: await here.world.mailbox(), campaign: await here.world.campaign() })
  await happens(mail, attempt)
  expect(await fence(here.session, here.worker, attempt)).toEqual([{ verdict, opensAt: null }])
  expect((await here.world.row('attempt', attempt))['state']).not.toBe('transmitting')
  expect(other.id).toBeGreaterThan(mail.id)
})

test('one refusal in a batch refuses no other', async () => {
  const mails = [await here.world.mail({ mailbox: await here.world.mailbox() })]
  mails.push(await here.world.mail({ mailbox: await here.world.mailbox(), campaign: await here.world.campaign() }))
  const { of } = await claim(here.session, here.worker)
  const attempts = mails.map(({ id }) => of.get(id) ?? 0)
  await ofCampaign({ status: 'paused' })(mails[0] as Mail)
  expect(await fence(here.session, here.worker, attempts)).toMatchObject([
    { verdict: 'campaign_not_running' },
    { verdict: 'passed' },
  ])
})

test('an attempt passes once, and only by the worker that claimed it', async () => {
  const mail = await here.world.mail()
  const attempt = await claimOne(here.session, here.worker, mail.id)
  expect(await fence(here.session, await here.world.worker(), attempt)).toMatchObject([{ verdict: 'not_claimed' }])
  expect(await fence(here.session, here.worker, attempt)).toMatchObject([{ verdict: 'passed' }])
  expect(await fence(here.session, here.worker, attempt)).toMatchObject([{ verdict: 'not_claimed' }])
  expect(await fence(here.session, here.worker, 4711)).toMatchObject([{ verdict: 'not_claimed' }])
})

test('a claim of yesterday does not pass today: its counters were another day’s', async () => {
  const justBeforeMidnight = 12 * 60 * minute - 1000
  await here.clockAt(justBeforeMidnight)
  const mail = await here.world.mail({ dueInMs: justBeforeMidnight, closesInMs: justBeforeMidnight + 3_600_000 })
  const attempt = await claimOne(here.session, here.worker, mail.id)
  await here.clockAt(justBeforeMidnight + 1000)
  expect(await fence(here.session, here.worker, attempt)).toMatchObject([{ verdict: 'day_changed' }])
})

test('a campaign’s day changes in its own zone', async () => {
  // 11:00 in Warsaw is midnight in Auckland, in December.
  await here.clockAt(-1)
  await here.world.mailbox()
  await here.world.campaign({ timezone: 'Pacific/Auckland' })
  const mail = await here.world.mail()
  const attempt = await claimOne(here.session, here.worker, mail.id)
  await here.clockAt(0)
  expect(await fence(here.session, here.worker, attempt)).toMatchObject([{ verdict: 'day_changed' }])
})

test('a response is not held by its campaign’s pause, delay or a reply', async () => {
  const campaign = await here.world.campaign({ status: 'paused', delay_ms: 90_000 })
  const mail = await here.world.mail({ kind: 'response', campaign })
  const attempt = await claimOne(here.session, here.worker, mail.id)
  await ofLead({ replied_at: NOON })(mail)
  await here.world.update('campaign_gate', campaign, { last_fence_at: NOON }, 'campaign_id')
  expect(await fence(here.session, here.worker, attempt)).toMatchObject([{ verdict: 'passed' }])
})

/** Two mails of a campaign with a delay, both claimed, in this order: the first one's worker was slow. */
async function twoClaimed(): Promise<{ attempts: [number, number]; mails: [Mail, Mail] }> {
  const campaign = await here.world.campaign({ delay_ms: 90_000, jitter: 0.2 })
  const first = await here.world.mail({ mailbox: await here.world.mailbox(), campaign, dueInMs: -2000 })
  const second = await here.world.mail({ mailbox: await here.world.mailbox(), campaign, dueInMs: -1000 })
  const one = await claimOne(here.session, here.worker, first.id)
  await here.clockAt(72_000)
  return { attempts: [one, await claimOne(here.session, here.worker, second.id)], mails: [first, second] }
}

test('of two mails of a campaign with a delay one passes, and the other is told when it may', async () => {
  const { attempts } = await twoClaimed()
  const [one, other] = attempts
  const opensAt = NOON.add({ milliseconds: 2 * 72_000 })
  expect(await fence(here.session, here.worker, [other, one])).toEqual([
    { verdict: 'too_early', opensAt },
    { verdict: 'passed', opensAt: null },
  ])
  await here.clockAt(2 * 72_000 - 1)
  expect(await fence(here.session, here.worker, other)).toEqual([{ verdict: 'too_early', opensAt }])
  await here.clockAt(2 * 72_000)
  expect(await fence(here.session, here.worker, other)).toEqual([{ verdict: 'passed', opensAt: null }])
})

test('a mail that is refused takes no other one’s turn', async () => {
  const { attempts, mails } = await twoClaimed()
  await ofLead({ blocked_at: NOON })(mails[0])
  expect(await fence(here.session, here.worker, attempts)).toMatchObject([
    { verdict: 'lead_not_mailable' },
    { verdict: 'passed' },
  ])
})

test('the gap of a mailbox counts from the fence', async () => {
  const mailbox = await here.world.mailbox({ min_gap_ms: 60_000 })
  const [first, second] = [
    await here.world.mail({ mailbox, dueInMs: -2000 }),
    await here.world.mail({ mailbox, dueInMs: -1000 }),
  ]
  const attempt = await claimOne(here.session, here.worker, first.id)
  await here.clockAt(10_000)
  await fence(here.session, here.worker, attempt)
  await settle(here.session, here.worker, { attempt, outcome: 'accepted' })
  await here.clockAt(69_999)
  expect(await claim(here.session, here.worker)).toMatchObject({
    status: 'nothing',
    nextAt: '2026-12-01T11:01:10+00:00',
  })
  await here.clockAt(70_000)
  expect(await claim(here.session, here.worker)).toMatchObject({ messages: [second.id] })
})

test('what goes on the wire is written down with the fence, and by who passed only', async () => {
  const { attempts, mails } = await twoClaimed()
  const contents = attempts.map((attempt_id, index) => ({
    attempt_id,
    subject: `Subject ${index}`,
    text: 'Text',
    html: null,
    headers: { 'message-id': `<${index}@firma.example>` },
  }))
  await fence(here.session, here.worker, attempts, contents)
  expect((await here.session.query('select * from goniec.message_content')).rows).toEqual([
    {
      message_id: mails[0].id,
      attempt_id: attempts[0],
      subject: 'Subject 0',
      text: 'Text',
      html: null,
      headers: { 'message-id': '<0@firma.example>' },
    },
  ])
})

test('the content of a later attempt takes the place of an earlier one’s', async () => {
  const mail = await here.world.mail()
  for (const [n, subject] of [
    [0, 'First'],
    [1, 'Second'],
  ] as const) {
    await here.clockAt(n)
    const attempt = await claimOne(here.session, here.worker, mail.id)
    await fence(here.session, here.worker, attempt, [{ attempt_id: attempt, subject }])
    await settle(here.session, here.worker, { attempt, outcome: 'aborted', reason: 'x', not_before: NOON })
    await here.world.update('message', mail.id, {
      mailbox_id: mail.mailbox,
      scheduled_at: NOON,
      window_closes_at: NOON.add({ hours: 1 }),
    })
  }
  expect((await here.session.query('select subject from goniec.message_content')).rows).toEqual([{ subject: 'Second' }])
})
