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

test('of many free mailboxes those are looked at whose mails are due first, as many as mails are wanted', async () => {
  for (let n = 0; n < OTHERS; n++)
    await here.world.mail({ campaign: await here.world.campaign(), mailbox: await here.world.mailbox() })
  const before = await rowsRead('lead')
  expect((await claim(here.session, here.worker, { batch: 5 })).messages).toHaveLength(5)
  // To choose, behind the locks, and by the attempt's foreign key.
  expect((await rowsRead('lead')) - before).toBe(3 * 5)
})

test('where the mails that are due first cannot go, the mailboxes behind them are looked at', async () => {
  const mails: number[] = []
  for (let n = 0; n < OTHERS; n++) mails.push((await here.world.mail({ mailbox: await here.world.mailbox() })).id)
  await here.session.query(`update goniec.message set held_reason = 'a look' where id = any ($1)`, [mails.slice(0, 40)])
  expect((await claim(here.session, here.worker, { batch: 5 })).messages).toEqual(mails.slice(40, 45))
})

test('who has had a mail today is asked of each lead, and not read of all', async () => {
  // As after the first vacuum of an installation that has sent nothing yet.
  await here.session.query('analyze goniec.lead_day')
  const campaign = await here.world.campaign({ contact_gap_days: 2 })
  for (let n = 0; n < 5; n++) await here.world.mail({ campaign, mailbox: await here.world.mailbox() })
  await here.asHistory(() =>
    here.session.query(`
      insert into goniec.lead_day (lead_id, day, campaign_id)
      select 1000000 + n, goniec.now()::date, 1 from generate_series(1, 500) n`),
  )
  const before = await rowsRead('lead_day')
  expect((await claim(here.session, here.worker)).messages).toHaveLength(5)
  expect((await rowsRead('lead_day')) - before).toBeLessThan(50)
})
