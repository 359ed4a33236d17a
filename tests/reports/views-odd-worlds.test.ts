/** What views say of leads whose sequence was cut short. */
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
