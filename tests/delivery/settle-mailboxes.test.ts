/** Faults of a mailbox: it backs off, and breaks after repeated ones; an answer about a mail ends the row. */
import { expect, test } from 'vitest'
import type { Instant } from '../../src/time.ts'
import { claimOne, fence, settle, type Report } from '../support/protocol.ts'
import { worldForEachTest } from '../support/rolled-back.ts'
import { NOON } from '../support/world.ts'

const here = worldForEachTest()

interface Gate {
  faults: number
  fault_reason: string | null
  free_from: Instant | null
}

/** The mailbox, after another mail of it ended like this. */
async function after(outcome: Report['outcome'], columns: Record<string, unknown> = {}): Promise<Gate> {
  const mail = await here.world.mail()
  await here.world.update('mailbox_gate', mail.mailbox, { free_from: null }, 'mailbox_id')
  const attempt = await claimOne(here.session, here.worker, mail.id)
  if (outcome === 'accepted') await fence(here.session, here.worker, attempt)
  await settle(here.session, here.worker, { attempt, outcome, ...columns })
  await here.session.query('update goniec.message set held_reason = $1 where id = $2 and status = $3', [
    'done',
    mail.id,
    'pending',
  ])
  return here.world.row<Gate & Record<string, unknown>>('mailbox_gate', mail.mailbox, 'mailbox_id')
}

test('after a fault a mailbox backs off, longer after each one in a row', async () => {
  for (const [index, minutes] of [1, 5, 15, 60, 60].entries()) {
    const { faults, free_from: freeFrom } = await after('mailbox_fault', {
      code: 421,
      response: '421 too many connections',
    })
    expect(faults).toBe(index + 1)
    const waits = freeFrom ? NOON.until(freeFrom).total('minutes') : 0
    expect(waits).toBeGreaterThanOrEqual(minutes * 0.8)
    expect(waits).toBeLessThanOrEqual(minutes * 1.2)
  }
})

test.each(['accepted', 'deferred'] as const)('an answer about a mail (%s) ends the row', async (outcome) => {
  await here.world.mailbox()
  await after('mailbox_fault', { code: 421, response: 'x' })
  expect(await after(outcome, { code: 250 })).toEqual(
    expect.objectContaining({ faults: 0, fault_reason: null, free_from: null }),
  )
})

test('a bounce is an answer about a mail; another refusal for good counts against the mailbox, without backing off', async () => {
  await here.world.mailbox()
  await after('mailbox_fault', { code: 421, response: 'x' })
  expect(await after('rejected', { code: 550, lead_bounced: true })).toMatchObject({ faults: 0 })
  expect(await after('rejected', { code: 550, response: '550 relay not permitted' })).toMatchObject({
    faults: 1,
    fault_reason: '550 relay not permitted',
    free_from: null,
  })
})

test('a mail that goniec itself refuses counts neither for nor against the mailbox', async () => {
  await here.world.mailbox()
  await after('mailbox_fault', { code: 421, response: 'x' })
  expect(await after('aborted', { response: 'connection lost' })).toMatchObject({ faults: 1 })
})

test.each([
  [10, false],
  [5, true],
])('%i faults in a row break it, with the server’s words (permanent: %s)', async (faults, permanent) => {
  const told = { code: 535, response: '535 5.7.8 bad credentials', permanent }
  const id = await here.world.mailbox()
  for (let n = 1; n < faults; n += 1) await after('mailbox_fault', told)
  expect(await here.world.row('mailbox', id)).toMatchObject({ status: 'active' })
  await after('mailbox_fault', told)
  expect(await here.world.row('mailbox', id)).toMatchObject({
    status: 'broken',
    status_reason: '535 5.7.8 bad credentials',
    version: 2,
  })
  const { rows } = await here.session.query(`select mailbox_id, data from goniec.event where type = 'mailbox_broken'`)
  expect(rows).toEqual([{ mailbox_id: id, data: { reason: '535 5.7.8 bad credentials' } }])
})

test('a relay that refuses one mail after the other breaks the mailbox before the campaign is used up', async () => {
  const id = await here.world.mailbox()
  for (let n = 0; n < 10; n += 1) await after('rejected', { code: 550, response: '550 relay not permitted' })
  expect(await here.world.row('mailbox', id)).toMatchObject({
    status: 'broken',
    status_reason: '550 relay not permitted',
  })
})

test('a fault without an answer breaks it too, and for a reason', async () => {
  const id = await here.world.mailbox()
  for (let n = 0; n < 10; n += 1) await after('mailbox_fault', {})
  expect(await here.world.row('mailbox', id)).toMatchObject({ status: 'broken', status_reason: 'no answer' })
})

test('the mail goes elsewhere or later, and is not counted', async () => {
  const mail = await here.world.mail()
  const attempt = await claimOne(here.session, here.worker, mail.id)
  await settle(here.session, here.worker, { attempt, outcome: 'mailbox_fault', code: 454 })
  expect(await here.world.row('message', mail.id)).toMatchObject({
    status: 'pending',
    slot_reason: 'mailbox',
    scheduled_at: null,
    counted_attempts: 0,
    uncounted_attempts: 1,
    not_before: null,
    tried_days: [],
  })
})
