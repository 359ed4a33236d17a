/** The dispatch loop and the name that it sends under. */
import { expect, onTestFinished, test } from 'vitest'
import { Dispatch } from '../../src/worker/dispatch.ts'
import { readWorkerSettings } from '../../src/worker/settings.ts'
import { createLogger } from '../../src/log.ts'
import { makeFleet } from '../crash/fleet.ts'
import { createTestDatabase } from '../support/database.ts'

test('a loop that waits while the name is lost and had back claims nothing more until it is called again', async () => {
  const database = await createTestDatabase()
  await makeFleet(database, { mailboxes: 1, campaigns: 1, leads: 1, smtpPort: 1 })
  await database.query('select goniec.make_day_rows(2)')
  await database.query(
    `update goniec.message
     set scheduled_at = goniec.now() + interval '300 milliseconds', first_planned_at = goniec.now(), mailbox_id = 1,
         window_closes_at = goniec.now() + interval '1 hour', planned_campaign_version = 1, planned_mailbox_version = 1`,
  )
  const [life] = await database.query<{ id: number }>(
    `insert into goniec.incarnation (worker, host, pid, version) values ('mine', 'here', 1, '0') returning id`,
  )
  // It is asked when the loop is called, and before each claim: behind the first one it was lost, and had back.
  let asked = 0
  const sent: number[] = []
  const dispatch = new Dispatch({
    database,
    incarnationId: life?.id ?? 0,
    settings: readWorkerSettings({}),
    tenure: () => (asked++ < 2 ? 0 : 1),
    sender: {
      send: async ({ tenure }) => {
        sent.push(tenure)
        return { verdict: 'settled', status: 'sent' }
      },
    },
    onSettled: () => undefined,
    log: createLogger({ level: 'fatal' }),
  })
  onTestFinished(() => dispatch.stop(0))
  expect(await dispatch.run()).toBeUndefined()
  expect(await database.query('select from goniec.attempt')).toEqual([])
  await dispatch.run()
  expect(sent).toEqual([1])
})
