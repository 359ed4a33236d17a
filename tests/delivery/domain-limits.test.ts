/** Limits per recipient domain: taken in the claim, held by constraints, given back, and promised for the instant of the fence. */
import { beforeEach, describe, expect, test } from 'vitest'
import { sweepDomainCounters } from '../../src/worker/tasks/tidy.ts'
import { createTestDatabase } from '../support/database.ts'
import { setClock } from '../support/clock.ts'
import { claim, claimOne, fence, settle } from '../support/protocol.ts'
import { worldForEachTest } from '../support/rolled-back.ts'
import { NOON, World } from '../support/world.ts'

const here = worldForEachTest()
const DOMAIN = 'stalmet.example'

beforeEach(async () => {
  await here.world.mailbox()
})

let count = 0

/** A due mail to an address of this domain, each from a mailbox of its own. */
async function mailTo(domain: string, kind: 'campaign' | 'response' = 'campaign', world = here.world): Promise<number> {
  count += 1
  const lead = await world.lead({ email: `lead-${count}@${domain}` })
  const { id } = await world.mail({ lead, kind, mailbox: await world.mailbox(), dueInMs: count - 60_000 })
  return id
}

async function limit(domain: string, aDay: number | null, anHour: number | null, world = here.world): Promise<void> {
  await world.sql.query('insert into goniec.domain_limit values ($1, $2, $3)', [domain, aDay, anHour])
  await world.sql.query('select goniec.make_domain_rows($1, $2)', [[DOMAIN], [NOON]])
}

function taken(): Promise<unknown> {
  return here.world.value(
    `select array[d.taken, h.taken] from goniec.domain_day d join goniec.domain_hour h using (domain) where h.hour = $1 and d.day = '2026-12-01'`,
    [NOON],
  )
}

describe('claim', () => {
  test.each([
    ['a day', [1, null]],
    ['an hour', [null, 1]],
  ] as const)('of two mails of a batch to a domain with one place %s takes one', async (_, [aDay, anHour]) => {
    const first = await mailTo(DOMAIN)
    await mailTo(DOMAIN)
    const other = await mailTo('inny.example')
    await limit(DOMAIN, aDay, anHour)
    expect((await claim(here.session, here.worker)).messages).toEqual([first, other])
    expect((await claim(here.session, here.worker)).messages).toEqual([])
    expect(await taken()).toEqual([1, 1])
    expect(await here.world.value('select count(*)::int from goniec.message where held_reason is not null')).toBe(0)
  })

  test('goes past mails to a domain that is full to the one behind them', async () => {
    const mailbox = await here.world.mailbox()
    for (const domain of [DOMAIN, DOMAIN, 'inny.example']) {
      count += 1
      await here.world.mail({
        mailbox,
        lead: await here.world.lead({ email: `lead-${count}@${domain}` }),
        dueInMs: count - 60_000,
      })
    }
    await limit(DOMAIN, 0, null)
    const { messages } = await claim(here.session, here.worker)
    expect(await here.world.value('select recipient from goniec.message where id = $1', messages)).toMatch(/inny/)
  })

  test('takes nothing to a limited domain whose counters the plan has not made', async () => {
    await mailTo(DOMAIN)
    await here.session.query(`insert into goniec.domain_limit values ('*', 10, null)`)
    expect((await claim(here.session, here.worker)).messages).toEqual([])
  })

  test('counts nothing where no limit holds: for responses, for domains without one, without limits at all', async () => {
    const response = await mailTo(DOMAIN, 'response')
    const other = await mailTo('inny.example')
    await limit(DOMAIN, 0, 0)
    expect((await claim(here.session, here.worker)).messages).toEqual([response, other])
    expect(await here.world.value('select count(*)::int from goniec.attempt where domain_hour is not null')).toBe(0)
  })

  test('wakes at the next full hour for what waits for it', async () => {
    await here.clockAt(59.5 * 60_000)
    await here.session.query(`insert into goniec.domain_limit values ('*', null, 0)`)
    const { id } = await here.world.mail({ dueInMs: 59 * 60_000, closesInMs: 7_200_000 })
    const { nextAt, messages } = await claim(here.session, here.worker)
    expect({ nextAt, messages, id }).toEqual({ nextAt: '2026-12-01T12:00:00+00:00', messages: [], id })
  })

  test('is held to the limits by constraints, whatever is typed', async () => {
    await limit(DOMAIN, 2, 1)
    expect(await here.refusal(() => here.session.query('update goniec.domain_day set taken = 3'))).toMatch(
      /^domain_day_within_limit/,
    )
    expect(await here.refusal(() => here.session.query('update goniec.domain_hour set taken = 2'))).toMatch(
      /^domain_hour_within_limit/,
    )
  })
})

describe('a place', () => {
  test('is given back with the others when nothing was offered, and only then', async () => {
    const message = await mailTo(DOMAIN)
    await limit(DOMAIN, 1, 1)
    const attempt = await claimOne(here.session, here.worker, message)
    await settle(here.session, here.worker, { attempt, outcome: 'aborted', give_back: true, reason: 'retry' })
    expect(await taken()).toEqual([0, 0])
    const second = await mailTo(DOMAIN)
    const refused = await claimOne(here.session, here.worker, second)
    await fence(here.session, here.worker, refused)
    await settle(here.session, here.worker, { attempt: refused, outcome: 'rejected', code: 550 })
    expect(await taken()).toEqual([1, 1])
  })

  test('that is given back under a lowered limit is no room', async () => {
    await limit(DOMAIN, 2, null)
    const [one, two] = [await mailTo(DOMAIN), await mailTo(DOMAIN)]
    const { of } = await claim(here.session, here.worker)
    await here.session.query('update goniec.domain_limit set daily_limit = 1')
    await here.session.query('select goniec.make_day_rows(2)')
    expect(await here.world.value('select daily_limit from goniec.domain_day')).toBe(2)
    await settle(here.session, here.worker, { attempt: of.get(one) ?? 0, outcome: 'aborted', give_back: true })
    expect(await here.world.value('select array[daily_limit, taken] from goniec.domain_day')).toEqual([1, 1])
    expect(two).toBeGreaterThan(one)
  })

  test('whose counters were swept away meanwhile holds up the giving back of nothing else', async () => {
    const message = await mailTo(DOMAIN)
    await limit(DOMAIN, 1, 1)
    const attempt = await claimOne(here.session, here.worker, message)
    await here.session.query('delete from goniec.domain_hour')
    await settle(here.session, here.worker, { attempt, outcome: 'aborted', give_back: true })
    expect(await here.world.row('attempt', attempt)).toMatchObject({ holds_capacity: false })
  })
})

describe('the fence', () => {
  test.each([
    [10, 'hour_changed'],
    [null, 'passed'],
  ])(
    'with a limit of %s an hour tells a mail that was counted in an hour that is over: %s',
    async (anHour, verdict) => {
      await limit('*', 10, anHour)
      await here.clockAt(59 * 60_000)
      await here.session.query('select goniec.make_domain_rows($1, $2)', [[DOMAIN], [NOON.add({ minutes: 59 })]])
      const message = await mailTo(DOMAIN)
      await here.world.update('message', message, {
        scheduled_at: NOON.add({ minutes: 58 }),
        window_closes_at: NOON.add({ hours: 3 }),
      })
      const attempt = await claimOne(here.session, here.worker, message)
      await here.clockAt(60 * 60_000)
      expect(await fence(here.session, here.worker, attempt)).toMatchObject([{ verdict }])
    },
  )

  test('asks no hour of a mail that no limit was counted for', async () => {
    await here.clockAt(59 * 60_000)
    const message = await mailTo(DOMAIN)
    await here.world.update('message', message, {
      scheduled_at: NOON.add({ minutes: 58 }),
      window_closes_at: NOON.add({ hours: 3 }),
    })
    const attempt = await claimOne(here.session, here.worker, message)
    await here.clockAt(60 * 60_000)
    expect(await fence(here.session, here.worker, attempt)).toMatchObject([{ verdict: 'passed' }])
  })
})

test('counters are made for the hour of a slot and for that in which its grace ends', async () => {
  await here.session.query(`insert into goniec.domain_limit values ('*', 5, 2), ('free.example', null, null)`)
  await here.session.query('select goniec.make_domain_rows($1, $2)', [
    [DOMAIN, 'free.example', DOMAIN],
    [NOON.add({ minutes: 57 }), NOON, NOON.add({ minutes: 717 })],
  ])
  const { rows } = await here.session.query(
    `select domain, extract(hour from hour at time zone 'UTC')::int as hour from goniec.domain_hour order by hour`,
  )
  expect(rows.map(({ domain, hour }) => [domain, hour])).toEqual([11, 12, 22, 23].map((hour) => [DOMAIN, hour]))
  expect(await here.world.value('select array_agg(day order by day)::text from goniec.domain_day')).toBe(
    '{2026-12-01,2026-12-02}',
  )
})

test('a counter that another program holds keeps up the mails of its domain, and no others', async () => {
  const database = await createTestDatabase()
  await setClock(database, NOON)
  const world = new World(database.pool)
  const worker = await world.worker()
  await limit('*', 10, 10, world)
  await mailTo(DOMAIN, 'campaign', world)
  const other = await mailTo('inny.example', 'campaign', world)
  await database.query('select goniec.make_domain_rows($1, $2)', [['inny.example'], [NOON]])
  const holder = await database.session()
  await holder.query('begin')
  await holder.query('select from goniec.domain_day where domain = $1 for update', [DOMAIN])
  expect(await claim(database.pool, worker, { batch: 1 })).toMatchObject({
    messages: [other],
    nextAt: '2026-12-01T11:00:01+00:00',
  })
  await holder.query('rollback')
  expect((await claim(database.pool, worker)).messages).toHaveLength(1)
})

test('counters that are over for a week are swept, and no others', async () => {
  const database = await createTestDatabase()
  await setClock(database, NOON)
  await database.query(`insert into goniec.domain_limit values ('*', 5, 5)`)
  await database.query(`select goniec.make_domain_rows('{a.example}', array[goniec.now()])`)
  const worker = await database.session('worker')
  await setClock(database, NOON.add({ hours: 24 * 6 }))
  await sweepDomainCounters({ ...database, query: async (text) => (await worker.query(text)).rows })
  expect(await database.query('select domain from goniec.domain_hour')).toHaveLength(1)
  await setClock(database, NOON.add({ hours: 24 * 9 }))
  await sweepDomainCounters({ ...database, query: async (text) => (await worker.query(text)).rows })
  expect(await database.query('select domain from goniec.domain_hour')).toEqual([])
  expect(await database.query('select domain from goniec.domain_day')).toEqual([])
})
