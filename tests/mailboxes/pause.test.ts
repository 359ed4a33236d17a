import { beforeEach, expect, test } from 'vitest'
import { pauseMailbox, resumeMailbox } from '../../src/mailboxes/pause.ts'
import { claimedMail, settledMail, transmittingMail } from '../delivery/in-state.ts'
import { untilBlocked } from '../support/blocked.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase } from '../support/database.ts'
import { claim, fence, recover } from '../support/protocol.ts'
import { NOON, World } from '../support/world.ts'

const database = await createTestDatabase()
const world = new World(database.pool)

beforeEach(() => setClock(database, NOON))

async function addressOf(mailbox: number): Promise<string> {
  return (await world.row<{ address: string }>('mailbox', mailbox)).address
}

test('a paused mailbox sends nothing more: nothing is claimed, nothing passes its fence', async () => {
  const { mailbox, attempt, worker } = await claimedMail(world)
  const address = await addressOf(mailbox)
  expect(await pauseMailbox(database, address)).toEqual({
    address,
    status: 'paused',
    changed: true,
    was: 'active',
    already_passed: 0,
  })
  expect(await fence(world.sql, worker, attempt)).toEqual([{ verdict: 'mailbox_not_active', opensAt: null }])
  const { id } = await world.mail({ mailbox })
  expect((await claim(world.sql, worker)).messages).not.toContain(id)
})

test('it is said how many mails had passed already', async () => {
  const { mailbox } = await transmittingMail(world)
  expect(await pauseMailbox(database, await addressOf(mailbox))).toMatchObject({ already_passed: 1 })
})

test('a pause returns when every fence that had begun has ended', async () => {
  const { mailbox, attempt, worker } = await claimedMail(world)
  const session = await database.session()
  await session.query('begin')
  expect((await fence(session, worker, attempt))[0]?.verdict).toBe('passed')
  const pausing = pauseMailbox(database, await addressOf(mailbox))
  await untilBlocked(database, await waitingSession())
  await session.query('commit')
  expect(await pausing).toMatchObject({ changed: true, already_passed: 1 })
})

test('a second pause changes nothing, and slots planned before it are void', async () => {
  const { mailbox } = await world.mail({ mailbox: await world.mailbox() })
  const address = await addressOf(mailbox)
  await pauseMailbox(database, address)
  expect(await pauseMailbox(database, address)).toMatchObject({ changed: false, was: 'paused' })
  expect(await world.row('mailbox', mailbox)).toMatchObject({ status: 'paused', version: 2 })
})

test('a broken mailbox that is resumed has no faults and no back-off', async () => {
  const mailbox = await world.mailbox({ status: 'broken', status_reason: '535 5.7.8 bad login' })
  await world.update(
    'mailbox_gate',
    mailbox,
    { faults: 5, fault_reason: '535', free_from: NOON.add({ hours: 1 }) },
    'mailbox_id',
  )
  expect(await resumeMailbox(database, await addressOf(mailbox))).toEqual({
    address: await addressOf(mailbox),
    status: 'active',
    was: 'broken',
    was_reason: '535 5.7.8 bad login',
    free_from: null,
    braked: false,
  })
  expect(await world.row('mailbox', mailbox)).toMatchObject({ status: 'active', status_reason: null })
  expect(await world.row('mailbox_gate', mailbox, 'mailbox_id')).toMatchObject({
    faults: 0,
    fault_reason: null,
    free_from: null,
  })
})

test('the quarantine of a doubtful attempt stays, a longer back-off is shortened to it', async () => {
  const { mailbox, worker } = await transmittingMail(world)
  await recover(world.sql, null, { gone: [worker] })
  const deadline = NOON.add({ minutes: 15 })
  const address = await addressOf(mailbox)
  expect(await resumeMailbox(database, address)).toMatchObject({ free_from: deadline })
  await world.update('mailbox_gate', mailbox, { free_from: NOON.add({ hours: 1 }) }, 'mailbox_id')
  expect(await resumeMailbox(database, address)).toMatchObject({ free_from: deadline })
})

test('a doubt whose worker was seen gone quarantines nothing', async () => {
  const { mailbox } = await settledMail(world, { outcome: 'unknown' })
  expect(await resumeMailbox(database, await addressOf(mailbox))).toMatchObject({ free_from: null })
})

test('a brake that still holds it is named', async () => {
  await world.salesperson({ paused_at: NOON })
  const mailbox = await world.mailbox({ status: 'paused' })
  expect(await resumeMailbox(database, await addressOf(mailbox))).toMatchObject({ braked: true })
  await world.salesperson()
})

test('an unknown address gets the nearest one', async () => {
  await world.mailbox({ address: 'katarzyna@firma.example' })
  await expect(pauseMailbox(database, 'katarzina@firma.example')).rejects.toMatchObject({
    code: 'mailbox_unknown',
    message: 'there is no mailbox "katarzina@firma.example"; did you mean "katarzyna@firma.example"?',
  })
})

test('a program that holds the mailbox in an open transaction is waited for, then named', async () => {
  const mailbox = await world.mailbox()
  const session = await database.session()
  await session.query('begin')
  await session.query('select from goniec.mailbox_gate where mailbox_id = $1 for update', [mailbox])
  await expect(resumeMailbox(database, await addressOf(mailbox), { lockTimeoutMs: 50 })).rejects.toMatchObject({
    code: 'mailbox_held',
  })
  await session.query('rollback')
})

async function waitingSession(): Promise<number> {
  for (;;) {
    const pid = await world.value(
      `select pid from pg_stat_activity where datname = current_database() and cardinality(pg_blocking_pids(pid)) > 0`,
    )
    if (typeof pid === 'number') return pid
  }
}
