import { expect, test } from 'vitest'
import { readQueue } from '../../src/reports/queue.ts'
import { claim } from '../support/protocol.ts'
import { worldForEachTest } from '../support/rolled-back.ts'
import { NOON, type Mail, type MailOptions, type World } from '../support/world.ts'
import { inSession } from './in-session.ts'

const state = worldForEachTest()

type Columns = Record<string, unknown>

interface Case {
  salesperson?: Columns
  mailbox?: Columns
  gate?: Columns
  mailboxDay?: Columns
  campaign?: Columns
  campaignGate?: Columns
  campaignDay?: Columns
  salespersonDay?: Columns
  lead?: Columns
  mail?: MailOptions
  after?: (world: World, mail: Mail) => Promise<unknown>
}

const MINUTE = 60_000
const today = '2026-12-01'

/** The reason of the one mail of a world made of these facts. */
async function reasonIn(facts: Case): Promise<string | null | undefined> {
  const { world, session } = state
  const salesperson = await world.salesperson(facts.salesperson)
  const mailbox = await world.mailbox(facts.mailbox)
  const campaign = await world.campaign(facts.campaign)
  const mail = await world.mail({ lead: await world.lead(facts.lead), ...facts.mail })
  if (facts.gate) await world.update('mailbox_gate', mailbox, facts.gate, 'mailbox_id')
  if (facts.campaignGate) await world.update('campaign_gate', campaign, facts.campaignGate, 'campaign_id')
  for (const [table, owner, id, columns] of [
    ['mailbox_day', 'mailbox_id', mailbox, facts.mailboxDay],
    ['campaign_day', 'campaign_id', campaign, facts.campaignDay],
    ['salesperson_day', 'salesperson_id', salesperson, facts.salespersonDay],
  ] as const) {
    for (const [column, value] of Object.entries(columns ?? {})) {
      await session.query(`update goniec.${table} set ${column} = $1 where ${owner} = $2 and day = $3`, [
        value,
        id,
        today,
      ])
    }
  }
  await facts.after?.(world, mail)
  const mails = []
  for await (const page of readQueue(inSession(session), {
    statuses: ['pending', 'sending', 'failed', 'cancelled', 'sent'],
  }))
    mails.push(...page)
  return mails.find(({ id }) => id === mail.id)?.reason
}

const takenBy = (other: boolean): Case => ({
  campaign: { contact_gap_days: 2 },
  after: async (world, { lead, campaign }) => {
    const by = other ? await world.campaign() : campaign
    await world.insert('lead_day', { lead_id: lead, day: '2026-11-30', campaign_id: by }, 'lead_id')
  },
})
const at = (ms: number): unknown => NOON.add({ milliseconds: ms })

test.each<[string, Case]>([
  ['due', {}],
  ['held', { mail: { columns: { held_reason: 'ten attempts ended' } } }],
  ['salesperson_paused', { salesperson: { paused_at: NOON } }],
  ['all_paused', { after: ({ sql }) => sql.query('update goniec.installation set paused_at = goniec.now()') }],
  ['campaign_paused', { campaign: { status: 'paused' } }],
  ['campaign_scheduled', { campaign: { status: 'scheduled' } }],
  ['lead_blocked', { lead: { blocked_at: NOON } }],
  ['lead_unsubscribed', { lead: { unsubscribed_at: NOON } }],
  ['lead_bounced', { lead: { bounced_at: NOON } }],
  ['lead_replied', { lead: { replied_at: NOON } }],
  ['suppressed', { after: ({ sql }) => sql.query(`insert into goniec.suppression (value) values ('klient.example')`) }],
  ['mailbox_paused', { mailbox: { status: 'paused' } }],
  ['mailbox_broken', { mailbox: { status: 'broken', status_reason: '535' } }],
  ['not_planned', { mail: { dueInMs: null } }],
  ['no_room', { mail: { dueInMs: null, columns: { slot_reason: 'no_room' } } }],
  ['mailbox_paused', { mailbox: { status: 'paused' }, mail: { kind: 'response', dueInMs: null } }],
  ['day_not_prepared', { after: ({ sql }) => sql.query('delete from goniec.mailbox_day') }],
  ['day_not_prepared', { after: ({ sql }) => sql.query('delete from goniec.campaign_day') }],
  ['day_not_prepared', { after: ({ sql }) => sql.query('delete from goniec.salesperson_day') }],
  ['settings_changed', { after: (world, { mailbox }) => world.update('mailbox', mailbox, { version: 2 }) }],
  ['planned', { mail: { dueInMs: MINUTE } }],
  ['priority', { mail: { dueInMs: MINUTE, columns: { slot_reason: 'priority' } } }],
  ['missed', { mail: { dueInMs: -6 * MINUTE } }],
  ['window_closed', { mail: { dueInMs: -2 * MINUTE, closesInMs: -MINUTE } }],
  ['salesperson_limit', { salesperson: { daily_limit: 5 }, salespersonDay: { taken: 5 } }],
  ['campaign_limit', { campaign: { daily_limit: 5 }, campaignDay: { taken: 5 } }],
  ['mailbox_limit', { mailbox: { daily_limit: 5 }, mailboxDay: { response_taken: 5 } }],
  ['warmup_limit', { mailbox: { warmup_started: today }, mailboxDay: { campaign_taken: 5 } }],
  ['mailbox_backoff', { gate: { free_from: at(MINUTE) } }],
  ['mailbox_gap', { mailbox: { min_gap_ms: MINUTE }, gate: { last_fence_at: at(-1000) } }],
  ['campaign_delay', { campaign: { delay_ms: MINUTE }, campaignGate: { last_fence_at: at(-1000) } }],
  [
    'lead_bounced',
    {
      mail: { columns: { slot_reason: 'lead_bounced' } },
      after: (world, { id }) => world.update('message', id, { status: 'cancelled' }),
    },
  ],
  ['failed', { after: (world, { id }) => world.update('message', id, { status: 'failed' }) }],
])('a mail waits for one stated reason: %s', async (reason, facts) => {
  expect(await reasonIn(facts)).toBe(reason)
})

test('the contact gap of another campaign is a reason, the campaign’s own is none', async () => {
  expect(await reasonIn(takenBy(true))).toBe('contact_gap')
  expect(await reasonIn(takenBy(false))).toBe('due')
})

test.each([
  ['domain_limit', '0, null'],
  ['domain_limit', 'null, 0'],
  ['due', '1, 1'],
])('a recipient’s domain that gets no more for now is a reason: %s at %s', async (reason, limits) => {
  const limited: Case = {
    after: async ({ sql }) => {
      await sql.query(`insert into goniec.domain_limit values ('*', ${limits})`)
      await sql.query(`select goniec.make_domain_rows('{klient.example}', array[goniec.now()])`)
    },
  }
  expect(await reasonIn(limited)).toBe(reason)
})

test('a mail under way keeps its mailbox’s other mails waiting', async () => {
  let first: Mail | undefined
  const facts: Case = {
    after: async (world) => {
      first = await world.mail({ dueInMs: -2 * MINUTE })
      await claim(world.sql, state.worker, { batch: 1 })
    },
  }
  expect(await reasonIn(facts)).toBe('mailbox_busy')
  expect(first).toBeDefined()
})

test('a response is not held by its lead’s reply', async () => {
  expect(await reasonIn({ lead: { replied_at: NOON }, mail: { kind: 'response' } })).toBe('due')
})
