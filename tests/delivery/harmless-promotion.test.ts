/** A standby that was promoted, or a recovery to a point in time, of which every worker that the database knows says that it lacks nothing. */
import { beforeEach, expect, test } from 'vitest'
import { setClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { NOON, World } from '../support/world.ts'

let database: TestDatabase
let world: World

beforeEach(async () => {
  database = await createTestDatabase()
  await setClock(database, NOON)
  world = new World(database.pool)
})

test.each([1, 9])('that was seen working %i minutes before goes on by itself', async (minutes) => {
  await world.mail()
  expect(await goesOnByItself(minutes)).toBe(true)
})

test('nobody of whom was seen for longer waits for a person where mails were due meanwhile: a worker that it does not know may have sent them', async () => {
  await world.mail()
  expect(await goesOnByItself(11)).toBe(false)
})

test('nobody of whom was seen for longer goes on by itself where nothing was due meanwhile', async () => {
  expect(await goesOnByItself(11)).toBe(true)
})

/** Whether it does, when its one worker was seen so many minutes ago and has reported that it is missing nothing. */
async function goesOnByItself(minutes: number): Promise<boolean | undefined> {
  const seenAt = NOON.subtract({ minutes })
  await database.query(`insert into goniec.known_worker (worker, seen_at) values ('one', $1)`, [seenAt])
  await database.query('select goniec.notice_restoration()')
  await database.query('update goniec.home set timeline = timeline - 1')
  await database.query(
    `insert into goniec.restoration_report (restoration_id, worker, is_complete, is_ahead, mails) values (goniec.notice_restoration(), 'one', true, false, 0)`,
  )
  const [row] = await database.query<{ ended: boolean }>('select goniec.end_harmless_restoration() as ended')
  return row?.ended
}
