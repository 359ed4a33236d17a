/** How far back the brake looks at a mailbox. */
import { expect, test } from 'vitest'
import { worldForEachTest } from '../support/rolled-back.ts'

const here = worldForEachTest()

test('a mailbox is judged by its last attempts, ten times as many as are counted, however many years it has', async () => {
  const mailbox = await here.world.mailbox()
  const { campaign, id } = await here.world.mail()
  const salesperson = await here.world.value('select id from goniec.salesperson')
  await here.session.query('set local session_replication_role = replica')
  await here.session.query(
    `insert into goniec.attempt (message_id, mailbox_id, kind, campaign_id, salesperson_id, state, lease_until, deadline_at, mailbox_day,
                                 claimed_at, transmitting_at, finished_at, outcome)
     select $1, $2, 'campaign', $3, $4, case when n <= 3 then 'rejected' else 'deferred' end, at, at, '2026-12-01', at, at, at, 'deferred'
     from generate_series(1, 25) n cross join lateral (select goniec.now() - (30 - n) * interval '1 minute') as past (at)`,
    [id, mailbox, campaign, salesperson],
  )
  const count = `select mails::int, refused::int from goniec.refusals_of_mailbox($1, goniec.now() - interval '1 day', $2)`
  expect((await here.session.query(count, [mailbox, 2])).rows).toEqual([{ mails: 0, refused: 0 }])
  expect((await here.session.query(count, [mailbox, 3])).rows).toEqual([{ mails: 3, refused: 3 }])
})
