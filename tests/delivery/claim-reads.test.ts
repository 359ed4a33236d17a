/** What a claim reads does not grow with what is there beside it, whatever the statistics say. */
import { expect, test } from 'vitest'
import { claim } from '../support/protocol.ts'
import { worldForEachTest } from '../support/rolled-back.ts'

const here = worldForEachTest()
const OTHERS = 60

/** Rows that this transaction has read by index so far, of these tables. */
async function rowsRead(...tables: string[]): Promise<number> {
  const { rows } = await here.session.query<{ read: number }>(
    `select sum(idx_tup_fetch)::integer as read from pg_stat_xact_user_tables where schemaname = 'goniec' and relname = any ($1)`,
    [tables],
  )
  return rows[0]?.read ?? Number.NaN
}

test('a claim reads the counters of what it takes, and not the day of all mailboxes and campaigns', async () => {
  // As after the first vacuum of an installation that has sent nothing yet.
  await here.session.query('analyze goniec.mailbox_day, goniec.campaign_day')
  for (let n = 0; n < OTHERS; n++)
    await here.world.mail({ campaign: await here.world.campaign(), mailbox: await here.world.mailbox() })
  const before = await rowsRead('mailbox_day', 'campaign_day')
  expect((await claim(here.session, here.worker)).messages).toHaveLength(50)
  const read = (await rowsRead('mailbox_day', 'campaign_day')) - before
  // Of a mailbox and a campaign each: to choose, to lock, behind the locks, and to count.
  expect(read).toBeLessThanOrEqual(2 * 4 * OTHERS)
})
