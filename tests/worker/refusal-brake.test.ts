/** A list of which a server refuses every third address, through a real worker: it is stopped, and says why. */
import { afterAll, expect, test } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { reply, startFaultServer } from '../smtp/fault-server.ts'
import { endWorkers, startWorker } from '../support/worker-process.ts'
import { makeFleet } from '../crash/fleet.ts'

afterAll(endWorkers)

test('a bad list is stopped in the middle, and the worker’s log says why; the rest waits, and nobody gets it', async () => {
  const database = await createTestDatabase()
  let asked = 0
  const server = await startFaultServer({
    plan: () => (asked++ % 3 === 0 ? { rcpt: reply('550 5.1.1 No such user here') } : {}),
  })
  await makeFleet(database, { mailboxes: 3, campaigns: 1, leads: 120, smtpPort: server.port, delayMs: 10 })
  await database.query('update goniec.step set wait_ms = 86400000 where position = 2')
  await database.query('update goniec.installation set refusal_least = 15, refusal_last = 60')

  const worker = startWorker(database.urlAs('worker'), { args: ['--name', 'brake'] })
  const line = await worker.line(({ msg }) => msg === 'paused: too many refusals')
  expect(line).toMatchObject({
    level: 'error',
    why: expect.stringMatching(/^campaign campaign-1: \d+ of its last \d+ mails were refused/),
  })
  worker.kill('SIGTERM')
  await worker.endedWell()

  const [campaign] = await database.query<{ status: string; status_reason: string; paused_at: string }>(
    `select c.status, c.status_reason, e.at::text as paused_at
     from goniec.campaign c join goniec.event e on e.campaign_id = c.id and e.type = 'campaign_paused'`,
  )
  expect(campaign).toMatchObject({
    status: 'paused',
    status_reason: expect.stringMatching(/refused for good, more than 5 %$/),
  })
  const late = await database.query(
    `select a.id from goniec.attempt a, goniec.event e where e.type = 'campaign_paused' and a.transmitting_at > e.at + interval '1 second'`,
  )
  expect(late).toEqual([])
  const [waiting] = await database.query<{ mails: number }>(
    `select count(*)::int as mails from goniec.message where status = 'pending' and step_key = 'intro'`,
  )
  expect(waiting?.mails).toBeGreaterThan(60)
  const [sent] = await database.query<{ mails: number }>(
    `select count(*)::int as mails from goniec.message where status = 'sent'`,
  )
  expect(server.accepted().length).toBe(sent?.mails)
  await server.close()
})
