/** What the nightly tidying drops of mails that ended long ago, and what it keeps. */
import { beforeEach, expect, test } from 'vitest'
import { cancelMessages } from '../../src/delivery/cancel-messages.ts'
import { enqueueResponse } from '../../src/delivery/enqueue-response.ts'
import { readContent } from '../../src/reports/message.ts'
import { tidyContents } from '../../src/worker/tasks/tidy.ts'
import { settledMail } from '../delivery/in-state.ts'
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

const FILE = JSON.stringify([{ filename: 'offer.pdf', contentType: 'application/pdf', content: 'JVBERi0=' }])
const addMaterial = (message_id: number): Promise<number> =>
  world.insert('message_material', { message_id, text: 'Text', attachments: FILE, digest: 'x' }, 'message_id')
const later = (days: number): Promise<void> => setClock(database, NOON.add({ hours: 24 * days + 1 }))

test('texts go after their time, and not before; that a mail was sent stays', async () => {
  const { id } = await settledMail(world, { outcome: 'accepted' })
  await later(29)
  expect(await tidyContents(database, 30)).toBe(0)
  await later(30)
  expect(await tidyContents(database, 30)).toBe(1)
  expect(await readContent(database, id)).toBeNull()
  expect(await world.row('message', id)).toMatchObject({ status: 'sent' })
})

test('a mail that a follow-up is still to answer keeps its text', async () => {
  await world.campaign({ steps: ['intro', 'reminder'] })
  const { id } = await settledMail(world, { outcome: 'accepted' })
  await later(31)
  expect(await tidyContents(database, 30)).toBe(0)
  expect(await readContent(database, id)).toMatchObject({ of: 'sent', text: 'Text' })
})

test('of a response its text and its attachments go too; one that waits, or may be retried, keeps them', async () => {
  const mails = [
    await settledMail(world, { outcome: 'accepted' }, { kind: 'response' }),
    await settledMail(world, { outcome: 'rejected', response: '550 no' }, { kind: 'response' }),
    await world.mail({ kind: 'response' }),
  ]
  for (const { id } of mails) await addMaterial(id)
  await later(31)
  await tidyContents(database, 30)
  const kept = await database.query(
    `select text, jsonb_array_length(attachments) as files from goniec.message_material order by message_id`,
  )
  expect(kept).toEqual([
    { text: null, files: 0 },
    { text: 'Text', files: 1 },
    { text: 'Text', files: 1 },
  ])
  expect(await readContent(database, mails[0]?.id ?? 0)).toBeNull()
  expect(await tidyContents(database, 30)).toBe(0)
})

test('a response that is asked for once more is known by what it was, also when that is gone', async () => {
  await world.lead({ email: 'jan@klient.example' })
  await world.mailbox({ address: 'anna@firma.example' })
  const request = { to: 'jan@klient.example', from: 'anna@firma.example', key: '17', subject: 'Offer', text: 'Text' }
  const { id } = await enqueueResponse(database, request)
  await cancelMessages(database, [id])
  await later(31)
  expect(await tidyContents(database, 30)).toBe(1)
  expect(await enqueueResponse(database, request)).toMatchObject({ id, created: false, subject: null })
})
