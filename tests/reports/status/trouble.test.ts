import { describe, expect, test } from 'vitest'
import { findingsOf } from '../../../src/reports/status/findings.ts'
import { readTrouble, type Trouble } from '../../../src/reports/status/trouble.ts'
import { readWorkers } from '../../../src/reports/status/workers.ts'
import { settledMail } from '../../delivery/in-state.ts'
import { worldForEachTest } from '../../support/rolled-back.ts'
import type { World } from '../../support/world.ts'
import { inSession } from '../in-session.ts'

const state = worldForEachTest()
const MINUTE = 60_000
const read = (lateMs = 10 * MINUTE): Promise<Trouble> => readTrouble(inSession(state.session), { lateMs })

async function codes(lateMs = 10 * MINUTE): Promise<string[]> {
  const at = inSession(state.session)
  const workers = await readWorkers(at)
  return findingsOf({ trouble: await read(lateMs), workers, timezone: 'Europe/Warsaw' }).map(({ code }) => code)
}

describe('overdue is', () => {
  test.each([
    ['what is due and not taken', { dueInMs: -2 * MINUTE }, MINUTE],
    ['what was missed and not planned anew', { dueInMs: -11 * MINUTE }, 10 * MINUTE],
    ['what is behind a window that has closed', { dueInMs: -2 * MINUTE, closesInMs: -MINUTE }, MINUTE],
    ['a response too', { dueInMs: -2 * MINUTE, kind: 'response' as const }, MINUTE],
  ])('%s', async (_, mail, lateMs) => {
    const { id } = await state.world.mail(mail)
    expect((await read(lateMs)).overdue).toEqual({
      count: 1,
      more: false,
      message_id: id,
      oldest_at: state.world.at(mail.dueInMs),
    })
    expect((await read(lateMs * 3)).overdue.count).toBe(0)
  })

  test('a mail that was planned with other settings, and on a day that was not prepared', async () => {
    const { world, session } = state
    const mailbox = await world.mailbox()
    const changed = await world.mail({ mailbox, dueInMs: -2 * MINUTE })
    await world.update('mailbox', mailbox, { version: 2 })
    expect((await read(MINUTE)).overdue.message_id).toBe(changed.id)
    await world.update('message', changed.id, { planned_mailbox_version: 2 })
    await session.query('delete from goniec.mailbox_day')
    expect((await read(MINUTE)).overdue.message_id).toBe(changed.id)
  })

  test.each<[string, (world: World) => Promise<unknown>]>([
    ['whose campaign is paused', (world) => pausedCampaign(world)],
    [
      'that waits for the emergency brake',
      (world) => world.sql.query('update goniec.installation set paused_at = goniec.now()'),
    ],
    [
      'whose salesperson is paused',
      (world) => world.sql.query('update goniec.salesperson set paused_at = goniec.now()'),
    ],
    ['whose mailbox is paused', (world) => world.sql.query(`update goniec.mailbox set status = 'paused'`)],
    ['that is set aside', (world) => world.sql.query(`update goniec.message set held_reason = 'for a reason'`)],
    ['whose lead is blocked', (world) => world.sql.query('update goniec.lead set blocked_at = goniec.now()')],
    ['that waits for its mailbox’s gap', (world) => waitsForGap(world)],
    [
      'whose mailbox has reached its limit',
      (world) => world.sql.query('update goniec.mailbox_day set daily_limit = 0'),
    ],
  ])('not a mail %s', async (_, wait) => {
    await state.world.mail({ dueInMs: -2 * MINUTE })
    expect((await read(MINUTE)).overdue.count).toBe(1)
    await wait(state.world)
    expect((await read(MINUTE)).overdue.count).toBe(0)
  })

  test('found behind any number of mails that wait for a person', async () => {
    const { world } = state
    for (let i = 0; i < 12; i++) await world.mail({ dueInMs: -5 * MINUTE, columns: { held_reason: 'set aside' } })
    const late = await world.mail({ dueInMs: -2 * MINUTE })
    expect((await read(MINUTE)).overdue).toMatchObject({ count: 1, message_id: late.id })
  })
})

test('a mail that no plan has seen is told after a while, one that the plan found no place for is not', async () => {
  const { world } = state
  await world.campaign({ started_at: world.at(-60 * MINUTE) })
  await world.mail({ dueInMs: null, columns: { created_at: world.at(-30 * MINUTE), slot_reason: 'not_due' } })
  expect((await read()).unplanned.count).toBe(0)
  const unseen = await world.mail({ dueInMs: null, columns: { created_at: world.at(-20 * MINUTE) } })
  expect((await read()).unplanned).toMatchObject({ count: 1, message_id: unseen.id })
  expect((await read(25 * MINUTE)).unplanned.count).toBe(0)
})

test('of leads that may not be mailed no plan makes anything, and no mail of theirs is missed', async () => {
  const { world, session } = state
  await world.campaign({ started_at: world.at(-60 * MINUTE) })
  const old = { dueInMs: null, columns: { created_at: world.at(-20 * MINUTE) } }
  await world.mail({ ...old, lead: await world.lead({ blocked_at: world.at(-30 * MINUTE) }) })
  const suppressed = await world.lead({ email: 'jan@zakazane.example' })
  await world.mail({ ...old, lead: suppressed })
  await session.query(`insert into goniec.suppression (value, reason) values ('zakazane.example', 'asked for')`)
  expect((await read()).unplanned.count).toBe(0)
  await session.query('delete from goniec.suppression')
  expect((await read()).unplanned.count).toBe(1)
})

test('doubts, mails set aside, late contradictions and broken mailboxes are findings, each with what to do', async () => {
  const { world, session } = state
  const doubt = await settledMail(world, { outcome: 'unknown' })
  const held = await world.mail({ dueInMs: null, columns: { held_reason: 'ten attempts' } })
  await world.insert('contradiction', {
    attempt_id: doubt.attempt,
    reported: { outcome: 'accepted' },
    at: world.at(-1000),
  })
  await world.mailbox({ address: 'anna@firma.example', status: 'broken', status_reason: '535 5.7.8 bad login' })
  const trouble = await readTrouble(inSession(session), { lateMs: MINUTE })
  const findings = findingsOf({ trouble, workers: await readWorkers(inSession(session)), timezone: 'Europe/Warsaw' })
  expect(findings.map(({ code, text, command }) => `${code}: ${text}: ${command}`)).toEqual([
    expect.stringMatching(
      /^no_worker: no worker is running, and there is mail to send; vanished: worker-1 on host.*: goniec worker$/,
    ),
    'mailbox_broken: mailbox anna@firma.example is broken: 535 5.7.8 bad login: goniec mailbox test anna@firma.example',
    'contradictions: 1 mail was resolved otherwise than its server said afterwards, the oldest since 2026-12-01 11:59: goniec doubt list',
    'doubts: 1 mail is in doubt, the oldest since 2026-12-01 12:00: goniec doubt list',
    `held: 1 mail is set aside, and waits for you: goniec message show ${held.id}`,
  ])
})

test('what the brake has paused is a finding, what a person has paused is none', async () => {
  const { world } = state
  await world.campaign({ name: 'by hand', status: 'paused' })
  await world.mailbox({ status: 'paused' })
  expect(await codes()).toEqual([])
  await world.campaign({ name: 'spring offer', status: 'paused', status_reason: '6 of its last 60 mails were refused' })
  await world.mailbox({ address: 'anna@firma.example', status: 'paused', status_reason: '7 of its last 60' })
  const findings = findingsOf({ trouble: await read(), workers: [], timezone: 'Europe/Warsaw' })
  expect(findings.map(({ code, text, command }) => [code, text, command])).toEqual([
    [
      'braked',
      'campaign spring offer was paused by the brake: 6 of its last 60 mails were refused',
      "goniec events --campaign 'spring offer' --type failed",
    ],
    [
      'braked',
      'mailbox anna@firma.example was paused by the brake: 7 of its last 60',
      'goniec events --mailbox anna@firma.example --type failed',
    ],
  ])
})

test('a worker is missed where a campaign runs or another mail waits, not where everything is paused or nothing is to do', async () => {
  const { world, session } = state
  expect(await codes()).toEqual([])
  const campaign = await world.campaign()
  expect(await codes()).toEqual(['no_worker'])
  await world.update('campaign', campaign, { status: 'paused' })
  expect(await codes()).toEqual([])
  await world.mail({ kind: 'response', dueInMs: 5000 })
  expect(await codes()).toEqual(['no_worker'])
  await session.query('update goniec.installation set paused_at = goniec.now()')
  expect(await codes()).toEqual([])
})

test('a worker is missed where a campaign is to start today, and where a response has no time yet', async () => {
  const { world, session } = state
  const scheduled = await world.campaign({ status: 'scheduled', starts_on: '2026-12-02', timezone: 'Europe/Warsaw' })
  expect(await codes()).toEqual([])
  await world.update('campaign', scheduled, { starts_on: '2026-12-01' })
  expect(await codes()).toEqual(['no_worker'])
  await world.update('campaign', scheduled, { starts_on: '2026-12-02' })
  const response = await world.mail({ kind: 'response', dueInMs: null })
  expect(await codes()).toEqual(['no_worker'])
  await session.query('update goniec.lead set blocked_at = goniec.now() where id = $1', [response.lead])
  expect(await codes()).toEqual([])
})

async function pausedCampaign(world: World): Promise<void> {
  await world.sql.query(`update goniec.campaign set status = 'paused'`)
}

async function waitsForGap(world: World): Promise<void> {
  await world.sql.query('update goniec.mailbox set min_gap_ms = 600000')
  await world.sql.query('update goniec.mailbox_gate set last_fence_at = goniec.now()')
}
