/** Settle: what becomes of attempt, message, capacity and lead, for every outcome. */
import { describe, expect, test } from 'vitest'
import { claimOne, fence, recover, settle, stateOf, type Report } from '../support/protocol.ts'
import { worldForEachTest } from '../support/rolled-back.ts'
import { NOON, type Mail, type MailOptions } from '../support/world.ts'

const here = worldForEachTest()
const minute = 60_000

/** A mail whose attempt has come so far. */
async function mailIn(
  state: 'claimed' | 'transmitting' | 'in_doubt',
  options: MailOptions = {},
): Promise<Mail & { attempt: number }> {
  const mail = await here.world.mail(options)
  const attempt = await claimOne(here.session, here.worker, mail.id)
  if (state !== 'claimed') await fence(here.session, here.worker, attempt)
  if (state === 'in_doubt')
    await recover(here.session, await here.world.worker(), { gone: [here.worker], seenGone: [here.worker] })
  await here.settled()
  return { ...mail, attempt }
}

async function settleAs(attempt: number, outcome: Report['outcome'], columns: Record<string, unknown> = {}) {
  const [settled] = await settle(here.session, here.worker, { attempt, outcome, ...columns })
  await here.settled()
  return settled
}

type From = Parameters<typeof mailIn>[0]
type Row = [
  from: From,
  outcome: Report['outcome'],
  code: number | null,
  verdict: string,
  attempt: string,
  message: string,
]
const rows: Row[] = [
  ['claimed', 'deferred', 450, 'settled', 'deferred', 'pending'],
  ['claimed', 'rejected', 550, 'settled', 'rejected', 'failed'],
  ['claimed', 'aborted', null, 'settled', 'aborted', 'pending'],
  ['claimed', 'mailbox_fault', 535, 'settled', 'deferred', 'pending'],
  ['claimed', 'mailbox_fault', null, 'settled', 'aborted', 'pending'],
  ['transmitting', 'accepted', 250, 'settled', 'accepted', 'sent'],
  ['transmitting', 'deferred', 451, 'settled', 'deferred', 'pending'],
  ['transmitting', 'rejected', 554, 'settled', 'rejected', 'failed'],
  ['transmitting', 'mailbox_fault', 421, 'settled', 'deferred', 'pending'],
  ['transmitting', 'mailbox_fault', null, 'settled', 'aborted', 'pending'],
  ['transmitting', 'aborted', null, 'settled', 'aborted', 'pending'],
  ['transmitting', 'unknown', null, 'settled', 'in_doubt', 'in_doubt'],
  ['in_doubt', 'accepted', 250, 'settled', 'accepted', 'sent'],
  ['in_doubt', 'deferred', 451, 'settled', 'deferred', 'pending'],
  ['in_doubt', 'rejected', 554, 'settled', 'rejected', 'failed'],
  ['in_doubt', 'mailbox_fault', 421, 'settled', 'deferred', 'pending'],
  ['in_doubt', 'aborted', null, 'settled', 'deferred', 'pending'],
  ['in_doubt', 'unknown', null, 'already', 'in_doubt', 'in_doubt'],
]

test.each(rows)(
  '%s, then %s (%s): %s, attempt %s, message %s',
  async (from, outcome, code, verdict, attempt, message) => {
    const mail = await mailIn(from)
    expect(await settleAs(mail.attempt, outcome, { code })).toEqual({ verdict, status: message })
    expect(await stateOf(here.session, mail.id)).toEqual({ attempt, message })
  },
)

test('a mail is sent when it passed the fence, and keeps its mailbox', async () => {
  const mail = await here.world.mail()
  const attempt = await claimOne(here.session, here.worker, mail.id)
  await here.clockAt(1000)
  await fence(here.session, here.worker, attempt)
  await here.clockAt(5000)
  await settleAs(attempt, 'accepted', {
    code: 250,
    response: '250 ok',
    rfc_message_id: '<a@b>',
    server_message_id: '<c@d>',
  })
  expect(await here.world.row('message', mail.id)).toMatchObject({
    status: 'sent',
    sent_at: NOON.add({ seconds: 1 }),
    mailbox_id: mail.mailbox,
    rfc_message_id: '<a@b>',
  })
  expect(await here.world.row('attempt', attempt)).toMatchObject({
    finished_at: NOON.add({ seconds: 5 }),
    outcome: 'accepted',
    response: '250 ok',
    server_message_id: '<c@d>',
  })
})

describe('told again', () => {
  test.each(['accepted', 'deferred', 'rejected', 'unknown', 'aborted', 'mailbox_fault'] as const)(
    '“%s” is already so, and counts nothing twice',
    async (outcome) => {
      const mail = await mailIn('transmitting')
      const told = { code: outcome === 'mailbox_fault' ? 421 : null, give_back: outcome === 'aborted' }
      await settleAs(mail.attempt, outcome, told)
      const before = await everything(mail)
      expect(await settleAs(mail.attempt, outcome, told)).toMatchObject({ verdict: 'already' })
      expect(await everything(mail)).toEqual(before)
    },
  )

  test('twice in one batch, it is settled once', async () => {
    const mail = await mailIn('transmitting')
    const report = { attempt: mail.attempt, outcome: 'deferred', code: 451 } as const
    expect(await settle(here.session, here.worker, [report, report])).toMatchObject([
      { status: 'pending' },
      { status: 'pending' },
    ])
    expect(await here.world.row('message', mail.id)).toMatchObject({ counted_attempts: 1 })
  })
})

/** All that a settlement may touch. */
async function everything({ id, mailbox, lead }: Mail): Promise<unknown> {
  const { rows: found } = await here.session.query(
    `select to_jsonb(m) as message, (select jsonb_agg(a) from goniec.attempt a) as attempts, to_jsonb(d) as day, to_jsonb(g) as gate,
            (select jsonb_agg(l) from goniec.lead l where l.id = $3) as lead, (select count(*) from goniec.event) as events,
            (select count(*) from goniec.message) as messages, (select count(*) from goniec.contradiction) as contradictions
     from goniec.message m, goniec.mailbox_day d, goniec.mailbox_gate g
     where m.id = $1 and d.mailbox_id = $2 and d.day = '2026-12-01' and g.mailbox_id = $2`,
    [id, mailbox, lead],
  )
  return found
}

test.each(['claimed', 'transmitting'] as const)(
  'the outcome of a claim that a failover has forgotten is not that of the claim which has its number now (%s)',
  async (state) => {
    const mail = await mailIn(state)
    for (const outcome of ['accepted', 'aborted', 'rejected'] as const) {
      const claimedAt = NOON.subtract({ seconds: 1 })
      expect(await settleAs(mail.attempt, outcome, { claimed_at: claimedAt })).toMatchObject({ verdict: 'not_yours' })
    }
    expect(await stateOf(here.session, mail.id)).toEqual({ attempt: state, message: 'sending' })
    const { rows: claimed } = await here.session.query<{ claimed_at: unknown }>(
      'select claimed_at from goniec.attempt where id = $1',
      [mail.attempt],
    )
    expect(await settleAs(mail.attempt, 'aborted', claimed[0])).toMatchObject({ verdict: 'settled' })
  },
)

test('another worker’s attempt, and one that is not there, are left alone', async () => {
  const mail = await mailIn('transmitting')
  const [stranger] = await settle(here.session, await here.world.worker(), {
    attempt: mail.attempt,
    outcome: 'accepted',
  })
  expect(stranger?.verdict).toBe('not_yours')
  expect(await settleAs(4711, 'accepted')).toEqual({ verdict: 'unknown_attempt', status: null })
  expect(await stateOf(here.session, mail.id)).toEqual({ attempt: 'transmitting', message: 'sending' })
})

describe('a temporary refusal', () => {
  test('is tried again after 5 m, 15 m, 1 h and 4 h, each ± 20 %, and given up after the fifth', async () => {
    const mail = await here.world.mail()
    for (const minutes of [5, 15, 60, 240]) {
      await tryOnce(mail)
      const { not_before: notBefore } = await here.world.row<{ not_before: typeof NOON }>('message', mail.id)
      const waited = NOON.until(notBefore).total('minutes')
      expect(waited).toBeGreaterThanOrEqual(minutes * 0.8)
      expect(waited).toBeLessThanOrEqual(minutes * 1.2)
      expect(await here.world.row('message', mail.id)).toMatchObject({
        status: 'pending',
        scheduled_at: null,
        slot_reason: 'retry',
      })
    }
    await tryOnce(mail)
    expect(await here.world.row('message', mail.id)).toMatchObject({
      status: 'failed',
      counted_attempts: 5,
      tried_days: ['2026-12-01'],
      failed_reason: '451 later',
    })
  })

  test('is spread: two mails refused together do not come again together', async () => {
    const { rows: spread } = await here.session.query(
      'select count(distinct goniec.backoff(1, n))::int as waits from generate_series(1, 100) n',
    )
    expect(spread).toEqual([{ waits: 100 }])
  })
})

async function tryOnce(mail: Mail): Promise<void> {
  await here.world.update('message', mail.id, {
    mailbox_id: mail.mailbox,
    scheduled_at: NOON,
    window_closes_at: NOON.add({ hours: 1 }),
  })
  const attempt = await claimOne(here.session, here.worker, mail.id)
  await settleAs(attempt, 'deferred', { code: 451, response: '451 later' })
}

test('after ten attempts that ended through no fault of the mail it is held, with the last one’s words', async () => {
  const mail = await here.world.mail({ columns: { uncounted_attempts: 9 } })
  const attempt = await claimOne(here.session, here.worker, mail.id)
  await settleAs(attempt, 'aborted', { response: 'connection lost' })
  const { held_reason: reason } = await here.world.row('message', mail.id)
  expect(reason).toBe('ten attempts ended through no fault of the mail; the last: connection lost')
})

test('an abort that was refused by the fence waits for the plan only, another one also for a while', async () => {
  const refused = await mailIn('claimed')
  await settleAs(refused.attempt, 'aborted', { reason: 'settings' })
  expect(await here.world.row('message', refused.id)).toMatchObject({ not_before: null, slot_reason: 'settings' })
  const lost = await mailIn('claimed')
  await settleAs(lost.attempt, 'aborted', {})
  expect(await here.world.row('message', lost.id)).toMatchObject({
    not_before: expect.anything(),
    slot_reason: 'retry',
  })
})

test('what cannot be composed is set aside with its reason', async () => {
  const mail = await mailIn('claimed')
  await settleAs(mail.attempt, 'aborted', { hold: 'the field "firma" is empty', give_back: true })
  expect(await here.world.row('message', mail.id)).toMatchObject({
    status: 'pending',
    held_reason: 'the field "firma" is empty',
  })
})

describe('what would be pending again is cancelled when', () => {
  const outs: Record<string, (mail: Mail) => Promise<unknown>> = {
    'its campaign was cancelled': ({ campaign }) =>
      here.world.update('campaign', campaign ?? 0, { status: 'cancelled' }),
    'its lead was removed': () => here.session.query('update goniec.enrollment set removed_at = goniec.now()'),
    'its lead was blocked': ({ lead }) => here.world.update('lead', lead ?? 0, { blocked_at: NOON }),
    'its lead replied': ({ lead }) => here.world.update('lead', lead ?? 0, { replied_at: NOON }),
    'its lead unsubscribed': ({ lead }) => here.world.update('lead', lead ?? 0, { unsubscribed_at: NOON }),
    'its address was suppressed': () =>
      here.session.query(`insert into goniec.suppression (value) values ('klient.example')`),
  }
  test.each(Object.entries(outs))('%s', async (_, happens) => {
    for (const outcome of ['deferred', 'aborted', 'mailbox_fault'] as const) {
      const mail = await mailIn('transmitting')
      await here.session.query('savepoint out')
      await happens(mail)
      expect(await settleAs(mail.attempt, outcome)).toMatchObject({ status: 'cancelled' })
      expect(await here.world.row('message', mail.id)).toMatchObject({ scheduled_at: null, slot_reason: 'out' })
      await here.session.query('rollback to savepoint out')
      await settleAs(mail.attempt, 'accepted')
    }
  })

  test('and never an accepted or a doubtful one', async () => {
    for (const [outcome, status] of [
      ['accepted', 'sent'],
      ['unknown', 'in_doubt'],
    ] as const) {
      const mail = await mailIn('transmitting')
      await here.world.update('lead', mail.lead ?? 0, { blocked_at: NOON })
      expect(await settleAs(mail.attempt, outcome)).toMatchObject({ status })
    }
  })

  test('a response of a lead who replied is not out', async () => {
    const mail = await mailIn('transmitting', { kind: 'response' })
    await here.world.update('lead', mail.lead ?? 0, { replied_at: NOON })
    expect(await settleAs(mail.attempt, 'deferred')).toMatchObject({ status: 'pending' })
  })
})

describe('the next step’s message', () => {
  const twoSteps = { steps: ['intro', 'reminder'] }

  test('is made with the accepted one, once, from the same mailbox, and counts from its fence', async () => {
    await here.world.campaign(twoSteps)
    const mail = await mailIn('transmitting')
    await here.clockAt(minute)
    await settleAs(mail.attempt, 'accepted')
    await settleAs(mail.attempt, 'accepted')
    const { rows: made } = await here.session.query(`select * from goniec.message where step_key = 'reminder'`)
    expect(made).toHaveLength(1)
    expect(made[0]).toMatchObject({
      status: 'pending',
      lead_id: mail.lead,
      bound_mailbox_id: mail.mailbox,
      follows_at: NOON,
      variant: 'A',
      scheduled_at: null,
    })
  })

  test('is made for a doubt that a late answer or a person ends as sent', async () => {
    await here.world.campaign(twoSteps)
    const late = await mailIn('in_doubt')
    await settleAs(late.attempt, 'accepted')
    const resolved = await mailIn('in_doubt')
    await here.clockAt(15 * minute)
    await here.session.query(`select goniec.resolve_doubt($1, 'sent')`, [resolved.id])
    expect(await here.world.value(`select count(*) from goniec.message where step_key = 'reminder'`)).toBe(2)
  })

  test('skips a step that was taken out, and there is none after the last', async () => {
    const campaign = await here.world.campaign({ steps: ['intro', 'old', 'last'] })
    await here.session.query(`update goniec.step set retired_at = goniec.now() where key = 'old'`)
    const first = await mailIn('transmitting')
    await settleAs(first.attempt, 'accepted')
    const last = await mailIn('transmitting', { campaign, step: 'last' })
    await settleAs(last.attempt, 'accepted')
    const { rows: steps } = await here.session.query('select step_key from goniec.message order by id')
    expect(steps.map(({ step_key: key }) => key)).toEqual(['intro', 'last', 'last'])
  })

  const never: Record<string, (mail: Mail) => Promise<unknown>> = {
    'the campaign was cancelled': ({ campaign }) =>
      here.world.update('campaign', campaign ?? 0, { status: 'cancelled' }),
    'the lead replied': ({ lead }) => here.world.update('lead', lead ?? 0, { replied_at: NOON }),
    'the lead unsubscribed': ({ lead }) => here.world.update('lead', lead ?? 0, { unsubscribed_at: NOON }),
    'the lead was removed': () => here.session.query('update goniec.enrollment set removed_at = goniec.now()'),
    'the address was suppressed': () =>
      here.session.query(`insert into goniec.suppression (value) values ('klient.example')`),
  }
  test.each(Object.entries(never))('is not made when %s', async (_, happens) => {
    await here.world.campaign(twoSteps)
    const mail = await mailIn('transmitting')
    await happens(mail)
    await settleAs(mail.attempt, 'accepted')
    expect(await here.world.value('select count(*) from goniec.message')).toBe(1)
  })

  test('has a variant by weight, the same on every call', async () => {
    const campaign = await here.world.campaign()
    await here.session.query(
      `insert into goniec.variant (step_id, letter, weight, text) select id, 'B', 3, 'x' from goniec.step union all select id, 'C', 0, 'x' from goniec.step`,
    )
    const { rows: picked } = await here.session.query(
      `select goniec.pick_variant(s.id, n) as letter, count(*)::int from goniec.step s, generate_series(1, 4000) n where campaign_id = $1 group by 1 order by 1`,
      [campaign],
    )
    expect(picked.map(({ letter }) => letter)).toEqual(['A', 'B'])
    expect(picked[0]?.['count']).toBeGreaterThan(850)
    expect(picked[0]?.['count']).toBeLessThan(1150)
  })
})

describe('a bounce', () => {
  test('marks the lead, suppresses the address, and cancels the lead’s other open mails', async () => {
    const lead = await here.world.lead()
    const other = await here.world.mail({
      lead,
      mailbox: await here.world.mailbox(),
      campaign: await here.world.campaign(),
    })
    const response = await here.world.mail({ lead, kind: 'response', dueInMs: null })
    const bystander = await here.world.mail({ mailbox: await here.world.mailbox() })
    const mail = await mailIn('transmitting', {
      lead,
      mailbox: await here.world.mailbox(),
      campaign: await here.world.campaign(),
      dueInMs: -120_000,
    })
    await settleAs(mail.attempt, 'rejected', { code: 550, lead_bounced: true, response: '550 5.1.1 no such user' })
    expect(await here.world.row('lead', lead)).toMatchObject({ bounced_at: NOON })
    expect((await here.session.query('select value, reason from goniec.suppression')).rows).toEqual([
      { value: await here.world.value('select email from goniec.lead where id = $1', [lead]), reason: 'bounced' },
    ])
    expect(await stateOf(here.session, mail.id)).toEqual({ attempt: 'rejected', message: 'failed' })
    expect(await here.world.row('message', other.id)).toMatchObject({
      status: 'cancelled',
      slot_reason: 'lead_bounced',
    })
    expect(await here.world.row('message', response.id)).toMatchObject({ status: 'cancelled' })
    expect((await here.world.row('message', bystander.id))['status']).not.toBe('cancelled')
    expect(await here.world.value(`select count(*) from goniec.event where type = 'lead_bounced'`)).toBe(1)
    expect(await here.world.value('select count(*) from goniec.attempt where bounce_due')).toBe(0)
  })

  test('of a mail to nobody who is a lead leaves no unfinished business', async () => {
    const mail = await mailIn('transmitting', { kind: 'warmup', lead: null })
    await settleAs(mail.attempt, 'rejected', { code: 550, lead_bounced: true })
    expect(await here.world.value('select count(*) from goniec.attempt where bounce_due')).toBe(0)
  })

  test('another refusal for good marks no lead', async () => {
    const mail = await mailIn('transmitting')
    await settleAs(mail.attempt, 'rejected', { code: 550, response: '550 relay not permitted' })
    expect(await here.world.row('lead', mail.lead ?? 0)).toMatchObject({ bounced_at: null })
    expect(await here.world.value('select count(*) from goniec.suppression')).toBe(0)
  })
})
