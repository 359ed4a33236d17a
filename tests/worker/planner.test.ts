/** The planner's thread: it is there while there is something to plan. */
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { dayNumber, dayText } from '../../src/schedule/days.ts'
import { startLeanThread } from '../../src/worker/lean-thread.ts'
import { Planner, type PlanAnswer, type PlanThreadData } from '../../src/worker/planner.ts'
import { createTestDatabase } from '../support/database.ts'
import { makeFleet } from '../crash/fleet.ts'
import { untilRow } from '../support/until-row.ts'

/** Connections that are only idle are closed later than that. */
const timeout = 25_000

test(
  'after a plan that has changed nothing its thread ends, and the next plan has a new one',
  { timeout },
  async () => {
    const database = await createTestDatabase()
    const planner = new Planner({ url: database.urlAs('worker'), graceMs: 300_000, silenceMs: 30_000 })
    try {
      for (let time = 0; time < 2; time += 1) {
        expect(await planner.run()).toMatchObject({ planned: 0, moved: 0 })
        await untilRow(database, GONE)
      }
      await makeFleet(database, { mailboxes: 1, campaigns: 1, leads: 3, smtpPort: 25 })
      expect(await planner.run()).toMatchObject({ planned: 3 })
      expect(await planner.run()).toMatchObject({ planned: 0, moved: 0 })
    } finally {
      await planner.close()
    }
  },
)

test(
  'the thread of a plan takes over what those before it know of holidays, and hands on what it knows',
  { timeout },
  async () => {
    const database = await createTestDatabase()
    await makeFleet(database, { mailboxes: 1, campaigns: 1, leads: 3, smtpPort: 25 })
    await database.query(`update goniec.campaign set holidays = 'PL'`)
    const [row] = await database.query<{ today: string; year: number }>(
      `select (n.now at time zone 'Europe/Warsaw')::date as today, extract(year from n.now at time zone 'Europe/Warsaw')::integer as year
     from (select goniec.now() as now) n`,
    )
    const first = dayNumber(row?.today ?? '')
    // A year in which no day is a working day, as far as two years are looked ahead, but one.
    const off = new Map(
      Array.from({ length: 760 }, (_, index) => [first + index, 'off'] as const).filter(([day]) => day !== first + 10),
    )
    const holidays = new Map([0, 1, 2, 3].map((later) => [`PL ${(row?.year ?? 0) + later}`, off]))
    const data: PlanThreadData = { url: database.urlAs('worker'), graceMs: 300_000, silenceMs: 30_000, holidays }
    const thread = startLeanThread(new URL('../../src/worker/plan-thread.ts', import.meta.url), data)
    try {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      thread.postMessage('plan')
      const [answer] = (await once(thread, 'message')) as [PlanAnswer]
      expect(answer).toMatchObject({ run: { planned: 3 }, holidays })
      expect(
        await database.query(
          `select distinct (scheduled_at at time zone 'Europe/Warsaw')::date as day from goniec.message`,
        ),
      ).toEqual([{ day: dayText(first + 10) }])
    } finally {
      await thread.terminate()
    }
  },
)

const GONE = `
  select where not exists (select from pg_stat_activity where datname = current_database() and application_name = 'goniec plan')`
