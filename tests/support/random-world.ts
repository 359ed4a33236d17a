/**
 * Random worlds for fast-check: small ones, in which most things are as usual and some stand in the way, with instants at and beside
 * the edges (a delay just over, a slot just missed, a window that closes now).
 */
import * as fc from 'fast-check'
import type { Instant } from '../../src/time.ts'
import { NOON, type Sql, type World } from './world.ts'

const mostly = <T>(usual: T, ...others: T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 10, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(usual, ...others) })
/** What several mailboxes compete for. */
const scarce = fc.constantFrom<number | null>(null, null, null, 3, 2, 1, 0)
const msAgo = mostly<number | null>(null, 0, 10_000, 71_999, 72_000, 200_000)

const salespeople = fc.array(fc.record({ room: scarce, paused: mostly(false, true) }), {
  minLength: 1,
  maxLength: 2,
})
const mailboxes = fc.array(
  fc.record({
    owner: fc.nat(1),
    status: mostly('active', 'paused', 'broken'),
    version: mostly(1, 2),
    minGapMs: mostly(0, 60_000),
    fencedMsAgo: msAgo,
    freeInMs: mostly<number | null>(null, -1, 0, 1, 30_000),
    room: mostly(3, 0, 1),
    campaignRoom: mostly<number | null>(null, 0, 1),
    warmupRoom: mostly<number | null>(null, 0, 1),
    occupied: mostly(false, true),
  }),
  { minLength: 1, maxLength: 5 },
)
const campaigns = fc.array(
  fc.record({
    owner: fc.nat(1),
    status: mostly('running', 'paused', 'scheduled'),
    zone: mostly('Europe/Warsaw', 'Pacific/Kiritimati', 'America/Los_Angeles'),
    version: mostly(1, 2),
    delayMs: mostly(0, 90_000),
    claimedMsAgo: msAgo,
    fencedMsAgo: msAgo,
    room: scarce,
    gapDays: mostly(1, 0, 2),
  }),
  { minLength: 1, maxLength: 3 },
)
const leads = fc.array(
  fc.record({
    mark: mostly<string | null>(null, 'blocked_at', 'replied_at', 'unsubscribed_at', 'bounced_at'),
    domain: mostly('klient.example', 'biuro.klient.example', 'inny.example'),
  }),
  { minLength: 1, maxLength: 6 },
)
const mails = fc.array(
  fc.record({
    kind: mostly<'campaign' | 'response' | 'warmup'>('campaign', 'response', 'warmup'),
    campaign: fc.nat(2),
    mailbox: fc.nat(4),
    lead: fc.nat(5),
    dueInMs: fc.oneof(fc.constantFrom(-300_001, -300_000, 0, 1, 45_000), fc.integer({ min: -299_000, max: 0 })),
    closesInMs: mostly(3_600_000, 1, 0),
    stale: mostly(false, true),
    held: mostly(false, true),
  }),
  { minLength: 1, maxLength: 14 },
)
/** What a world is made of. */
export const worlds = fc.record({
  salespeople,
  mailboxes,
  campaigns,
  leads,
  mails,
  /** By domain: its limits, and whether its counters of today and of this hour are there. */
  domains: fc.constantFrom<DomainPlan[]>(
    [],
    [],
    [{ domain: '*', aDay: 1, anHour: null, missing: null }],
    [{ domain: 'klient.example', aDay: 0, anHour: null, missing: null }],
    [{ domain: 'klient.example', aDay: 2, anHour: 1, missing: null }],
    [
      { domain: '*', aDay: null, anHour: 2, missing: null },
      { domain: 'klient.example', aDay: null, anHour: null, missing: 'day' },
    ],
    [
      { domain: '*', aDay: 1, anHour: null, missing: 'hour' },
      { domain: 'klient.example', aDay: 2, anHour: 2, missing: null },
    ],
    [{ domain: 'klient.example', aDay: 3, anHour: 3, missing: 'day' }],
  ),
  suppressed: mostly<string | null>(null, 'klient.example', 'biuro.klient.example', 'lead-0@klient.example'),
  taken: fc.array(
    fc.record({ lead: fc.nat(5), campaign: fc.nat(2), day: fc.constantFrom('2026-12-01', '2026-11-30') }),
    {
      maxLength: 2,
    },
  ),
  braked: mostly(false, false, false, true),
  batch: fc.constantFrom(1, 2, 50),
  later: fc.integer({ min: 1, max: 119_000 }),
})
interface DomainPlan {
  domain: string
  aDay: number | null
  anHour: number | null
  missing: 'day' | 'hour' | null
}
export type WorldPlan = typeof worlds extends fc.Arbitrary<infer T> ? T : never

/** Makes the rows. Rooms are what the day rows say, whatever the settings are. */
export async function buildWorld(world: World, plan: WorldPlan): Promise<void> {
  const owners = await each(plan.salespeople, (owner, index) =>
    world.insert('salesperson', { email: `s-${index}@firma.example`, paused_at: owner.paused ? NOON : null }),
  )
  const boxes = await each(plan.mailboxes, (box, index) => buildMailbox(world, box, index, pick(owners, box.owner)))
  const runs = await each(plan.campaigns, (run, index) => buildCampaign(world, run, index, pick(owners, run.owner)))
  const people = await each(plan.leads, ({ mark, domain }, index) =>
    world.insert('lead', { email: `lead-${index}@${domain}`, ...(mark ? { [mark]: NOON } : {}) }),
  )
  await world.makeDayRows()
  await limitDomains(world.sql, plan)
  await setRooms(world.sql, plan, { owners, boxes, runs })
  await each(plan.mails, (mail, index) => buildMail(world, mail, index, { boxes, runs, people, plan }))
  if (plan.suppressed) await world.sql.query('insert into goniec.suppression (value) values ($1)', [plan.suppressed])
  for (const { lead, campaign, day } of plan.taken) {
    await world.sql.query('insert into goniec.lead_day values ($1, $2, $3) on conflict do nothing', [
      pick(people, lead),
      day,
      pick(runs, campaign),
    ])
  }
  if (plan.braked) await world.sql.query('update goniec.installation set paused_at = $1', [NOON])
}

async function buildMailbox(
  world: World,
  box: WorldPlan['mailboxes'][number],
  index: number,
  owner: number,
): Promise<number> {
  const id = await world.insert('mailbox', {
    address: `box-${index}@firma.example`,
    salesperson_id: owner,
    status: box.status,
    status_reason: 'x',
    version: box.version,
    min_gap_ms: box.minGapMs,
    smtp_host: 'x',
    smtp_port: 25,
    smtp_security: 'none',
  })
  const gate = {
    mailbox_id: id,
    last_fence_at: ago(box.fencedMsAgo),
    free_from: box.freeInMs === null ? null : ago(-box.freeInMs),
  }
  await world.insert('mailbox_gate', gate, 'mailbox_id')
  if (box.occupied) {
    await world.insert('attempt', {
      mailbox_id: id,
      kind: 'warmup',
      salesperson_id: owner,
      lease_until: NOON,
      deadline_at: NOON,
      mailbox_day: '2026-12-01',
      claimed_at: NOON,
    })
  }
  return id
}

async function buildCampaign(
  world: World,
  run: WorldPlan['campaigns'][number],
  index: number,
  owner: number,
): Promise<number> {
  const id = await world.insert('campaign', {
    name: `campaign-${index}`,
    salesperson_id: owner,
    status: run.status,
    timezone: run.zone,
    version: run.version,
    delay_ms: run.delayMs,
    contact_gap_days: run.gapDays,
  })
  await world.insert('step', { campaign_id: id, position: 1, key: 'intro', keyed: true })
  const gate = { campaign_id: id, last_claim_at: ago(run.claimedMsAgo), last_fence_at: ago(run.fencedMsAgo) }
  await world.insert('campaign_gate', gate, 'campaign_id')
  return id
}

/** Every counter has had one mail already. */
async function limitDomains(sql: Sql, { domains }: WorldPlan): Promise<void> {
  for (const { domain, aDay, anHour } of domains)
    await sql.query('insert into goniec.domain_limit values ($1, $2, $3)', [
      domain,
      aDay === null ? null : aDay + 1,
      anHour === null ? null : anHour + 1,
    ])
  const known = ['klient.example', 'biuro.klient.example', 'inny.example']
  await sql.query('select goniec.make_domain_rows($1, $2)', [known, known.map(() => NOON)])
  await sql.query('update goniec.domain_day set taken = least(1, daily_limit)')
  await sql.query('update goniec.domain_hour set taken = least(1, hourly_limit)')
  for (const { domain, missing } of domains)
    if (missing) await sql.query(`delete from goniec.domain_${missing} where domain = $1 or $1 = '*'`, [domain])
}

async function setRooms(
  sql: Sql,
  plan: WorldPlan,
  { owners, boxes, runs }: { owners: number[]; boxes: number[]; runs: number[] },
): Promise<void> {
  for (const [index, { room }] of plan.salespeople.entries())
    await sql.query('update goniec.salesperson_day set taken = 5, daily_limit = 5 + $2 where salesperson_id = $1', [
      owners[index],
      room,
    ])
  for (const [index, { room, campaignRoom, warmupRoom }] of plan.mailboxes.entries())
    await sql.query(
      `update goniec.mailbox_day set campaign_taken = 2, warmup_taken = 2, response_taken = 1, daily_limit = 5 + $2,
         campaign_limit = 2 + $3, warmup_limit = 2 + $4 where mailbox_id = $1`,
      [boxes[index], room, campaignRoom, warmupRoom],
    )
  for (const [index, { room }] of plan.campaigns.entries())
    await sql.query('update goniec.campaign_day set taken = 5, daily_limit = 5 + $2 where campaign_id = $1', [
      runs[index],
      room,
    ])
}

interface Built {
  boxes: number[]
  runs: number[]
  people: number[]
  plan: WorldPlan
}

async function buildMail(world: World, mail: WorldPlan['mails'][number], index: number, built: Built): Promise<void> {
  const lead = pick(built.people, mail.lead)
  const campaign = pick(built.runs, mail.campaign)
  const mailbox = pick(built.boxes, mail.mailbox)
  const taken = await world.value('select id from goniec.message where campaign_id = $1 and lead_id = $2', [
    campaign,
    lead,
  ])
  // One message per campaign, lead and step; one response per lead and day.
  const kind = mail.kind !== 'warmup' && taken !== undefined ? 'warmup' : mail.kind
  await world.mail({
    kind,
    mailbox,
    ...(kind === 'campaign' ? { campaign } : {}),
    lead: kind === 'warmup' ? null : lead,
    dueInMs: mail.dueInMs,
    closesInMs: Math.max(mail.closesInMs, mail.dueInMs + 1),
    columns: {
      held_reason: mail.held ? 'held' : null,
      ...(mail.stale ? { planned_mailbox_version: 0 } : {}),
      ...(kind === 'response' ? { campaign_id: campaign, idempotency_key: `response-${index}`, again: true } : {}),
    },
  })
}

function ago(ms: number | null): Instant | null {
  return ms === null ? null : NOON.subtract({ milliseconds: ms })
}

function pick<T>(from: T[], index: number): T {
  return from[index % from.length] as T
}

async function each<T, R>(items: T[], work: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (const [index, item] of items.entries()) results.push(await work(item, index))
  return results
}
