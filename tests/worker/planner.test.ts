/** The planner's thread: it is there while there is something to plan. */
import { expect, test } from 'vitest'
import { Planner } from '../../src/worker/planner.ts'
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

const GONE = `
  select where not exists (select from pg_stat_activity where datname = current_database() and application_name = 'goniec plan')`
