/**
 * Everybody at once, in any order: nobody deadlocks, nobody errs, and afterwards every number tallies. RACE_SEED replays the choices of
 * a run (not its timing); RACE_TURNS makes a longer one.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { audit } from '../../src/reports/audit/audit.ts'
import { CHECKS } from '../../src/reports/audit/checks.ts'
import { messageOf } from '../../src/errors.ts'
import { Temporal, toJsonTime, type Instant } from '../../src/time.ts'
import { recover } from '../support/protocol.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { World } from '../support/world.ts'
import { ACTORS, type Chance, type Notes } from './actors.ts'

const seed = Number(process.env['RACE_SEED'] ?? Date.now() % 0x7fff_ffff)
const turns = Number(process.env['RACE_TURNS'] ?? 25)

/** Who acts at the same time: so many at once, each a turn in so many turns of workers. */
const CAST: Record<string, { times?: number; every: number }> = {
  recovery: { every: 3 },
  plan: { every: 1 },
  'day rows': { every: 5 },
  apply: { every: 40 },
  'domain limits': { every: 20 },
  resume: { every: 10 },
  'resume after refusals': { every: 8 },
  pause: { every: 15 },
  block: { every: 15 },
  suppress: { every: 30 },
  import: { every: 10 },
  slots: { every: 3 },
  'slots in a transaction': { times: 2, every: 5 },
  'sends in a transaction': { times: 2, every: 20 },
  response: { every: 10 },
  doubts: { every: 5 },
  completion: { every: 10 },
  cancellation: { every: 60 },
}
const WORKERS = 4

let database: TestDatabase
const notes: Notes = { closed: [], errors: [], turns: new Map() }

beforeAll(async () => {
  database = await createTestDatabase()
  // Sooner than any of our own waits gives up: a circle is found as one, not broken by a time-out.
  await database.query(`alter database ${database.name} set deadlock_timeout = '10ms'`)
  await populate()
  const dead: number[] = []
  const beat = new Beat()
  const others = Object.entries(CAST).flatMap(([name, { times = 1, every }]) =>
    Array.from({ length: times }, (_, index) =>
      act(name, { chance: chanceFrom(seed + index + every), dead, beat, every }),
    ),
  )
  await Promise.all(
    Array.from({ length: WORKERS }, (_, index) => work({ chance: chanceFrom(seed - index), dead, beat })),
  )
  beat.end()
  await Promise.all(others)
  await recover(database.pool, null, { gone: dead })
  await database.query(`update goniec.attempt set lease_until = goniec.now() where state = 'claimed'`)
  await recover(database.pool, null, { gone: dead })
}, 300_000)

async function populate(): Promise<void> {
  const world = new World(database.pool, Temporal.Now.instant())
  for (const limit of [null, 700]) {
    await world.salesperson({ daily_limit: limit })
    for (let n = 0; n < 4; n += 1) await world.mailbox({ daily_limit: 150, min_gap_ms: n === 0 ? 20 : 0 })
    for (let n = 0; n < 2; n += 1)
      await world.campaign({
        steps: ['intro', 'reminder'],
        delay_ms: n === 0 ? 10 : 0,
        daily_limit: 300,
        contact_gap_days: n,
      })
  }
  for (let n = 0; n < 200; n += 1) await world.lead(n % 4 === 0 ? { email: `lead-${n}@poczta.example` } : {})
  await database.query('update goniec.installation set refusal_least = 8, refusal_last = 30')
  await database.query(
    `insert into goniec.domain_limit values ('*', null, 5000), ('klient.example', 150, null), ('poczta.example', 20, 15)`,
  )
  for (let lead = 1; lead <= 200; lead += 1)
    await world.mail({ lead, campaign: 1 + (lead % 4), mailbox: 1 + (lead % 8) })
}

interface Acting {
  chance: Chance
  dead: number[]
  beat: Beat
}

/** A worker, until it has had so many turns with work in them; or a bound, should there be none. */
async function work({ beat, ...acting }: Acting): Promise<void> {
  const turn = await turnOf('worker', acting)
  let worked = 0
  for (let n = 0; n < turns * 40 && worked < turns; n += 1) {
    if (await turn()) worked += 1
    beat.tick()
  }
}

/** Anybody else, as long as there are workers. */
async function act(name: string, { beat, every, ...acting }: Acting & { every: number }): Promise<void> {
  const turn = await turnOf(name, acting)
  while (await beat.after(every)) await turn()
}

async function turnOf(name: string, { chance, dead }: Omit<Acting, 'beat'>): Promise<() => Promise<boolean>> {
  const mailboxes = await database.query<{ address: string }>('select address from goniec.mailbox order by id')
  const act = ACTORS[name]?.({
    session: await database.session(),
    chance,
    notes,
    mailboxes: mailboxes.map(({ address }) => address),
    campaigns: [1, 2, 3, 4],
    dead,
  })
  return async () => {
    try {
      const worked = await act?.()
      notes.turns.set(name, (notes.turns.get(name) ?? 0) + 1)
      return worked === true
    } catch (error) {
      notes.errors.push(`${name}: ${messageOf(error)}`)
      return true
    }
  }
}

/** Counts the workers' turns; the others keep in step with it. */
class Beat {
  #count = 0
  #ended = false
  #waiting: { at: number; resolve: (goesOn: boolean) => void }[] = []

  tick(): void {
    this.#count += 1
    const due = this.#waiting.filter(({ at }) => at <= this.#count)
    this.#waiting = this.#waiting.filter(({ at }) => at > this.#count)
    for (const { resolve } of due) resolve(true)
  }

  /** After so many more turns: whether it goes on. */
  after(turns: number): Promise<boolean> {
    if (this.#ended) return Promise.resolve(false)
    return new Promise((resolve) => this.#waiting.push({ at: this.#count + turns, resolve }))
  }

  end(): void {
    this.#ended = true
    for (const { resolve } of this.#waiting) resolve(false)
  }
}

/** mulberry32: small, and the same everywhere. */
function chanceFrom(start: number): Chance {
  let state = start >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below)
  }
}

test(`nobody deadlocks, and nobody errs (RACE_SEED=${seed})`, () => {
  expect(notes.errors).toEqual([])
  expect([...notes.turns.keys()].sort()).toEqual(['worker', ...Object.keys(CAST)].sort())
})

test('work was done meanwhile: mails were sent, refused, doubted, slots taken', async () => {
  const [row] = await database.query<{ accepted: number; other: number; slots: number }>(
    `select count(*) filter (where state = 'accepted' and message_id is not null)::int as accepted,
            count(*) filter (where state in ('deferred', 'rejected', 'aborted'))::int as other,
            count(*) filter (where message_id is null)::int as slots
     from goniec.attempt`,
  )
  expect(row?.accepted).toBeGreaterThan(20)
  expect(row?.other).toBeGreaterThan(10)
  expect(row?.slots).toBeGreaterThan(10)
})

test('nothing passed the fence after a pause, a block or a suppression had returned', async () => {
  const passed = await database.query<{ campaign_id: number; lead_id: number; at: Instant }>(
    `select a.campaign_id, a.lead_id, a.transmitting_at as at from goniec.attempt a where a.transmitting_at is not null and a.message_id is not null`,
  )
  const after = notes.closed.flatMap(({ what, id, from, until }) =>
    passed
      .filter((attempt) => (what === 'campaign' ? attempt.campaign_id : attempt.lead_id) === id)
      .filter(
        ({ at }) =>
          Temporal.Instant.compare(at, from) > 0 && (until === null || Temporal.Instant.compare(at, until) < 0),
      )
      .map(({ at }) => `${what} ${id} closed at ${toJsonTime(from)}, passed at ${toJsonTime(at)}`),
  )
  // So many on a machine that is as busy as can be; on an idle one there are a hundred.
  expect(notes.closed.length).toBeGreaterThan(10)
  expect(after).toEqual([])
})

/** Each finds the rows that should not be there. */
const violations: Record<string, string> = {
  'a message whose state and attempts disagree': `
    select m.id, m.status, array_agg(a.state)
    from goniec.message m left join goniec.attempt a on a.message_id = m.id
    group by m.id
    having m.status is distinct from coalesce(max(case when a.state in ('claimed', 'transmitting') then 'sending' when a.state = 'accepted' then 'sent' when a.state = 'in_doubt' then 'in_doubt' end),
                                              case when m.status in ('pending', 'failed', 'cancelled') then m.status end)`,
  'a mail accepted twice': `
    select message_id from goniec.attempt where state = 'accepted' and message_id is not null group by 1 having count(*) > 1`,
  'a mailbox’s day that counts other than what was taken': `
    select d.mailbox_id, d.day, k.kind, k.counted, k.held
    from goniec.mailbox_day d
    cross join lateral (
      select kind, counted, (select count(*) from goniec.attempt a where a.mailbox_id = d.mailbox_id and a.mailbox_day = d.day and a.kind = taken.kind and a.holds_capacity)
        + (select count(*) from goniec.event e where e.type = 'external_send' and e.mailbox_id = d.mailbox_id and e.data ->> 'kind' = taken.kind
             and ((e.data ->> 'sent_at')::timestamptz at time zone 'Europe/Warsaw')::date = d.day) as held
      from (values ('campaign', d.campaign_taken), ('warmup', d.warmup_taken), ('response', d.response_taken)) as taken (kind, counted)) k
    where k.counted <> k.held`,
  'a campaign’s day that counts other than what was taken': `
    select d.* from goniec.campaign_day d
    where d.taken <> (select count(*) from goniec.attempt a where a.campaign_id = d.campaign_id and a.campaign_day = d.day and a.holds_capacity)`,
  'a salesperson’s day that counts other than what was taken': `
    select d.* from goniec.salesperson_day d
    where d.taken <> (select count(*) from goniec.attempt a where a.salesperson_id = d.salesperson_id and a.mailbox_day = d.day and a.holds_capacity
                        and a.message_id is not null and a.kind <> 'warmup')`,
  'a domain’s day that counts other than what was taken': `
    select d.* from goniec.domain_day d
    where d.taken <> (select count(*) from goniec.attempt a join goniec.message m on m.id = a.message_id
                      where goniec.domain_of(m.recipient) = d.domain and a.mailbox_day = d.day and a.domain_hour is not null and a.holds_capacity)`,
  'a domain’s hour that counts other than what was taken': `
    select d.* from goniec.domain_hour d
    where d.taken <> (select count(*) from goniec.attempt a join goniec.message m on m.id = a.message_id
                      where goniec.domain_of(m.recipient) = d.domain and a.domain_hour = d.hour and a.holds_capacity)`,
  'a campaign mail to a limited domain that was counted nowhere, or fenced in another hour': `
    select a.id from goniec.attempt a
    where a.kind = 'campaign' and a.message_id is not null
      and (a.domain_hour is null or goniec.hour_of(a.transmitting_at) <> a.domain_hour)`,
  'a contact that no attempt holds, or an attempt without its contact': `
    select lead_id, mailbox_day as day, campaign_id from goniec.attempt where kind = 'campaign' and message_id is not null and holds_capacity
    except select lead_id, day, campaign_id from goniec.lead_day
    union all
    (select lead_id, day, campaign_id from goniec.lead_day
     except select lead_id, mailbox_day, campaign_id from goniec.attempt where kind = 'campaign' and message_id is not null and holds_capacity)`,
  'two mails of a campaign closer than its shortest delay': `
    select campaign_id, gap from (
      select a.campaign_id, c.shortest_delay_ms * interval '1 ms' as least, a.transmitting_at - lag(a.transmitting_at) over (partition by a.campaign_id order by a.transmitting_at) as gap
      from goniec.attempt a join goniec.campaign c on c.id = a.campaign_id where a.transmitting_at is not null) as gaps
    where gap < least`,
  'a mail of a mailbox sooner than its gap after the one before': `
    select mailbox_id, gap from (
      select a.mailbox_id, a.message_id, b.min_gap_ms * interval '1 ms' as least, a.transmitting_at - lag(a.transmitting_at) over (partition by a.mailbox_id order by a.transmitting_at) as gap
      from goniec.attempt a join goniec.mailbox b on b.id = a.mailbox_id where a.transmitting_at is not null) as gaps
    where gap < least and message_id is not null`,
  'a completed campaign with open mails': `
    select c.id from goniec.campaign c join goniec.message m on m.campaign_id = c.id and m.kind = 'campaign'
    where c.status = 'completed' and m.status in ('pending', 'sending', 'in_doubt')`,
  'a step that follows none': `
    select m.id from goniec.message m
    where m.step_key = 'reminder' and not exists (
      select from goniec.message first where first.campaign_id = m.campaign_id and first.lead_id = m.lead_id and first.step_key = 'intro' and first.status = 'sent')`,
  'unfinished business': `select id from goniec.attempt where (give_back and holds_capacity) or bounce_due`,
}

describe('afterwards there is no', () => {
  test.each(Object.entries(violations))('%s', async (_, text) => {
    expect(await database.query(text)).toEqual([])
  })
})

/** Whose plan is the actors' own: they lay slots when they like, and write limits as apply does, but without its record. */
const PLANNED =
  /^(slots?-|no-coming-day|first-plans|every-move|nothing-of-today|no-mail-before|the-wait|mails-left-within|the-limits-of)/

test('the audit finds nothing wrong, but for what the actors plan themselves', async () => {
  const only = CHECKS.map(({ name }) => name).filter((name) => !PLANNED.test(name))
  const results = await audit(database, { only, rows: 3 })
  expect(results.filter(({ ok }) => !ok)).toEqual([])
})
