/** Where several things stand against the mails of a campaign, `goniec why` names of each mail what stands against that one. */
import { expect, test } from 'vitest'
import { explainLead } from '../../../src/reports/why/lead.ts'
import { WhyWorld } from './why-world.ts'

const ANNA = 'anna@firma.example'

interface Begun {
  world: WhyWorld
  campaign: number
}

async function begin(columns: Record<string, unknown> = {}): Promise<Begun> {
  const world = await WhyWorld.at('2026-12-07 10:00')
  await world.salesperson({ email: ANNA })
  const mailbox = await world.mailbox({ address: ANNA })
  return { world, campaign: await world.sent({ name: 'spring', ...columns }, mailbox) }
}

const first = async ({ world }: Begun, id: number): Promise<{ code?: string; text?: string; todo?: string | null }> =>
  (await world.why(id)).reasons[0] ?? {}

test('a mail that nobody else’s campaign has anything to do with is not said to wait for others', async () => {
  const begun = await begin({ contact_gap_days: 1 })
  const { world, campaign } = begun
  await world.insert('domain_limit', { domain: 'wp.example', daily_limit: 1, hourly_limit: null }, 'domain')
  const mailTo = async (email: string): Promise<number> =>
    (await world.mail({ campaign, lead: await world.lead({ email }), dueInMs: null })).id
  await mailTo('a@wp.example')
  const kept = await mailTo('b@wp.example')
  const other = await world.campaign({ name: 'autumn', status: 'paused' })
  const held = await world.waiting(3, campaign)
  for (const id of held) {
    const { lead_id: lead } = await world.row('message', id)
    await world.insert('lead_day', { lead_id: lead, day: '2026-12-07', campaign_id: other }, 'lead_id')
  }
  await world.plan()
  expect(await first(begun, held[0] ?? 0)).toMatchObject({ code: 'contact_gap' })
  const { reasons } = await world.why(kept)
  expect(reasons.map(({ text }) => text).join()).not.toContain('other campaigns')
  expect(reasons.at(-1)).toMatchObject({ code: 'planned' })
})

test('a mail to a domain without a limit is not said to wait for one', async () => {
  const begun = await begin({ daily_limit: 2 })
  const { world, campaign } = begun
  await world.insert('domain_limit', { domain: 'wp.example', daily_limit: 1, hourly_limit: null }, 'domain')
  const mailTo = async (email: string): Promise<number> =>
    (await world.mail({ campaign, lead: await world.lead({ email }), dueInMs: null })).id
  const limited: number[] = []
  for (const name of ['a', 'b', 'c', 'd']) limited.push(await mailTo(`${name}@wp.example`))
  await mailTo('e@klient.example')
  const kept = await mailTo('f@klient.example')
  await world.plan()
  expect(await first(begun, limited[3] ?? 0)).toMatchObject({ code: 'domain_limit' })
  expect((await world.why(kept)).reasons.map(({ text }) => text).join()).not.toContain('domain_limits')
})

test('of a mail that has failed it names what a retry takes, and none where every retry is refused', async () => {
  const { world, campaign } = await begin({ steps: ['intro', 'reminder'] })
  const fail = async (email: string): Promise<number> => {
    const { id } = await world.mail({ campaign, lead: await world.lead({ email }) })
    await world.update('message', id, { status: 'failed', failed_reason: '550 no' })
    return id
  }
  const todoOf = async (id: number): Promise<unknown> => (await world.why(id)).reasons[0]?.todo
  const endedOf = async (email: string): Promise<unknown> => (await explainLead(world.database, email)).ended[0]?.todo
  const suppressed = await fail('jan@klient.example')
  await world.insert('suppression', { value: 'klient.example' }, 'value')
  const twoSteps = `by mistake: goniec suppress remove klient.example, then goniec message retry ${suppressed}`
  expect([await todoOf(suppressed), await endedOf('jan@klient.example')]).toEqual([twoSteps, twoSteps])
  const removed = await fail('ewa@inny.example')
  await world.sql.query(
    'update goniec.enrollment set removed_at = goniec.now() where id = (select enrollment_id from goniec.message where id = $1)',
    [removed],
  )
  expect(await todoOf(removed)).toBeNull()
  const passed = await fail('iza@inny.example')
  const { lead_id: lead } = await world.row('message', passed)
  await world.mail({ campaign, lead: Number(lead), step: 'reminder', dueInMs: null })
  expect(await todoOf(passed)).toBeNull()
  const cancelled = await fail('ola@inny.example')
  await world.update('campaign', campaign, { status: 'cancelled' })
  expect([await todoOf(cancelled), await endedOf('ola@inny.example')]).toEqual([null, null])
})

test('of a response that is braked it is not said that the plan gives it a time: it does not before the brake is lifted', async () => {
  const { world } = await begin()
  await world.lead({ email: 'jan@klient.example' })
  const id = Number(
    await world.value(
      `select goniec.enqueue_response("to" => 'jan@klient.example', "from" => $1, key => 'k', subject => 's', text => 'Hi')`,
      [ANNA],
    ),
  )
  const codes = async (): Promise<string[]> => (await world.why(id)).reasons.map(({ code }) => code)
  await world.sql.query('update goniec.installation set paused_at = goniec.now()')
  await world.plan()
  expect(await codes()).toEqual(['all_paused'])
  await world.sql.query('update goniec.salesperson set paused_at = goniec.now()')
  await world.sql.query('update goniec.installation set paused_at = null')
  await world.plan()
  expect(await codes()).toEqual(['salesperson_paused'])
})
