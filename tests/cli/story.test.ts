/** What `message show` and `lead show` tell, word for word. */
import { beforeAll, expect, test } from 'vitest'
import { actOnLeads } from '../../src/leads/lead-acts.ts'
import { addSuppressions } from '../../src/leads/suppressions.ts'
import { thisActor } from '../../src/database/actor.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase } from '../support/database.ts'
import { goniec, type Ended } from '../support/goniec.ts'
import { claimOne, fence, recover, settle, type Report } from '../support/protocol.ts'
import { NOON, World } from '../support/world.ts'

const database = await createTestDatabase()
const world = new World(database.pool)
const show = (noun: string, ...args: (string | number)[]): Promise<Ended> =>
  goniec([noun, 'show', ...args.map(String)], { env: { DATABASE_URL: database.url } })
const me = thisActor()
const owner = (await world.value('select session_user')) as string

/** The clock stands at so many minutes after noon in Warsaw. */
const at = (minutes: number): Promise<void> => setClock(database, NOON.add({ minutes }))
const plan = (message: number, mailbox: number, minutes: number, reason: string | null = null): Promise<void> =>
  world.update('message', message, {
    scheduled_at: NOON.add({ minutes }),
    mailbox_id: mailbox,
    window_closes_at: NOON.add({ hours: 30 }),
    planned_mailbox_version: 1,
    planned_campaign_version: 1,
    slot_reason: reason,
  })

/** Claims it and lets it pass the fence, a second later each. */
async function transmit(message: number, minutes: number): Promise<{ attempt: number; worker: number }> {
  await at(minutes)
  const worker = await world.worker({ worker: 'host-1' })
  const attempt = await claimOne(database.pool, worker, message)
  await setClock(database, NOON.add({ minutes, seconds: 1 }))
  await fence(database.pool, worker, attempt)
  await setClock(database, NOON.add({ minutes, seconds: 2 }))
  return { attempt, worker }
}

async function send(message: number, minutes: number, report: Omit<Report, 'attempt'> & Pick<Report, 'outcome'>) {
  const { attempt, worker } = await transmit(message, minutes)
  await settle(database.pool, worker, { ...report, attempt })
}

let lead = 0
let intro = 0
let response = 0
let reminder = 0
beforeAll(async () => {
  await at(0)
  const [first, second] = [
    await world.mailbox({ address: 'anna@firma.example' }),
    await world.mailbox({ address: 'biuro@firma.example' }),
  ]
  const campaign = await world.campaign({ name: 'spring', steps: ['intro', 'reminder'] })
  lead = await world.lead({ email: 'jan@klient.example', email_given: 'JAN@klient.example' })
  await world.enrollment(campaign, lead, { created_by: me })
  intro = (await world.mail({ campaign, lead, dueInMs: null })).id
  await at(1)
  await plan(intro, first, 10)
  await at(2)
  await plan(intro, second, 20, 'mailbox')
  await plan(intro, second, 30, 'capacity')
  await send(intro, 30, { outcome: 'deferred', code: 451, response: '451 4.7.1 Greylisted' })
  await world.update('message', intro, { not_before: null })
  await plan(intro, second, 40, 'retry')
  const doubt = await transmit(intro, 40)
  await at(60)
  await recover(database.pool, null, { gone: [doubt.worker] })
  await at(61)
  await goniec(['doubt', 'resolve', String(intro), '--as', 'sent', '--yes'], { env: { DATABASE_URL: database.url } })
  await at(70)
  response = Number(
    await world.value(
      `select goniec.enqueue_response("to" => 'jan@klient.example', key => 'price list', text => 'Here', subject => 'Prices')`,
    ),
  )
  await plan(response, second, 75)
  await send(response, 75, { outcome: 'accepted', code: 250, response: '250 2.0.0 Ok' })
  await at(24 * 60)
  await actOnLeads(database, { kind: 'replied' }, ['jan@klient.example'])
  await at(24 * 60 + 1)
  await addSuppressions(database, [{ value: 'klient.example', reason: 'asked by phone' }])
  reminder = Number(await world.value(`select id from goniec.message where step_key = 'reminder'`))
})

test('a mail’s story is told in words: places, moves with their reasons, attempts, the server’s words, who resolved a doubt', async () => {
  const { stdout, stderr } = await show('message', intro)
  expect(stdout.slice(stdout.indexOf('Tue 2026')))
    .toBe(`Tue 2026-12-01 12:01:00  planned for 12:10:00 from anna@firma.example
Tue 2026-12-01 12:02:00  moved from 12:10:00 at anna@firma.example to 12:20:00 at biuro@firma.example: its mailbox could not be used
Tue 2026-12-01 12:02:00  moved from 12:20:00 to 12:30:00: its place was taken
Tue 2026-12-01 12:30:00  taken by worker host-1
Tue 2026-12-01 12:30:01  its content goes on the wire
Tue 2026-12-01 12:30:02  refused by the server for now: 451 4.7.1 Greylisted
Tue 2026-12-01 12:30:02  back in the queue: tried again
Tue 2026-12-01 12:30:02  planned again for 12:40:00 from biuro@firma.example
Tue 2026-12-01 12:40:00  taken by worker host-1
Tue 2026-12-01 12:40:01  its content goes on the wire
Tue 2026-12-01 13:00:00  its worker was gone before the server's answer was known: nobody knows whether it was accepted
Tue 2026-12-01 13:00:00  in doubt
Tue 2026-12-01 13:01:00  its doubt is resolved: it was sent, says ${me}
Tue 2026-12-01 13:01:00  sent from biuro@firma.example
`)
  expect(stderr).toBe('Times are local in Europe/Warsaw.\n')
})

test('a lead’s story names who did what: the import, the mails, a response, the reply, the suppression of its domain', async () => {
  const { stdout } = await show('lead', 'jan@klient.example')
  expect(stdout.slice(stdout.indexOf('Tue 2026')))
    .toBe(`Tue 2026-12-01 12:00:00  the lead came in, given as JAN@klient.example
Tue 2026-12-01 12:00:00  enrolled in campaign spring, by ${me}
Tue 2026-12-01 12:30:02  mail ${intro} (spring, intro): refused by the server for now: 451 4.7.1 Greylisted
Tue 2026-12-01 13:00:00  mail ${intro} (spring, intro): in doubt
Tue 2026-12-01 13:01:00  mail ${intro} (spring, intro): its doubt is resolved: it was sent, says ${me}
Tue 2026-12-01 13:01:00  mail ${intro} (spring, intro): sent from biuro@firma.example
Tue 2026-12-01 13:10:00  mail ${response} (response, spring): asked for, by ${owner}
Tue 2026-12-01 13:15:02  mail ${response} (response, spring): sent from biuro@firma.example
Wed 2026-12-02 12:00:00  mail ${reminder} (spring, reminder): cancelled: its lead has replied, by ${me}
Wed 2026-12-02 12:00:00  the lead has replied, by ${me}
Wed 2026-12-02 12:01:00  klient.example was suppressed: asked by phone, by ${me}
`)
})

test('programs get the same events with type, actor, data and the words', async () => {
  const { events } = JSON.parse((await show('message', intro, '--json')).stdout) as { events: unknown[] }
  expect(events[1]).toEqual({
    at: '2026-12-01T11:02:00.000Z',
    type: 'moved',
    actor: owner,
    attempt_id: null,
    mailbox: 'biuro@firma.example',
    from_mailbox: 'anna@firma.example',
    worker: null,
    data: { from: '2026-12-01T11:10:00.000Z', to: '2026-12-01T11:20:00.000Z', reason: 'mailbox', from_mailbox: 1 },
    text: 'moved from 12:10:00 at anna@firma.example to 12:20:00 at biuro@firma.example: its mailbox could not be used',
  })
  const story = JSON.parse((await show('lead', 'jan@klient.example', '--json')).stdout) as { events: unknown[] }
  expect(story.events[1]).toMatchObject({ type: 'enrolled', actor: me, campaign: 'spring', message_id: null })
})

test('of a long story the last forty events are shown, and how many came before; --all shows it whole', async () => {
  const long = await world.mail({ dueInMs: null })
  for (let n = 1; n <= 50; n += 1) await plan(long.id, 1 + (n % 2), n, n === 1 ? null : 'capacity')
  const { stdout, stderr } = await show('message', long.id)
  expect(stdout.match(/^Wed .* (planned|moved) /gm)).toHaveLength(40)
  expect(stderr).toContain('10 earlier events: --all shows them.')
  expect((await show('message', long.id, '--all')).stdout.match(/^Wed .* (planned|moved) /gm)).toHaveLength(50)
})

test('mails that end with their campaign name who cancelled it', async () => {
  await world.campaign({ name: 'autumn' })
  const mail = await world.mail({ dueInMs: null })
  await goniec(['campaign', 'cancel', 'autumn', '--yes'], { env: { DATABASE_URL: database.url } })
  expect((await show('message', mail.id)).stdout).toMatch(
    new RegExp(`\\d  cancelled: campaign cancelled, by ${me}\\n$`),
  )
})
