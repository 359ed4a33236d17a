/** The seven conditions of a claim: each alone holds a mail, and without it the mail is claimed. */
import { expect, test } from 'vitest'
import { claim } from '../support/protocol.ts'
import { worldForEachTest } from '../support/rolled-back.ts'
import { NOON, type Mail, type MailOptions } from '../support/world.ts'

const here = worldForEachTest()

/** What holds a mail, and what ends it: both act on a mail that is claimable but for this. */
interface Condition {
  holds: (mail: Mail) => Promise<unknown>
  ends: (mail: Mail) => Promise<unknown>
  mail?: MailOptions
  email?: string
}

const sql = (text: string, ...values: unknown[]): Promise<unknown> => here.session.query(text, values)
const set =
  (table: string, columns: Record<string, unknown>, of: (mail: Mail) => number, key = 'id') =>
  (mail: Mail): Promise<unknown> =>
    here.world.update(table, of(mail), columns, key)

const ofMessage = (columns: Record<string, unknown>) => set('message', columns, (mail) => mail.id)
const ofLead = (columns: Record<string, unknown>) => set('lead', columns, (mail) => mail.lead ?? 0)
const ofMailbox = (columns: Record<string, unknown>) => set('mailbox', columns, (mail) => mail.mailbox)
const ofMailboxGate = (columns: Record<string, unknown>) =>
  set('mailbox_gate', columns, (mail) => mail.mailbox, 'mailbox_id')
const ofCampaign = (columns: Record<string, unknown>) => set('campaign', columns, (mail) => mail.campaign ?? 0)
const ofCampaignGate = (columns: Record<string, unknown>) =>
  set('campaign_gate', columns, (mail) => mail.campaign ?? 0, 'campaign_id')
const suppress = (value: string) => () => sql('insert into goniec.suppression (value) values ($1)', value)
const unsuppress = () => sql('delete from goniec.suppression')
const takenByAnother = (day: string) => async (mail: Mail) =>
  sql('insert into goniec.lead_day values ($1, $2, $3)', mail.lead, day, await here.world.campaign())
const notTaken = () => sql('delete from goniec.lead_day')

const minute = 60_000
const conditions: Record<string, Condition> = {
  'a slot that is not due yet': {
    mail: { dueInMs: 1 },
    holds: async () => undefined,
    ends: ofMessage({ scheduled_at: NOON }),
  },
  'a slot older than the grace: it is missed': {
    mail: { dueInMs: -5 * minute - 1 },
    holds: async () => undefined,
    ends: ofMessage({ scheduled_at: NOON.subtract({ minutes: 5 }) }),
  },
  'a window that closes at this instant': {
    mail: { closesInMs: 0 },
    holds: async () => undefined,
    ends: ofMessage({ window_closes_at: NOON.add({ milliseconds: 1 }) }),
  },
  'a message that is set aside': {
    holds: ofMessage({ held_reason: 'broken' }),
    ends: ofMessage({ held_reason: null }),
  },
  'newer settings of the campaign': {
    holds: ofCampaign({ version: 2 }),
    ends: ofMessage({ planned_campaign_version: 2 }),
  },
  'newer settings of the mailbox': {
    holds: ofMailbox({ version: 2 }),
    ends: ofMessage({ planned_mailbox_version: 2 }),
  },
  'a paused campaign': { holds: ofCampaign({ status: 'paused' }), ends: ofCampaign({ status: 'running' }) },
  'a campaign whose shortest delay since its last claim is not over': {
    holds: async (mail) => {
      await ofCampaign({ delay_ms: 90_000, jitter: 0.2 })(mail)
      await ofCampaignGate({ last_claim_at: NOON.subtract({ milliseconds: 71_999 }) })(mail)
    },
    ends: ofCampaignGate({ last_claim_at: NOON.subtract({ seconds: 72 }) }),
  },
  'a campaign whose shortest delay since its last fence is not over': {
    holds: async (mail) => {
      await ofCampaign({ delay_ms: 90_000, jitter: 0.2 })(mail)
      const gate = {
        last_claim_at: NOON.subtract({ hours: 1 }),
        last_fence_at: NOON.subtract({ milliseconds: 71_999 }),
      }
      await ofCampaignGate(gate)(mail)
    },
    ends: ofCampaignGate({ last_fence_at: NOON.subtract({ seconds: 72 }) }),
  },
  'a paused mailbox': { holds: ofMailbox({ status: 'paused' }), ends: ofMailbox({ status: 'active' }) },
  'a broken mailbox': {
    holds: ofMailbox({ status: 'broken', status_reason: '535' }),
    ends: ofMailbox({ status: 'active', status_reason: null }),
  },
  'a mailbox whose minimum gap is not over': {
    holds: async (mail) => {
      await ofMailbox({ min_gap_ms: 60_000 })(mail)
      await ofMailboxGate({ last_fence_at: NOON.subtract({ milliseconds: 59_999 }) })(mail)
    },
    ends: ofMailboxGate({ last_fence_at: NOON.subtract({ seconds: 60 }) }),
  },
  'a mailbox that backs off, or may still have a vanished worker on its wire': {
    holds: ofMailboxGate({ free_from: NOON.add({ milliseconds: 1 }) }),
    ends: ofMailboxGate({ free_from: NOON }),
  },
  'a mailbox that another program occupies': {
    holds: (mail) => sql(`select goniec.take_slot(address, 'warmup') from goniec.mailbox where id = $1`, mail.mailbox),
    ends: () => sql('select goniec.release_slot(id) from goniec.attempt'),
  },
  'a blocked lead': { holds: ofLead({ blocked_at: NOON }), ends: ofLead({ blocked_at: null }) },
  'an unsubscribed lead': { holds: ofLead({ unsubscribed_at: NOON }), ends: ofLead({ unsubscribed_at: null }) },
  'a bounced lead': { holds: ofLead({ bounced_at: NOON }), ends: ofLead({ bounced_at: null }) },
  'a lead who has replied': { holds: ofLead({ replied_at: NOON }), ends: ofLead({ replied_at: null }) },
  'a suppressed address': {
    holds: (mail) =>
      sql('insert into goniec.suppression (value) select email from goniec.lead where id = $1', mail.lead),
    ends: unsuppress,
  },
  'a suppressed domain': { holds: suppress('klient.example'), ends: unsuppress },
  'a suppressed domain above it': {
    email: 'jan@biuro.wielki.example',
    holds: suppress('wielki.example'),
    ends: unsuppress,
  },
  'a suppressed address, though its lead has another one now': {
    holds: async (mail) => {
      await sql('insert into goniec.suppression (value) select recipient from goniec.message where id = $1', mail.id)
      await ofLead({ email: 'new@klient.example' })(mail)
    },
    ends: unsuppress,
  },
  'another campaign that took the lead today': {
    holds: async (mail) => {
      await ofCampaign({ contact_gap_days: 1 })(mail)
      await takenByAnother('2026-12-01')(mail)
    },
    ends: notTaken,
  },
  'another campaign that took the lead within a longer contact gap': {
    holds: async (mail) => {
      await ofCampaign({ contact_gap_days: 3 })(mail)
      await takenByAnother('2026-11-29')(mail)
    },
    ends: ofCampaign({ contact_gap_days: 2 }),
  },
  'a mailbox without room today': {
    holds: () => sql('update goniec.mailbox_day set daily_limit = 3, warmup_taken = 2, response_taken = 1'),
    ends: () => sql('update goniec.mailbox_day set daily_limit = 4'),
  },
  'a warming mailbox whose campaign allowance is used up': {
    holds: () => sql('update goniec.mailbox_day set campaign_limit = 3, campaign_taken = 3'),
    ends: () => sql('update goniec.mailbox_day set campaign_limit = 4'),
  },
  'a campaign without room today': {
    holds: () => sql('update goniec.campaign_day set daily_limit = 3, taken = 3'),
    ends: () => sql('update goniec.campaign_day set daily_limit = null'),
  },
  'a salesperson without room today': {
    holds: () => sql('update goniec.salesperson_day set daily_limit = 3, taken = 3'),
    ends: () => sql('update goniec.salesperson_day set daily_limit = 4'),
  },
  'a day row of the mailbox that was not made yet': {
    holds: () => sql('delete from goniec.mailbox_day'),
    ends: () => here.world.makeDayRows(),
  },
  'a day row of the campaign that was not made yet': {
    holds: () => sql('delete from goniec.campaign_day'),
    ends: () => here.world.makeDayRows(),
  },
  'a day row of the salesperson that was not made yet': {
    holds: () => sql('delete from goniec.salesperson_day'),
    ends: () => here.world.makeDayRows(),
  },
  'a paused salesperson': {
    holds: () => sql('update goniec.salesperson set paused_at = goniec.now()'),
    ends: () => sql('update goniec.salesperson set paused_at = null'),
  },
  'the emergency brake': {
    holds: () => sql('update goniec.installation set paused_at = goniec.now()'),
    ends: () => sql('update goniec.installation set paused_at = null'),
  },
  'a worker whose life is over': {
    holds: () => sql('update goniec.incarnation set ended_at = goniec.now()'),
    ends: () => sql('update goniec.incarnation set ended_at = null'),
  },
}

test.each(Object.entries(conditions))('a mail is not claimed, and is once that ends: %s', async (_, condition) => {
  const lead = await here.world.lead(condition.email ? { email: condition.email } : {})
  const mail = await here.world.mail({ lead, ...condition.mail })
  await condition.holds(mail)
  expect(await claim(here.session, here.worker)).toMatchObject({ status: 'nothing', messages: [] })
  await condition.ends(mail)
  expect(await claim(here.session, here.worker)).toMatchObject({ status: 'claimed', messages: [mail.id] })
})

for (const state of ['accepted', 'in_doubt', 'transmitting', 'claimed']) {
  test(`a mail beside an attempt of it that is ${state} is not claimed, whatever its own state says`, async () => {
    const mail = await here.world.mail()
    const elsewhere = await here.world.mailbox()
    await here.asHistory(() =>
      here.session.query(
        `insert into goniec.attempt (message_id, mailbox_id, kind, salesperson_id, state, lease_until, deadline_at, mailbox_day, claimed_at)
         select $1, $2, 'campaign', salesperson_id, $3, now(), now(), '2026-12-01', now() from goniec.mailbox where id = $2`,
        [mail.id, elsewhere, state],
      ),
    )
    expect(await claim(here.session, here.worker)).toMatchObject({ status: 'nothing' })
    expect(await here.world.row('message', mail.id)).toMatchObject({ status: 'pending', held_reason: null })
  })
}

test.each(['draft', 'scheduled', 'completed', 'cancelled'])(
  'a mail of a campaign that is %s is not claimed',
  async (status) => {
    await here.world.campaign({ status })
    await here.world.mail()
    expect(await claim(here.session, here.worker)).toMatchObject({ status: 'nothing' })
  },
)

test('a response is not held by its campaign: paused, full, too early, replied to, and the lead taken by another', async () => {
  const campaign = await here.world.campaign({ status: 'paused', delay_ms: 90_000, contact_gap_days: 7 })
  await here.world.update('campaign_gate', campaign, { last_claim_at: NOON }, 'campaign_id')
  const lead = await here.world.lead({ replied_at: NOON })
  const mail = await here.world.mail({ kind: 'response', campaign, lead })
  await sql('insert into goniec.lead_day values ($1, $2, $3)', lead, '2026-12-01', await here.world.campaign())
  expect(await claim(here.session, here.worker)).toMatchObject({ messages: [mail.id] })
})

test('a warm-up mail is held by its own allowance, and by no salesperson’s limit', async () => {
  await here.world.salesperson({ daily_limit: 0 })
  await here.world.mailbox()
  const mail = await here.world.mail({ kind: 'warmup', lead: null })
  await sql('update goniec.mailbox_day set warmup_limit = 2, warmup_taken = 2')
  expect(await claim(here.session, here.worker)).toMatchObject({ status: 'nothing' })
  await sql('update goniec.mailbox_day set warmup_limit = 3')
  expect(await claim(here.session, here.worker)).toMatchObject({ messages: [mail.id] })
})

test('a claim writes down everything that the fence and the settlement need', async () => {
  const mail = await here.world.mail()
  const { attempts } = await claim(here.session, here.worker)
  expect(await here.world.row('message', mail.id)).toMatchObject({ status: 'sending' })
  expect(await here.world.row('attempt', attempts[0] ?? 0)).toMatchObject({
    message_id: mail.id,
    mailbox_id: mail.mailbox,
    campaign_id: mail.campaign,
    lead_id: mail.lead,
    incarnation_id: here.worker,
    state: 'claimed',
    kind: 'campaign',
    claimed_at: NOON,
    lease_until: NOON.add({ minutes: 3 }),
    deadline_at: NOON.add({ minutes: 2 }),
    mailbox_day: '2026-12-01',
    campaign_day: '2026-12-01',
    campaign_version: 1,
    mailbox_version: 1,
    holds_capacity: true,
  })
  expect((await here.session.query('select lead_id, day, campaign_id from goniec.lead_day')).rows).toEqual([
    { lead_id: mail.lead, day: '2026-12-01', campaign_id: mail.campaign },
  ])
})
