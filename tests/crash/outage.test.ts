/**
 * The database server is stopped hard while mails are in flight, and comes back. The worker process stays; what it learnt meanwhile it writes
 * down afterwards; the mail server's own record says that nobody was mailed twice.
 */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startRecorder, type Recorder } from '../support/recorder.ts'
import { untilRow } from '../support/until-row.ts'
import { endWorkers, startWorker } from '../support/worker-process.ts'
import { makeFleet } from './fleet.ts'
import { startOwnServer, type OwnServer } from './own-server.ts'

const MAILBOXES = 4

let server: OwnServer
let recorder: Recorder
let release: () => void

beforeEach(async () => {
  server = await startOwnServer()
  let waiting = 0
  const { promise: gate, resolve } = Promise.withResolvers<void>()
  release = resolve
  // The first mail of each mailbox waits for the answer to its dot.
  recorder = await startRecorder({
    refuse: {
      dot: async () => {
        waiting += 1
        if (waiting <= MAILBOXES) await gate
      },
    },
  })
  await makeFleet(server.database, { mailboxes: MAILBOXES, campaigns: 2, leads: 20, smtpPort: recorder.port })
}, 120_000)

afterEach(async () => {
  await endWorkers()
  await recorder.close()
  await server.remove()
}, 120_000)

test(
  'outcomes that arrive while the database is away are kept and written; nothing is sent meanwhile, nothing twice',
  { timeout: 120_000 },
  async () => {
    const worker = startWorker(server.workerUrl, { args: ['--name', 'survivor'] })
    await untilRow(server.database, ALL_IN_FLIGHT, [MAILBOXES])
    await server.stop()
    await worker.line(({ msg }) => msg.startsWith('the database is away'))
    release()
    await recorder.until(MAILBOXES)
    await worker.line(({ msg }) => msg.startsWith('an outcome could not be written yet'))
    expect(recorder.mails).toHaveLength(MAILBOXES)

    await server.start()
    await worker.line(({ msg }) => msg === 'the database is back')
    await recorder.until(40)
    worker.kill('SIGTERM')
    await worker.endedWell()

    const to = recorder.mails.map((mail) => `${mail.to[0]} ${mail.headers.get('subject')?.split(' ')[0]}`)
    expect(new Set(to).size).toBe(40)
    expect(recorder.mails).toHaveLength(40)
    expect(await statuses(server)).toEqual({ sent: 40 })
    // Kept outcomes are written as soon as they can be; what was claimed anew comes behind the return, and what follows it.
    const words = worker.log.map(({ msg }) => msg)
    const sent = words.flatMap((word, index) => (word === 'sent' ? [index] : []))
    expect(sent[MAILBOXES]).toBeGreaterThan(words.indexOf('the database is back'))
  },
)

test(
  'a worker that is stopped while the database is away ends within the bound, with 1, and says what it could not write',
  { timeout: 120_000 },
  async () => {
    const worker = startWorker(server.workerUrl, { args: ['--name', 'survivor'], env: { GONIEC_DRAIN: '2s' } })
    await untilRow(server.database, ALL_IN_FLIGHT, [MAILBOXES])
    await server.stop()
    await worker.line(({ msg }) => msg.startsWith('the database is away'))
    release()
    await recorder.until(MAILBOXES)
    worker.kill('SIGTERM')
    const startedMs = performance.now()
    expect(await worker.ended).toBe(1)
    // Twice the bound, the time to close, and room for a busy machine.
    expect(performance.now() - startedMs).toBeLessThan(20_000)
    expect(worker.errors()).toContain(`${MAILBOXES} outcomes could not be written`)
    const told = worker.log.filter(({ msg }) => msg.startsWith('this outcome could not be written'))
    expect(told.map(({ outcome }) => outcome)).toEqual(Array(MAILBOXES).fill('accepted'))

    await server.start()
    const next = startWorker(server.workerUrl, { args: ['--name', 'survivor', '--until-idle'] })
    await next.endedWell()
    expect(await statuses(server)).toEqual({ in_doubt: MAILBOXES, sent: 2 * (20 - MAILBOXES) })
    expect(recorder.mails).toHaveLength(MAILBOXES + 2 * (20 - MAILBOXES))
  },
)

const ALL_IN_FLIGHT = `select from goniec.attempt where state = 'transmitting' having count(*) = $1`

async function statuses({ database }: OwnServer): Promise<Record<string, number>> {
  const rows = await database.query<{ status: string; n: number }>(
    'select status, count(*)::int as n from goniec.message group by 1 order by 1',
  )
  return Object.fromEntries(rows.map(({ status, n }) => [status, n]))
}
