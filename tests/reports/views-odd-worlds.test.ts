/** What views say of leads whose sequence was cut short, and of a response that belongs to a campaign of another zone. */
import { expect, test } from 'vitest'
import { Temporal, type Instant } from '../../src/time.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { claimOne, fence, settle } from '../support/protocol.ts'
import { World } from '../support/world.ts'

const NIGHT = Temporal.Instant.from('2026-12-08T01:00:00Z')

async function begin(
  at: Instant,
): Promise<{ database: TestDatabase; world: World; accept: (id: number) => Promise<void> }> {
  const database = await createTestDatabase()
  await setClock(database, at)
  const world = new World(database.pool, at)
  const worker = await world.worker()
  const accept = async (id: number): Promise<void> => {
    const attempt = await claimOne(database.pool, worker, id)
    await fence(database.pool, worker, attempt, [
      { attempt_id: attempt, subject: 'Offer', text: 'Text', html: null, headers: {} },
    ])
    await settle(database.pool, worker, { attempt, stage: 'dot', outcome: 'accepted', code: 250, response: '250 ok' })
  }
  return { database, world, accept }
}

test('leads: only who got the last mail has finished, not one whose follow-up failed or was cancelled', async () => {
  const { database, world, accept } = await begin(NIGHT)
  await world.campaign({ steps: ['intro', 'reminder'] })
  const ends: Record<string, string> = {
    'gone@klient.example': `status = 'failed', failed_reason = '550 no'`,
    'stopped@klient.example': `status = 'cancelled', slot_reason = 'cancelled'`,
    'over@klient.example': `status = 'cancelled', slot_reason = 'campaign cancelled'`,
    'all@klient.example': `status = 'cancelled', slot_reason = 'step removed'`,
    'waits@klient.example': `slot_reason = 'not_due'`,
  }
  for (const [email, end] of Object.entries(ends)) {
    const { id, lead } = await world.mail({ lead: await world.lead({ email }) })
    await accept(id)
    await world.sql.query(`update goniec.message set ${end} where lead_id = $1 and step_key = 'reminder'`, [lead])
  }
  const states = await database.query<{ lead: string; state: string; mails_sent: number }>(
    'select lead, state, mails_sent from goniec_report.leads',
  )
  expect(Object.fromEntries(states.map(({ lead, state }) => [lead, state]))).toEqual({
    'gone@klient.example': 'not_reached',
    'stopped@klient.example': 'not_reached',
    'over@klient.example': 'not_reached',
    'all@klient.example': 'finished',
    'waits@klient.example': 'between_mails',
  })
})

test('queue, sent: a response has the day on which it counts, and the zone of that day, whatever its campaign’s is', async () => {
  const { database, world, accept } = await begin(NIGHT)
  const campaign = await world.campaign({ timezone: 'America/New_York' })
  const mails = [await world.mail({ campaign }), await world.mail({ kind: 'response', campaign, dueInMs: 0 })]
  const days = async (view: string, at: string): Promise<unknown> =>
    database.query(`select kind, day::text, timezone, (${at} at time zone timezone)::date::text = day::text as of_zone
      from goniec_report.${view} order by kind`)
  const expected = [
    { kind: 'campaign', day: '2026-12-07', timezone: 'America/New_York', of_zone: true },
    { kind: 'response', day: '2026-12-08', timezone: 'Europe/Warsaw', of_zone: true },
  ]
  expect(await days('queue', 'scheduled_at')).toEqual(expected)
  // A response goes first.
  for (const { id } of mails.toReversed()) await accept(id)
  expect(await days('sent', 'sent_at')).toEqual(expected)
})
