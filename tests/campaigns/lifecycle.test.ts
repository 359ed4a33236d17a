import { beforeEach, expect, test } from 'vitest'
import { cancelCampaign, cancelPreview } from '../../src/campaigns/cancel.ts'
import { sweepCancelled } from '../../src/campaigns/sweep-cancelled.ts'
import { pauseCampaign, resumeCampaign } from '../../src/campaigns/pause.ts'
import { startCampaign } from '../../src/campaigns/start.ts'
import { reviveCompleted, startDue, tendCampaigns } from '../../src/campaigns/tend.ts'
import { thisActor } from '../../src/database/actor.ts'
import { Temporal } from '../../src/time.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { TestWorld, untilSomebodyWaitsFor } from './world.ts'

let database: TestDatabase
let world: TestWorld

beforeEach(async () => {
  database = await createTestDatabase()
  world = new TestWorld(database)
  await setClock(database, Temporal.Instant.from('2026-11-30T23:30:00Z'))
  await world.salesperson()
  await world.mailbox()
})

test('a draft runs when it is started, and whoever started it is recorded', async () => {
  const id = await world.campaign('spring')
  expect(await startCampaign(database, 'spring')).toEqual({ name: 'spring', status: 'running', startsOn: null })
  const [row] = await database.query('select status, started_at is not null as started from goniec.campaign')
  expect(row).toEqual({ status: 'running', started: true })
  expect(await events()).toEqual([
    { type: 'campaign_started', campaign_id: id, actor: thisActor(), data: { from: 'draft', to: 'running' } },
  ])
})

test('a campaign with a day to start on is scheduled until that day comes in its own zone', async () => {
  // Half past midnight on 1 December in Warsaw, half past eleven at night the day before in London.
  await world.campaign('warsaw', { starts_on: '2026-12-02' })
  await world.campaign('london', { starts_on: '2026-12-01', timezone: 'Europe/London' })
  await world.campaign('today', { starts_on: '2026-12-01' })
  expect((await startCampaign(database, 'warsaw')).status).toBe('scheduled')
  expect((await startCampaign(database, 'london')).status).toBe('scheduled')
  expect((await startCampaign(database, 'today')).status).toBe('running')
  expect(await startDue(database)).toEqual([])
  await setClock(database, Temporal.Instant.from('2026-12-01T00:00:00Z'))
  expect(await startDue(database)).toEqual(['london'])
  await setClock(database, Temporal.Instant.from('2026-12-01T23:00:00Z'))
  expect((await tendCampaigns(database)).started).toEqual(['warsaw'])
  expect(await startDue(database)).toEqual([])
})

test('a paused campaign resumes where it was: running, or scheduled where it had never run', async () => {
  await world.campaign('running')
  await world.campaign('later', { starts_on: '2026-12-05' })
  for (const name of ['running', 'later']) {
    await startCampaign(database, name)
    expect(await pauseCampaign(database, name)).toEqual({ name, status: 'paused', changed: true, alreadyPassed: 0 })
    expect((await pauseCampaign(database, name)).changed).toBe(false)
  }
  expect((await resumeCampaign(database, 'running')).status).toBe('running')
  expect(await resumeCampaign(database, 'later')).toEqual({
    name: 'later',
    status: 'scheduled',
    startsOn: '2026-12-05',
  })
  await pauseCampaign(database, 'later')
  await setClock(database, Temporal.Instant.from('2026-12-06T12:00:00Z'))
  expect((await resumeCampaign(database, 'later')).status).toBe('running')
})

test('pausing says how many mails had already passed', async () => {
  const id = await world.campaign('spring', { status: 'running' })
  const [first, second] = [await world.enroll(id, 'a@klient.example'), await world.enroll(id, 'b@klient.example')]
  await world.mailbox('second@firma.example')
  const boxes = await database.query<{ id: number }>('select id from goniec.mailbox order by id')
  await world.attempt(first, 'transmitting', { mailboxId: boxes[0]?.id ?? 0 })
  await world.attempt(second, 'claimed', { mailboxId: boxes[1]?.id ?? 0 })
  expect((await pauseCampaign(database, 'spring')).alreadyPassed).toBe(1)
})

test('cancelling ends what is open, leaves what is on the wire or in doubt, and names the doubts', async () => {
  const id = await world.campaign('spring', { status: 'running' })
  const messages: number[] = []
  for (const lead of ['a', 'b', 'c', 'd', 'e']) messages.push(await world.enroll(id, `${lead}@klient.example`))
  const [sent, doubtful, claimed] = messages
  await world.attempt(sent ?? 0, 'accepted')
  await world.attempt(doubtful ?? 0, 'in_doubt')
  await world.attempt(claimed ?? 0, 'claimed')
  expect(await cancelPreview(database, 'spring')).toMatchObject({ pending: 2, sending: 1, inDoubt: 1 })
  expect(await cancelCampaign(database, 'spring')).toEqual({
    name: 'spring',
    cancelled: 2,
    alreadyPassed: 0,
    open: { pending: 0, sending: 1, inDoubt: 1, doubts: [{ id: doubtful, lead: 'b@klient.example' }] },
  })
  const states = await database.query('select status, count(*) as n from goniec.message group by 1 order by 1')
  expect(states).toEqual([
    { status: 'cancelled', n: 2 },
    { status: 'in_doubt', n: 1 },
    { status: 'sending', n: 1 },
    { status: 'sent', n: 1 },
  ])
  await expect(cancelCampaign(database, 'spring')).rejects.toMatchObject({ code: 'campaign_wrong_state' })
})

test('a mail that becomes pending in a cancelled campaign is cancelled by the next sweep', async () => {
  const id = await world.campaign('spring', { status: 'running' })
  await world.campaign('other', { status: 'running' })
  await cancelCampaign(database, 'spring')
  await world.enroll(id, 'late@klient.example')
  expect((await tendCampaigns(database)).cancelled).toBe(1)
  expect(await sweepCancelled(database)).toBe(0)
})

test('cancelling does not deadlock with a settle that makes a follow-up', async () => {
  const id = await world.campaign('spring', { status: 'running' })
  const message = await world.enroll(id, 'a@klient.example')
  const settling = await database.session()
  await settling.query('begin')
  await settling.query('select from goniec.message where id = $1 for no key update', [message])
  const cancelling = cancelCampaign(database, 'spring')
  await untilSomebodyWaitsFor(database, settling)
  // What follow_up() does: its foreign keys look at the campaign, while cancel waits for the message.
  await settling.query(
    `insert into goniec.message (kind, campaign_id, enrollment_id, lead_id, recipient, step_id, step_key)
     select kind, campaign_id, enrollment_id, lead_id, recipient, step_id, 'next' from goniec.message where id = $1`,
    [message],
  )
  await settling.query('commit')
  expect((await cancelling).cancelled).toBeGreaterThanOrEqual(1)
  await tendCampaigns(database)
  expect(await database.query(`select from goniec.message where status = 'pending'`)).toEqual([])
})

test('a completed campaign runs again when it has open mails', async () => {
  const id = await world.campaign('spring', { status: 'running' })
  await database.query('select goniec.complete_campaigns()')
  expect(await reviveCompleted(database, id)).toEqual([])
  await world.enroll(id, 'new@klient.example')
  expect(await reviveCompleted(database, id)).toEqual(['spring'])
  const [row] = await database.query('select status, completed_at from goniec.campaign')
  expect(row).toEqual({ status: 'running', completed_at: null })
})

test('a completed campaign stays so when its new leads may not be mailed', async () => {
  const id = await world.campaign('spring', { status: 'running' })
  await database.query('select goniec.complete_campaigns()')
  await world.enroll(id, 'new@klient.example')
  await database.query('update goniec.lead set blocked_at = goniec.now()')
  expect((await tendCampaigns(database)).revived).toEqual([])
})

test('what a campaign cannot do as it stands is refused with what it is and what to run', async () => {
  const refusals: Record<string, [verb: string, message: string, hint: string][]> = {
    draft: [
      ['pause', 'is a draft: it has not been started', 'goniec campaign start c'],
      ['resume', 'is a draft', 'goniec campaign start c'],
    ],
    scheduled: [
      ['start', 'is scheduled', 'goniec campaign show c'],
      ['resume', 'is scheduled', 'goniec campaign show c'],
    ],
    running: [
      ['start', 'is running', 'goniec campaign show c'],
      ['resume', 'is running', 'goniec campaign show c'],
    ],
    paused: [['start', 'is paused', 'goniec campaign resume c']],
    completed: [
      ['start', 'is completed', 'goniec lead import CSV --campaign c, which makes it run again'],
      ['pause', 'is completed', 'goniec campaign show c'],
      ['resume', 'is completed', 'goniec campaign show c'],
      ['cancel', 'is completed', 'goniec campaign show c'],
    ],
    cancelled: [
      ['start', 'is cancelled, and that is for good', 'another name'],
      ['pause', 'is cancelled', 'another name'],
      ['resume', 'is cancelled', 'another name'],
    ],
  }
  const verbs = { start: startCampaign, pause: pauseCampaign, resume: resumeCampaign, cancel: cancelCampaign }
  const id = await world.campaign('c')
  for (const [status, cases] of Object.entries(refusals)) {
    await database.query('alter table goniec.campaign disable trigger guard_campaign_update')
    await database.query('update goniec.campaign set status = $2 where id = $1', [id, status])
    await database.query('alter table goniec.campaign enable trigger guard_campaign_update')
    for (const [verb, message, hint] of cases) {
      await expect(verbs[verb as keyof typeof verbs](database, 'c')).rejects.toMatchObject({
        code: 'campaign_wrong_state',
        message: expect.stringContaining(message) as string,
        hint: expect.stringContaining(hint) as string,
      })
    }
  }
})

test('an unknown campaign gets the nearest name', async () => {
  await world.campaign('spring offer')
  await expect(pauseCampaign(database, 'sprng offer')).rejects.toMatchObject({
    message: 'there is no campaign "sprng offer"; did you mean "spring offer"?',
    hint: `goniec campaign show 'spring offer'`,
  })
})

async function events(): Promise<unknown[]> {
  return await database.query('select type, campaign_id, actor, data from goniec.event order by id')
}
