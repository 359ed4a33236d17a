import { beforeEach, expect, test } from 'vitest'
import { resolveDoubt } from '../../src/delivery/resolve-doubt.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase } from '../support/database.ts'
import { stateOf } from '../support/protocol.ts'
import { NOON, World } from '../support/world.ts'
import { settledMail, type Attempted } from './in-state.ts'

const database = await createTestDatabase()
const world = new World(database.pool)
const LATER = NOON.add({ minutes: 16 })

beforeEach(() => setClock(database, NOON))

async function oldDoubt(options = {}): Promise<Attempted> {
  const mail = await settledMail(world, { outcome: 'unknown' }, options)
  await setClock(database, LATER)
  return mail
}

test('resolved as sent, it was sent when it passed the fence, and the next step is made', async () => {
  const campaign = await world.campaign({ steps: ['intro', 'reminder'] })
  const { id, lead } = await oldDoubt({ campaign })
  expect(await resolveDoubt(database, id, { as: 'sent' })).toBe('sent')
  expect(await world.row('message', id)).toMatchObject({ status: 'sent', sent_at: NOON })
  expect(await world.value(`select step_key from goniec.message where lead_id = $1 and id <> $2`, [lead, id])).toBe(
    'reminder',
  )
})

test('resolved as not sent, it is pending, and who said so is recorded', async () => {
  const { id } = await oldDoubt()
  expect(await resolveDoubt(database, id, { as: 'not-sent' })).toBe('pending')
  expect(await stateOf(world.sql, id)).toEqual({ message: 'pending', attempt: 'presumed_unsent' })
  expect(await world.value('select ended_by from goniec.attempt where message_id = $1', [id])).toMatch(/@/)
})

test('resolved as not sent, a mail whose lead has replied meanwhile is cancelled', async () => {
  const { id, lead } = await oldDoubt()
  await world.update('lead', lead ?? 0, { replied_at: NOON })
  expect(await resolveDoubt(database, id, { as: 'not-sent' })).toBe('cancelled')
})

test('while the attempt could be alive it is refused, and it is said until when, in local time', async () => {
  const { id } = await settledMail(world, { outcome: 'unknown' })
  await expect(resolveDoubt(database, id, { as: 'sent' })).rejects.toMatchObject({
    code: 'doubt_alive',
    message: `the attempt at message ${id} could still be alive until 2026-12-01 12:15:00 (Europe/Warsaw)`,
  })
  expect(await stateOf(world.sql, id)).toEqual({ message: 'in_doubt', attempt: 'in_doubt' })
})

test('what is not in doubt is refused with what it is', async () => {
  const { id } = await settledMail(world, { outcome: 'accepted' })
  await expect(resolveDoubt(database, id, { as: 'not-sent' })).rejects.toThrow(/is sent, not in doubt$/)
  await expect(resolveDoubt(database, 999_999, { as: 'sent' })).rejects.toMatchObject({ code: 'message_unknown' })
})

test('a dry run says what would become of it, and leaves the doubt', async () => {
  const { id } = await oldDoubt()
  expect(await resolveDoubt(database, id, { as: 'not-sent', dryRun: true })).toBe('pending')
  expect(await stateOf(world.sql, id)).toEqual({ message: 'in_doubt', attempt: 'in_doubt' })
})
