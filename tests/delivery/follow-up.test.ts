/** The next step's mail: made once, behind everything that the lead has had. */
import { expect, test } from 'vitest'
import { claimOne, fence, settle } from '../support/protocol.ts'
import { worldForEachTest } from '../support/rolled-back.ts'
import type { Mail } from '../support/world.ts'

const here = worldForEachTest()
const STEPS = ['one', 'two', 'three', 'four']

async function sent(mail: Mail): Promise<void> {
  const attempt = await claimOne(here.session, here.worker, mail.id)
  await fence(here.session, here.worker, attempt)
  await settle(here.session, here.worker, { attempt, outcome: 'accepted' })
}

/** Lets the lead's mail of a step have been sent, without the mail after it. */
async function had(step: string, campaign: number, lead: number): Promise<void> {
  const { id } = await here.world.mail({ step, campaign, lead })
  await accept(id)
}

async function accept(id: number): Promise<void> {
  const attempt = await claimOne(here.session, here.worker, id)
  await fence(here.session, here.worker, attempt)
  await here.session.query(`update goniec.attempt set state = 'accepted' where id = $1`, [attempt])
  await here.session.query(`update goniec.message set status = 'sent', sent_at = goniec.now() where id = $1`, [id])
}

/** How many mails this transaction has read by index so far. */
async function rowsRead(): Promise<number> {
  const { rows } = await here.session.query<{ read: number }>(
    `select idx_tup_fetch as read from pg_stat_xact_user_tables where relid = 'goniec.message'::regclass`,
  )
  return rows[0]?.read ?? Number.NaN
}

async function waiting(lead: number | null): Promise<string[]> {
  const { rows } = await here.session.query<{ step_key: string }>(
    `select step_key from goniec.message where lead_id = $1 and status = 'pending' order by id`,
    [lead],
  )
  return rows.map((row) => row.step_key)
}

async function order(keys: readonly string[]): Promise<void> {
  await here.session.query(
    `update goniec.step s set position = o.position from unnest($1::text[]) with ordinality as o (key, position) where s.key = o.key`,
    [keys],
  )
}

test('a lead that was sent a mail has the next step’s', async () => {
  await here.world.campaign({ steps: STEPS })
  const mail = await here.world.mail({ step: 'one' })
  await sent(mail)
  expect(await waiting(mail.lead)).toEqual(['two'])
})

test('where the steps were put in another order, what the lead has had is passed over', async () => {
  const campaign = await here.world.campaign({ steps: STEPS })
  const lead = await here.world.lead()
  for (const step of ['one', 'two']) await had(step, campaign, lead)
  const mail = await here.world.mail({ step: 'three', campaign, lead })
  await order(['one', 'three', 'two', 'four'])
  await sent(mail)
  expect(await waiting(lead)).toEqual(['four'])
})

test('a lead that has had a later step does not go back to one before it', async () => {
  const campaign = await here.world.campaign({ steps: STEPS })
  const lead = await here.world.lead()
  await had('three', campaign, lead)
  await sent(await here.world.mail({ step: 'one', campaign, lead }))
  expect(await waiting(lead)).toEqual(['four'])
})

test.each([
  { why: 'step removed', next: ['three'], says: 'went with its step is passed over' },
  { why: 'cancelled', next: [], says: 'a person has cancelled ends the sequence' },
  { why: 'lead_replied', next: [], says: 'ended with a reply ends the sequence' },
])('a next mail that $says', async ({ why, next }) => {
  const campaign = await here.world.campaign({ steps: STEPS })
  const lead = await here.world.lead()
  const { id } = await here.world.mail({ step: 'two', campaign, lead, dueInMs: null })
  await here.world.update('message', id, { status: 'cancelled', slot_reason: why })
  await sent(await here.world.mail({ step: 'one', campaign, lead }))
  expect(await waiting(lead)).toEqual(next)
})

test('a mail whose step was removed while it was on the wire does not end the sequence', async () => {
  const campaign = await here.world.campaign({ steps: STEPS })
  const lead = await here.world.lead()
  await had('one', campaign, lead)
  const { id } = await here.world.mail({ step: 'two', campaign, lead })
  const attempt = await claimOne(here.session, here.worker, id)
  await fence(here.session, here.worker, attempt)
  await order(['one', 'three', 'four', 'two'])
  await here.session.query(`update goniec.step set retired_at = goniec.now() where key = 'two'`)
  await settle(here.session, here.worker, { attempt, outcome: 'accepted' })
  expect(await waiting(lead)).toEqual(['three'])
})

test('nor does one of the first step, of a lead that has had no other', async () => {
  await here.world.campaign({ steps: STEPS })
  const mail = await here.world.mail({ step: 'one' })
  const attempt = await claimOne(here.session, here.worker, mail.id)
  await fence(here.session, here.worker, attempt)
  await order(['two', 'three', 'four', 'one'])
  await here.session.query(`update goniec.step set retired_at = goniec.now() where key = 'one'`)
  await settle(here.session, here.worker, { attempt, outcome: 'accepted' })
  expect(await waiting(mail.lead)).toEqual(['two'])
})

test('it is made without reading what the campaign has sent before, also where the planner believes that nothing was', async () => {
  const campaign = await here.world.campaign({ steps: STEPS })
  const mails: Mail[] = []
  for (let n = 0; n < 50; n++) mails.push(await here.world.mail({ step: 'one', campaign }))
  await here.session.query('analyze goniec.message')
  for (const mail of mails) await accept(mail.id)
  const before = await rowsRead()
  await here.session.query('select goniec.follow_up(array[$1::bigint])', [mails.at(-1)?.id])
  expect((await rowsRead()) - before).toBeLessThan(mails.length)
  expect(await waiting(mails.at(-1)?.lead ?? null)).toEqual(['two'])
})
