import { expect, test } from 'vitest'
import { settledMail } from '../delivery/in-state.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase } from '../support/database.ts'
import { goniec, type Ended } from '../support/goniec.ts'
import { claimOne, fence, settle, stateOf } from '../support/protocol.ts'
import { NOON, World } from '../support/world.ts'

const database = await createTestDatabase()
await setClock(database, NOON)
const world = new World(database.pool)
const doubt = (...args: (string | number)[]): Promise<Ended> =>
  goniec(['doubt', ...args.map(String)], { env: { DATABASE_URL: database.url } })

const lead = await world.lead({ email: 'jan@klient.example' })
const { id } = await settledMail(world, { outcome: 'unknown' }, { lead })

test('doubts are listed with what to search for', async () => {
  const { stdout } = await doubt('list', '--json')
  expect(JSON.parse(stdout)).toMatchObject([
    {
      id,
      campaign: expect.any(String),
      lead: 'jan@klient.example',
      mailbox: expect.any(String),
      rfc_message_id: `<mail-${id}@firma.example>`,
      transmitting_at: '2026-12-01T11:00:00.000Z',
    },
  ])
  const table = await doubt('list')
  expect(table.stdout).toMatch(/2026-12-01 12:00:00 +jan@klient\.example .* 2026-12-01 12:15$/m)
  expect(table.stderr).toContain(`Next: goniec doubt resolve ${id} --as sent|not-sent`)
})

test('resolving is refused while the attempt could be alive, then asks, then is done', async () => {
  expect(await doubt('resolve', id, '--as', 'sent', '--yes')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /could still be alive until 2026-12-01 12:15:00 \(Europe\/Warsaw\)\nTry: wait until then/,
    ),
  })
  await setClock(database, NOON.add({ minutes: 20 }))
  const asked = await doubt('resolve', id, '--as', 'not-sent')
  expect(asked.code).toBe(2)
  expect(asked.stderr).toMatch(/search the Sent folder of .* for\n {2}Message-ID <mail-\d+@firma\.example>\n/)
  expect(await stateOf(world.sql, id)).toMatchObject({ message: 'in_doubt' })
  const { code, stdout } = await doubt('resolve', id, '--as', 'not-sent', '--yes', '--json')
  expect({ code, data: JSON.parse(stdout) }).toEqual({
    code: 0,
    data: { id, status: 'pending', resolved_as: 'not-sent', dry_run: false },
  })
})

test('what is not in doubt is refused; a word that is none is wrong usage', async () => {
  expect(await doubt('resolve', id, '--as', 'sent', '--yes')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('not in doubt'),
  })
  expect(await doubt('resolve', id, '--as', 'maybe')).toMatchObject({ code: 2 })
  expect(await doubt('resolve', id)).toMatchObject({ code: 2 })
})

test('a doubt about a mail that the server had taken before, as it said late, is set aside by “not-sent”, and that is said', async () => {
  await setClock(database, NOON)
  const mail = await settledMail(world, { outcome: 'unknown' })
  await setClock(database, NOON.add({ minutes: 20 }))
  await doubt('resolve', mail.id, '--as', 'not-sent', '--yes')
  const at = NOON.add({ minutes: 20 })
  await world.update('message', mail.id, {
    mailbox_id: mail.mailbox,
    scheduled_at: at,
    window_closes_at: at.add({ hours: 1 }),
  })
  const again = await claimOne(database.pool, mail.worker, mail.id)
  await fence(database.pool, mail.worker, again)
  await settle(database.pool, mail.worker, { attempt: again, outcome: 'unknown' })
  await settle(database.pool, mail.worker, { attempt: mail.attempt, outcome: 'accepted' })
  await setClock(database, NOON.add({ minutes: 60 }))
  const { stderr } = await doubt('resolve', mail.id, '--as', 'not-sent', '--yes')
  expect(stderr).toContain(
    `Message ${mail.id} is set aside, since a late answer says that the server had taken it before; goniec message cancel ends it.`,
  )
})
