import { expect, test } from 'vitest'
import { claimedMail, settledMail, transmittingMail } from '../delivery/in-state.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase } from '../support/database.ts'
import { goniec, type Ended } from '../support/goniec.ts'
import { stateOf } from '../support/protocol.ts'
import { NOON, World } from '../support/world.ts'

const database = await createTestDatabase()
await setClock(database, NOON)
const world = new World(database.pool)
const message = (...args: (string | number)[]): Promise<Ended> =>
  goniec(['message', ...args.map(String)], { env: { DATABASE_URL: database.url } })

test('a message is shown with its history, as JSON and for people', async () => {
  const { id } = await settledMail(world, { outcome: 'accepted', response: '250 2.0.0 Ok: queued' })
  const { code, stdout } = await message('show', id, '--json')
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({
    id,
    status: 'sent',
    sent_at: '2026-12-01T11:00:00.000Z',
    attempts: [{ state: 'accepted', claimed_at: '2026-12-01T11:00:00.000Z', response: '250 2.0.0 Ok: queued' }],
    events: [{ type: 'claimed' }, { type: 'fenced' }, { type: 'settled' }, { type: 'sent' }],
  })
  const shown = await message('show', id, '--content')
  expect(shown.stdout).toMatch(/planned +2026-12-01 11:59:00\nsent +2026-12-01 12:00:00\nlate +1m\n/)
  expect(shown.stdout).toMatch(/accepted .* 250 2\.0\.0 Ok: queued\n/)
  expect(shown.stdout).toMatch(/\nsubject: Subject\nmessage-id: <.*>\n\nText\n$/)
})

test('a mail that was imported as sent before has no variant, and none is named', async () => {
  const { id } = await world.mail()
  await world.update('message', id, { variant: null })
  const { stdout, stderr } = await message('show', id)
  expect(stdout).toMatch(/message +\d+, campaign \S+, step intro\n/)
  expect(stderr).not.toContain('null')
})

test('a failed message is retried, and one that was sent is refused with the reason and the way out', async () => {
  const failed = await settledMail(world, { outcome: 'rejected', response: '550 relay not permitted' })
  const sent = await settledMail(world, { outcome: 'accepted' })
  const retried = await message('retry', failed.id, '--json')
  expect(JSON.parse(retried.stdout)).toMatchObject([{ id: failed.id, was: 'failed', status: 'pending' }])
  expect(retried.stderr).toMatch(/had failed \(550 relay not permitted\), and is pending again/)
  const { code, stderr } = await message('retry', sent.id)
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: `Error: message ${sent.id} is sent, and cannot become pending. The server has accepted this mail. Sending it again would mail a person twice.\nTry: goniec message show ${sent.id}\n`,
  })
})

test('cancelling asks; without a terminal it needs --yes', async () => {
  const { id } = await world.mail()
  expect(await message('cancel', id)).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/\nTry: add --yes, or --dry-run/),
  })
  expect(await message('cancel', id, '--dry-run')).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/^Would cancel message/),
  })
  expect(await stateOf(world.sql, id)).toMatchObject({ message: 'pending' })
  expect(await message('cancel', id, '--yes')).toMatchObject({
    code: 0,
    stderr: expect.stringContaining(`Cancelled message ${id}.`),
  })
  expect(await stateOf(world.sql, id)).toMatchObject({ message: 'cancelled' })
})

test('what cannot be cancelled is named, with what can be done, and the command fails', async () => {
  const sent = await settledMail(world, { outcome: 'accepted' })
  const wire = await transmittingMail(world)
  const pending = await world.mail()
  const { code, stdout, stderr } = await message('cancel', sent.id, wire.id, pending.id, '--yes', '--json')
  expect(code).toBe(1)
  expect(JSON.parse(stdout).map(({ status }: { status: string }) => status)).toEqual(['sent', 'sending', 'cancelled'])
  expect(stderr).toMatch(
    /: it was sent, and cannot be called back\n.*: its content is on the wire, and cannot be called back\n$/,
  )
})

test('what a worker has is stopped by what holds it: a campaign’s pause its mails, and a mailbox’s a response', async () => {
  const campaign = await world.campaign({ name: 'spring offer' })
  const mail = await claimedMail(world, { campaign })
  const response = await claimedMail(world, { kind: 'response', campaign })
  const { stderr } = await message('cancel', mail.id, response.id)
  expect(stderr).toMatch(
    /Try: goniec campaign pause 'spring offer' stops it .*\n.*Try: goniec mailbox pause ADDRESS stops it /,
  )
})

test('a number that is none is wrong usage, one of nobody an error', async () => {
  expect(await message('show', 'abc')).toMatchObject({ code: 2 })
  expect(await message('show', 999)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^Error: there is no message 999\nTry: /),
  })
})
