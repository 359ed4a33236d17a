import { expect, test } from 'vitest'
import { WORKER_NAME_LOCK } from '../../src/database/worker-lock.ts'
import { runPlan } from '../../src/campaigns/plan/run.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase } from '../support/database.ts'
import { goniec } from '../support/goniec.ts'
import { NOON, World } from '../support/world.ts'

const database = await createTestDatabase()
await setClock(database, NOON)
const world = new World(database.pool)
const env = { DATABASE_URL: database.url }

const mailbox = await world.mailbox({ address: 'anna@firma.example' })
const campaign = await world.campaign({ name: 'spring-offer', daily_limit: 1 })
await world.insert('campaign_mailbox', { campaign_id: campaign, mailbox_id: mailbox }, 'campaign_id')
const jan = await world.lead({ email: 'jan@klient.example' })
const first = await world.mail({ lead: jan, dueInMs: null })
const ewa = await world.lead({ email: 'ewa@klient.example' })
const second = await world.mail({ lead: ewa, dueInMs: null })
const piotr = await world.lead({ email: 'piotr@klient.example', blocked_at: NOON })
const third = await world.mail({ lead: piotr, dueInMs: null })
await runPlan(database)

test('of a mail: the documented fields, the gate that binds first', async () => {
  const { code, stdout, stderr } = await goniec(['why', String(second.id), '--json'], { env })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const why = JSON.parse(stdout)
  expect(why).toMatchObject({
    subject: {
      type: 'message',
      id: second.id,
      campaign: 'spring-offer',
      recipient: 'ewa@klient.example',
      status: 'pending',
    },
    sendable: false,
    reasons: [
      {
        code: 'campaign_limit',
        text: 'campaign spring-offer’s limit of 1 a day is full today',
        until: '2026-12-02T08:00:00.000Z',
        ended_by: 'time',
      },
      { code: 'planned', until: '2026-12-02T08:00:00.000Z' },
    ],
    next: 'sent',
    next_at: '2026-12-02T08:00:00.000Z',
    never: null,
  })
  expect(why.gates[0]).toEqual({
    gate: 'slot',
    open: false,
    code: 'planned',
    value: null,
    limit: null,
    opens_at: '2026-12-02T08:00:00.000Z',
  })
  expect(why.gates.map(({ gate }: { gate: string }) => gate).slice(1, 8)).toEqual([
    'restore',
    'brake',
    'window',
    'hold',
    'settings',
    'campaign',
    'campaign_delay',
  ])
  expect(why.gates).toContainEqual({
    gate: 'campaign_limit',
    open: true,
    code: null,
    value: 0,
    limit: 1,
    opens_at: null,
  })
})

test('people get sentences, what to do, what comes next, and the gates', async () => {
  const { code, stdout } = await goniec(['why', String(second.id)], { env })
  expect(code).toBe(0)
  expect(stdout.split('\n').slice(0, 6)).toEqual([
    `message  ${second.id}, campaign spring-offer, step intro, to ewa@klient.example`,
    'why      campaign spring-offer’s limit of 1 a day is full today',
    'do       nothing, or raise daily_limit in the definition file: goniec apply FILE',
    'and      it is planned for 2026-12-02 09:00 from anna@firma.example',
    'but      no worker is running, and nothing is planned or sent without one',
    'do       goniec worker',
  ])
  expect(stdout).toContain('\nnext     a worker that runs 2026-12-02 09:00:00 or later takes it\n\n')
  expect(stdout).toMatch(/^campaign limit\s+open\s+0\s+1/m)
})

test('no worker is running: that is said of a mail, a lead and a campaign, and not once one runs', async () => {
  const lead = await world.lead({ email: 'nikt@inny.example' })
  const other = await world.campaign({ name: 'autumn', status: 'paused' })
  await world.insert('campaign_mailbox', { campaign_id: other, mailbox_id: mailbox }, 'campaign_id')
  const { id } = await world.mail({ lead, campaign: other, dueInMs: null })
  const unplanned = ['why', String(id)]
  expect((await goniec(unplanned, { env })).stdout).not.toContain('no worker')
  await world.update('campaign', other, { status: 'running' })
  for (const asked of [String(id), 'nikt@inny.example', 'autumn']) {
    const { stdout } = await goniec(['why', asked], { env })
    expect(stdout).toMatch(
      /^do +goniec worker\nnext +a worker that is started looks for a place for it, within a minute$/m,
    )
    expect(JSON.parse((await goniec(['why', asked, '--json'], { env })).stdout)).toMatchObject({ worker_runs: false })
  }
  const session = await database.session()
  await world.worker({ worker: 'host-1' })
  await session.query(`select pg_advisory_lock($1, hashtext('host-1'))`, [WORKER_NAME_LOCK])
  const { stdout } = await goniec(unplanned, { env })
  expect(stdout).not.toContain('no worker')
  expect(stdout).toMatch(/^next +the plan looks for a place for it, .* at the latest$/m)
  expect(JSON.parse((await goniec([...unplanned, '--json'], { env })).stdout)).toMatchObject({ worker_runs: true })
})

async function todayOf(campaign: string): Promise<string | undefined> {
  return /^today +(.*)$/m.exec((await goniec(['why', campaign], { env })).stdout)?.[1]
}

test('a window until midnight ends at 24:00, and not at the hour at which it begins', async () => {
  const campaign = await world.campaign({ name: 'all-day', window_from: '00:00', window_to: '24:00' })
  expect(await todayOf('all-day')).toBe('2026-12-01, 00:00–24:00')
  await world.update('campaign', campaign, { window_from: '09:00', window_to: '17:00' })
  expect(await todayOf('all-day')).toBe('2026-12-01, 09:00–17:00')
  await world.update('campaign', campaign, { status: 'cancelled' })
})

test('of a campaign: its next mail, each day’s limit, what waits for what, and what nothing will send', async () => {
  const { code, stdout } = await goniec(['why', 'spring-offer', '--json'], { env })
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({
    subject: { type: 'campaign', name: 'spring-offer', status: 'running' },
    sendable: true,
    reasons: [{ code: 'due' }],
    next: 'sent',
    next_mail: { id: first.id },
    today: { day: '2026-12-01', opens_at: '2026-12-01T08:00:00.000Z', closes_at: '2026-12-01T16:00:00.000Z' },
    days: [
      { day: '2026-12-01', binding: 'campaign_limit' },
      { day: '2026-12-02', binding: 'all_planned' },
      ...['03', '04', '07', '08', '09'].map((day) => ({ day: `2026-12-${day}`, binding: 'all_planned' })),
    ],
    waiting: [
      { code: 'planned', mails: 2 },
      { code: 'lead_blocked', mails: 1 },
    ],
    counted_all: true,
    never: [{ code: 'lead_blocked', mails: 1, todo: expect.stringContaining('goniec lead unblock ADDRESS') }],
  })
  const people = await goniec(['why', 'spring-offer'], { env })
  expect(people.stdout).toContain('2026-12-01  the campaign’s limit')
  expect(people.stderr).toContain('Nothing will send 1 of them (its lead is blocked). Try: goniec lead unblock ADDRESS')
})

test('of a lead: each of its open mails; where none is open, what became of it', async () => {
  const open = await goniec(['why', 'PIOTR@klient.example', '--json'], { env })
  expect(JSON.parse(open.stdout)).toMatchObject({
    subject: { type: 'lead', address: 'piotr@klient.example' },
    sendable: false,
    reasons: [
      {
        code: 'lead_blocked',
        text: 'its lead piotr@klient.example is blocked',
        todo: 'goniec lead unblock piotr@klient.example',
      },
    ],
    next: null,
    mails: [{ subject: { id: third.id } }],
    ended: [],
  })
  const lead = await world.lead({ email: 'ola@klient.example', replied_at: NOON })
  const { id } = await world.mail({ lead, campaign, dueInMs: null })
  await world.update('message', id, { status: 'cancelled', slot_reason: 'lead_replied' })
  const ended = await goniec(['why', 'ola@klient.example'], { env })
  expect(ended.stdout).toContain('why       the sequence ended: its lead has replied')
  await world.lead({ email: 'nowa@klient.example' })
  const never = await goniec(['why', 'nowa@klient.example'], { env })
  expect(never.stdout).toContain('why   nowa@klient.example is in no campaign')
})

test('a name that is wrong gets the nearest one; a campaign whose name is a number goes before the mail of that number', async () => {
  const campaignTypo = await goniec(['why', 'spring-ofer'], { env })
  expect({ code: campaignTypo.code, stderr: campaignTypo.stderr }).toEqual({
    code: 1,
    stderr:
      'Error: there is no campaign "spring-ofer"; did you mean "spring-offer"?\nTry: goniec campaign show spring-offer\n',
  })
  const leadTypo = await goniec(['why', 'jan@klinet.example'], { env })
  expect(leadTypo.stderr).toBe(
    'Error: there is no lead "jan@klinet.example"; did you mean "jan@klient.example"?\nTry: goniec why jan@klient.example\n',
  )
  expect((await goniec(['why', '999999'], { env })).stderr).toContain('there is no message 999999')
  await world.campaign({ name: String(first.id) })
  expect(JSON.parse((await goniec(['why', String(first.id), '--json'], { env })).stdout).subject.type).toBe('campaign')
  expect(
    JSON.parse((await goniec(['why', String(first.id), '--message', '--json'], { env })).stdout).subject.type,
  ).toBe('message')
})

test('with --message what is no number is wrong usage, and not the mail that is called NaN, or that 0x1 stands for', async () => {
  for (const given of ['spring-offer', 'jan@klient.example', `0x${first.id.toString(16)}`]) {
    expect(await goniec(['why', given, '--message'], { env })).toMatchObject({
      code: 2,
      stderr: `Error: the ID of a message is a whole number from 1, not "${given}"\nTry: goniec why --help\n`,
    })
  }
})
