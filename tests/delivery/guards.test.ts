/** What holds even if every piece of code above it is wrong: constraints, indexes and triggers, against SQL typed by hand. */
import { describe, expect, test } from 'vitest'
import { claimOne, fence, settle } from '../support/protocol.ts'
import { worldForEachTest } from '../support/rolled-back.ts'
import { NOON, type Mail } from '../support/world.ts'

const here = worldForEachTest()

const sql = (text: string, ...values: unknown[]): Promise<unknown> => here.session.query(text, values)
const refusal = (text: string, ...values: unknown[]): Promise<string> => here.refusal(() => sql(text, ...values))

/** A mail that was sent, so that every table of the ledger has a row. */
async function sentMail(): Promise<Mail & { attempt: number }> {
  const mail = await here.world.mail()
  const attempt = await claimOne(here.session, here.worker, mail.id)
  await fence(here.session, here.worker, attempt, [{ attempt_id: attempt, subject: 'Subject' }])
  await settle(here.session, here.worker, { attempt, outcome: 'accepted' })
  await here.settled()
  return { ...mail, attempt }
}

describe.each(['owner', 'goniec_worker'])('the ledger, as %s', (role) => {
  test.each(['message', 'attempt', 'event', 'contradiction', 'transition', 'mailbox'])(
    'rows of %s are kept: no delete, no truncate',
    async (table) => {
      await sentMail()
      if (role !== 'owner') await sql(`set local role ${role}`)
      const words =
        role === 'owner'
          ? `${table}_is_kept: rows of goniec.${table} are kept for ever`
          : `: permission denied for table ${table}`
      expect(await refusal(`delete from goniec.${table}`)).toBe(words)
      expect(await refusal(`truncate goniec.${table} cascade`)).toBe(words)
    },
  )

  test.each(['event', 'contradiction'])('rows of %s are never changed', async (table) => {
    const { attempt } = await sentMail()
    await sql('insert into goniec.contradiction (attempt_id, reported) values ($1, $2)', attempt, '{}')
    if (role !== 'owner') await sql(`set local role ${role}`)
    const words =
      role === 'owner'
        ? `${table}_is_append_only: goniec.${table} is append-only`
        : `: permission denied for table ${table}`
    expect(await refusal(`update goniec.${table} set at = now()`)).toBe(words)
  })
})

test('what a sent mail hangs on cannot be deleted or truncated away either', async () => {
  await sentMail()
  for (const table of ['campaign', 'lead', 'enrollment', 'step', 'mailbox_gate', 'salesperson', 'incarnation']) {
    expect(await refusal(`delete from goniec.${table}`)).toContain('violates')
    expect(await refusal(`truncate goniec.${table} cascade`)).toMatch(/is_kept|append-only/)
  }
})

describe('what a message or an attempt is never changes:', () => {
  const message: Record<string, [set: string, constraint: string]> = {
    kind: [`kind = 'warmup'`, 'message_identity_is_permanent'],
    campaign: ['campaign_id = (select max(id) from goniec.campaign)', 'message_identity_is_permanent'],
    lead: ['lead_id = (select max(id) from goniec.lead)', 'message_identity_is_permanent'],
    step: [`step_key = 'other'`, 'message_identity_is_permanent'],
    recipient: [`recipient = 'other@klient.example'`, 'message_identity_is_permanent'],
    'idempotency key': [`idempotency_key = 'other'`, 'message_identity_is_permanent'],
    'first planned time': ['first_planned_at = now()', 'message_first_planned_at_is_permanent'],
    'time of sending': ['sent_at = now()', 'message_sent_at_is_permanent'],
  }
  test.each(Object.entries(message))('a message’s %s', async (_, [set, constraint]) => {
    const mail = await sentMail()
    await here.world.campaign()
    await here.world.lead()
    expect(await refusal(`update goniec.message set ${set} where id = $1`, mail.id)).toContain(
      `${constraint}: message ${mail.id} `,
    )
  })

  const attempt: Record<string, string> = {
    message: 'message_id = null',
    mailbox: 'mailbox_id = (select max(mailbox_id) from goniec.mailbox_gate)',
    kind: `kind = 'warmup'`,
    campaign: 'campaign_id = null',
    salesperson: 'salesperson_id = 0',
    lead: 'lead_id = null',
    worker: 'incarnation_id = null',
    'day of the mailbox': `mailbox_day = '2026-12-02'`,
    'day of the campaign': `campaign_day = '2026-12-02'`,
  }
  test.each(Object.entries(attempt))('an attempt’s %s', async (_, set) => {
    const mail = await sentMail()
    await here.world.mailbox()
    expect(await refusal(`update goniec.attempt set ${set} where id = $1`, mail.attempt)).toContain(
      'attempt_identity_is_permanent',
    )
  })
})

const of = ({ campaign, lead, mailbox }: Mail) => ({ campaign: campaign ?? 0, lead, mailbox })
const attempt = (mail: Mail, state: string): Promise<unknown> =>
  sql(
    `insert into goniec.attempt (message_id, mailbox_id, kind, salesperson_id, state, lease_until, deadline_at, mailbox_day, claimed_at)
     values ($1, $2, 'campaign', 1, $3, now(), now(), '2026-12-01', now())`,
    mail.id,
    mail.mailbox,
    state,
  )

describe('once and not twice:', () => {
  test('a message per campaign, lead and step, whichever variant, whatever became of the first', async () => {
    const mail = await sentMail()
    expect(await here.refusal(() => here.world.mail({ ...of(mail), columns: { variant: 'B' } }))).toContain(
      'one_message_per_campaign_lead_and_step',
    )
    const cancelled = await here.world.mail()
    await here.world.update('message', cancelled.id, { status: 'cancelled' })
    expect(await here.refusal(() => here.world.mail(of(cancelled)))).toContain('one_message_per_campaign_lead_and_step')
  })

  test('a response per idempotency key; one per lead, campaign and day, but for those asked for again, and cancelled ones', async () => {
    const lead = await here.world.lead()
    const response = (columns: Record<string, unknown>) => here.world.mail({ kind: 'response', lead, columns })
    const first = await response({ idempotency_key: 'a' })
    expect(await here.refusal(() => response({ idempotency_key: 'a', response_day: '2026-12-09' }))).toContain(
      'one_response_per_idempotency_key',
    )
    expect(await here.refusal(() => response({ idempotency_key: 'b' }))).toContain(
      'one_response_per_lead_campaign_and_day',
    )
    expect(await here.refusal(() => response({ idempotency_key: 'b', again: true }))).toBe('not refused')
    await here.world.update('message', first.id, { status: 'cancelled' })
    expect(await here.refusal(() => response({ idempotency_key: 'c' }))).toBe('not refused')
  })

  test('an enrollment per campaign and lead, a lead per address', async () => {
    const mail = await here.world.mail()
    expect(
      await refusal('insert into goniec.enrollment (campaign_id, lead_id) values ($1, $2)', mail.campaign, mail.lead),
    ).toContain('enrollment_is_unique')
    expect(await refusal('insert into goniec.lead (email) select email from goniec.lead')).toContain(
      'lead_email_is_unique',
    )
  })

  test.each(['claimed', 'transmitting', 'accepted', 'in_doubt'])(
    'an attempt at a message beside one that is %s',
    async (state) => {
      const mail = await here.world.mail()
      await here.asHistory(async () => {
        await attempt(mail, state)
        const other = { ...mail, mailbox: await here.world.mailbox() }
        expect(await here.refusal(() => attempt(other, 'claimed'))).toContain(
          'one_live_or_accepted_attempt_per_message',
        )
      })
    },
  )

  test.each(['claimed', 'transmitting'])('a mail at a time of a mailbox that has one %s', async (state) => {
    const mailbox = await here.world.mailbox()
    const mails = [await here.world.mail({ mailbox }), await here.world.mail({ mailbox })]
    await here.asHistory(async () => {
      await attempt(mails[0] as Mail, state)
      expect(await here.refusal(() => attempt(mails[1] as Mail, 'claimed'))).toContain('one_live_attempt_per_mailbox')
    })
  })
})

describe('a counter cannot pass its limit, nor fall below nothing:', () => {
  const overruns: Record<string, string> = {
    'all kinds together, of a mailbox':
      'update goniec.mailbox_day set daily_limit = 5, campaign_taken = 2, warmup_taken = 2, response_taken = 2',
    'campaign mail of a warming mailbox': 'update goniec.mailbox_day set campaign_limit = 1, campaign_taken = 2',
    'warm-up mail': 'update goniec.mailbox_day set warmup_limit = 1, warmup_taken = 2',
    'a campaign': 'update goniec.campaign_day set daily_limit = 1, taken = 2',
    'a salesperson': 'update goniec.salesperson_day set daily_limit = 1, taken = 2',
    'campaign mail below zero': 'update goniec.mailbox_day set campaign_taken = -1',
    'warm-up mail below zero': 'update goniec.mailbox_day set warmup_taken = -1',
    'responses below zero': 'update goniec.mailbox_day set response_taken = -1',
    'a campaign below zero': 'update goniec.campaign_day set taken = -1',
    'a salesperson below zero': 'update goniec.salesperson_day set taken = -1',
    'a limit below what was taken': 'update goniec.mailbox_day set daily_limit = -1',
  }
  test.each(Object.entries(overruns))('%s', async (_, text) => {
    await here.world.mail()
    expect(await refusal(text)).toMatch(
      /^(mailbox|campaign|salesperson)_day_(within_limits?|counts?_(are|is)_not_negative): /,
    )
  })
})

const limits = (): Promise<unknown> =>
  here.world.value(
    `select array[b.daily_limit, b.campaign_limit, b.warmup_limit, c.daily_limit, s.daily_limit]
     from goniec.mailbox_day b, goniec.campaign_day c, goniec.salesperson_day s where b.day = '2026-12-01' and c.day = b.day and s.day = b.day`,
  )

describe('limits of the day', () => {
  test('lowered below what was taken become what was taken; raised, they open the day again; and a second look changes nothing', async () => {
    await sql('update goniec.warmup_stage set campaign_limit = 20, warmup_limit = 20')
    await here.world.salesperson({ daily_limit: 50 })
    await here.world.mailbox({ daily_limit: 50, warmup_started: '2026-12-01' })
    await here.world.campaign({ daily_limit: 50 })
    await sql('update goniec.mailbox_day set campaign_taken = 3, warmup_taken = 2')
    await sql('update goniec.campaign_day set taken = 3')
    await sql('update goniec.salesperson_day set taken = 3')
    const change = (limit: number): Promise<unknown> =>
      sql(
        `with b as (update goniec.mailbox set daily_limit = ${limit}, warmup_daily_limit = ${limit}), c as (update goniec.campaign set daily_limit = ${limit})
         update goniec.salesperson set daily_limit = ${limit}`,
      )
    await change(1)
    await here.world.makeDayRows()
    expect(await limits()).toEqual([5, 3, 2, 3, 3])
    const written =
      'select sum(xmin::text::bigint) from (select xmin from goniec.mailbox_day union all select xmin from goniec.campaign_day) as rows'
    const before = await here.world.value(written)
    await here.world.makeDayRows()
    expect(await here.world.value(written)).toEqual(before)
    await change(10)
    await here.world.makeDayRows()
    expect(await limits()).toEqual([10, 10, 10, 10, 10])
  })
})

describe('a campaign’s life', () => {
  const STATES = ['draft', 'scheduled', 'running', 'paused', 'completed', 'cancelled']
  /** RF-024: draft → scheduled → running ⇄ paused → completed | cancelled; completed → running by an import. */
  const ALLOWED = new Set([
    'draft scheduled',
    'draft running',
    'draft cancelled',
    'scheduled running',
    'scheduled paused',
    'scheduled cancelled',
    'running paused',
    'running completed',
    'running cancelled',
    'paused running',
    'paused scheduled',
    'paused cancelled',
    'completed running',
  ])
  const pairs = STATES.flatMap((from) => STATES.filter((to) => to !== from).map((to) => [from, to] as const))
  test.each(pairs)('from %s to %s', async (from, to) => {
    const id = await here.world.campaign({ name: 'spring', status: from })
    const refused = await refusal('update goniec.campaign set status = $2 where id = $1', id, to)
    expect(refused).toBe(
      ALLOWED.has(`${from} ${to}`)
        ? 'not refused'
        : `campaign_transition_is_allowed: campaign "spring" is ${from}, and cannot become ${to}`,
    )
  })

  test('with open mails it cannot be completed', async () => {
    await here.world.campaign({ name: 'spring' })
    await here.world.mail()
    expect(await refusal(`update goniec.campaign set status = 'completed'`)).toBe(
      'campaign_with_open_mails_is_not_completed: campaign "spring" has 1 open mails, and cannot be completed',
    )
  })
})

test('every operation on a mail leaves an event, also one typed by hand, with who did it', async () => {
  const mail = await here.world.mail()
  await sql(`set local goniec.actor = 'anna'`)
  await here.world.update('message', mail.id, { scheduled_at: NOON.add({ minutes: 5 }), slot_reason: 'mailbox' })
  await here.world.update('message', mail.id, { held_reason: 'look at it' })
  await here.world.update('message', mail.id, { held_reason: null })
  await here.world.update('message', mail.id, { status: 'failed', failed_reason: 'given up' })
  await here.world.update('message', mail.id, { status: 'pending' })
  await here.world.update('message', mail.id, { scheduled_at: null, mailbox_id: null, window_closes_at: null })
  await here.world.update('message', mail.id, { status: 'cancelled' })
  const { rows } = await here.session.query('select type, actor from goniec.event where message_id = $1 order by id', [
    mail.id,
  ])
  expect(rows.map(({ type }) => type)).toEqual([
    'moved',
    'held',
    'released',
    'failed',
    'retried',
    'withdrawn',
    'cancelled',
  ])
  expect(new Set(rows.map(({ actor }) => actor))).toEqual(new Set(['anna']))
})

test('the way of a mail stands in its events, in order', async () => {
  const mail = await sentMail()
  const { rows } = await here.session.query(
    'select type, attempt_id, data from goniec.event where message_id = $1 order by id',
    [mail.id],
  )
  expect(rows).toMatchObject([
    { type: 'claimed', attempt_id: mail.attempt },
    { type: 'fenced', attempt_id: mail.attempt },
    { type: 'settled', attempt_id: mail.attempt, data: { state: 'accepted', outcome: 'accepted' } },
    { type: 'sent', data: { from: 'sending' } },
  ])
})
