/** The database and the schedule say the same of each day of a warm-up: what claim lets go is what was planned. */
import { expect, test } from 'vitest'
import { mailboxDayLimits, type WarmupStage } from '../../src/schedule/warmup.ts'
import { createTestDatabase } from '../support/database.ts'
import { World } from '../support/world.ts'

const database = await createTestDatabase()
const session = await database.session()

const stage = (fromDay: number, warmupLimit: number | null, campaignLimit: number | null): WarmupStage => {
  return { fromDay, warmupLimit, campaignLimit }
}

const RAMPS: [what: string, stages: WarmupStage[]][] = [
  ['that ends', [stage(1, 10, 5), stage(8, 20, 10), stage(15, null, null)]],
  ['whose last stage lasts', [stage(1, 10, 5), stage(8, 20, 10)]],
  ['with a week without limits in the middle', [stage(1, 10, 5), stage(8, null, null), stage(15, 30, 20)]],
  ['with one limit only', [stage(1, null, 5), stage(8, 20, null), stage(15, null, null)]],
  ['that begins later', [stage(4, 10, 5), stage(15, null, null)]],
  ['of one stage', [stage(1, null, null)]],
  ['without stages', []],
]

test.each(RAMPS)('of a ramp %s', async (_, stages) => {
  await session.query('begin')
  await session.query('delete from goniec.warmup_stage')
  for (const { fromDay, warmupLimit, campaignLimit } of stages)
    await session.query('insert into goniec.warmup_stage values ($1, $2, $3)', [fromDay, warmupLimit, campaignLimit])
  const world = new World(session)
  for (const daily_limit of [3, 50])
    for (const warmup_daily_limit of [null, 7, 40])
      await world.mailbox({ daily_limit, warmup_daily_limit, warmup_started: '2026-11-30' })
  const { rows } = await session.query(
    `select b.daily_limit, b.warmup_daily_limit, day::text, coalesce(l.campaign_limit, l.daily_limit) as campaign,
            least(l.warmup_limit, l.daily_limit) as warmup
     from goniec.mailbox b cross join (select date '2026-11-28' + n as day from generate_series(0, 30) n) as days
     cross join lateral goniec.mailbox_limits(b, day) l
     order by b.id, day`,
  )
  await session.query('rollback')
  const reckoned = rows.map(({ daily_limit: dailyLimit, warmup_daily_limit: most, day }) => {
    const warmup = { started: '2026-11-30', dailyLimit: most }
    const { campaignLimit, warmupLimit } = mailboxDayLimits({ dailyLimit, warmup }, stages, day)
    return { daily_limit: dailyLimit, warmup_daily_limit: most, day, campaign: campaignLimit, warmup: warmupLimit }
  })
  expect(rows.length).toBe(6 * 31)
  expect(rows).toEqual(reckoned)
})
