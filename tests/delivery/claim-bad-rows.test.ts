/** One bad row stops nobody: it is set aside with the error as its reason, and everything else is claimed. */
import { expect, test } from 'vitest'
import { claim } from '../support/protocol.ts'
import { worldForEachTest } from '../support/rolled-back.ts'
import type { Mail } from '../support/world.ts'

const here = worldForEachTest()

async function twoMails(): Promise<{ bad: Mail; good: Mail }> {
  await here.world.mailbox()
  await here.world.campaign({ name: 'bad' })
  const bad = await here.world.mail({ dueInMs: -120_000 })
  await here.world.mailbox()
  await here.world.campaign({ name: 'good' })
  return { bad, good: await here.world.mail() }
}

async function raiseOn(table: string, event: string, condition: string, error: string): Promise<void> {
  await here.session.query(
    `create function pg_temp.spoil() returns trigger language plpgsql as $$ begin ${error}; end $$`,
  )
  await here.session.query(
    `create trigger spoil before ${event} on goniec.${table} for each row when (${condition}) execute function pg_temp.spoil()`,
  )
}

const errors = {
  'a violated constraint': `raise 'broken by a test' using errcode = 'check_violation'`,
  'an exception of a trigger': `raise exception 'broken by a test'`,
  'a wrong value': `raise 'broken by a test' using errcode = 'invalid_parameter_value'`,
}

test.each(Object.entries(errors))(
  '%s: the mail is set aside with its words, and the other one claimed',
  async (_, error) => {
    const { bad, good } = await twoMails()
    await raiseOn('message', 'update of status', `new.id = ${bad.id}`, error)
    expect(await claim(here.session, here.worker)).toMatchObject({ messages: [good.id] })
    expect(await here.world.row('message', bad.id)).toMatchObject({
      status: 'pending',
      held_reason: 'claim failed: broken by a test',
    })
    expect(await here.world.value('select count(*) from goniec.attempt')).toBe(1)
    expect(await here.world.value('select sum(campaign_taken) from goniec.mailbox_day')).toBe(1)
    expect(await claim(here.session, here.worker)).toMatchObject({ status: 'nothing' })
  },
)

test('a mail whose attempt cannot be written is set aside', async () => {
  const { bad, good } = await twoMails()
  await raiseOn('attempt', 'insert', `new.message_id = ${bad.id}`, `raise 'broken by a test'`)
  expect(await claim(here.session, here.worker)).toMatchObject({ messages: [good.id] })
  expect(await here.world.row('message', bad.id)).toMatchObject({ held_reason: 'claim failed: broken by a test' })
})

test.each(['disk_full', 'insufficient_privilege', 'undefined_function'])(
  'an error that no row is to blame for (%s) ends the call, and nothing is set aside',
  async (code) => {
    const { bad } = await twoMails()
    await raiseOn(
      'message',
      'update of status',
      `new.id = ${bad.id}`,
      `raise 'broken by a test' using errcode = '${code}'`,
    )
    expect(await here.refusal(() => claim(here.session, here.worker))).toContain('broken by a test')
    expect(await here.world.row('message', bad.id)).toMatchObject({ held_reason: null })
  },
)

test('one mail a lead holds when a bad row makes a batch be claimed one by one', async () => {
  const { bad, good } = await twoMails()
  const lead = good.lead ?? 0
  await here.world.mail({ kind: 'response', mailbox: await here.world.mailbox(), lead })
  await raiseOn('message', 'update of status', `new.id = ${bad.id}`, `raise 'broken by a test'`)
  const { attempts } = await claim(here.session, here.worker)
  expect(attempts).toHaveLength(1)
})

test('a campaign whose time zone Postgres no longer knows holds up its own mails only', async () => {
  const { bad, good } = await twoMails()
  await here.session.query('alter table goniec.campaign drop constraint campaign_timezone_is_known')
  await here.session.query(`update goniec.campaign set timezone = 'Europe/Warschau' where name = 'bad'`)
  expect(await claim(here.session, here.worker)).toMatchObject({ messages: [good.id] })
  expect(await here.world.row('message', bad.id)).toMatchObject({ status: 'pending', held_reason: null })
})

test('a campaign whose time zone Postgres no longer knows does not keep the others’ days from being made', async () => {
  const { good } = await twoMails()
  await here.session.query('alter table goniec.campaign drop constraint campaign_timezone_is_known')
  await here.session.query(`update goniec.campaign set timezone = 'Europe/Warschau' where name = 'bad'`)
  await here.session.query('delete from goniec.campaign_day')
  await here.session.query('delete from goniec.mailbox_day')
  await here.session.query('delete from goniec.salesperson_day')
  await here.world.makeDayRows()
  expect(await claim(here.session, here.worker)).toMatchObject({ messages: [good.id] })
})

test('a day row with a limit below what was taken is no room, not an error', async () => {
  const { bad, good } = await twoMails()
  for (const [table, constraint] of [
    ['mailbox_day', 'mailbox_day_within_limits'],
    ['campaign_day', 'campaign_day_within_limit'],
    ['salesperson_day', 'salesperson_day_within_limit'],
  ]) {
    await here.session.query(`alter table goniec.${table} drop constraint ${constraint}`)
  }
  await here.session.query('update goniec.mailbox_day set daily_limit = 3, campaign_taken = 5 where mailbox_id = $1', [
    bad.mailbox,
  ])
  expect(await claim(here.session, here.worker)).toMatchObject({ messages: [good.id] })
  expect(await here.world.row('message', bad.id)).toMatchObject({ status: 'pending', held_reason: null })
})

test('a mailbox or campaign without its gate holds up its own mails only', async () => {
  const { bad, good } = await twoMails()
  await here.session.query('delete from goniec.campaign_gate where campaign_id = $1', [bad.campaign])
  expect(await claim(here.session, here.worker)).toMatchObject({ messages: [good.id] })
})
