/**
 * The database forgets: a backup is put back, a standby without the last commits is promoted, a copy is made. What was mailed twice is decided by the
 * mail server's own record.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { untilRow } from '../support/until-row.ts'
import { endWorkers, startWorker, type LogLine, type WorkerProcess } from '../support/worker-process.ts'
import { runGoniec } from '../cli/run-goniec.ts'
import { ofDatabase } from './restorable-server.ts'
import { makeRestoredWorld, type RestoredWorld } from './restored-world.ts'

/** Twelve leads, two steps each. */
const ALL = 24

let world: RestoredWorld
let state: string

beforeEach(async () => {
  world = await makeRestoredWorld()
  state = join(world.directory, 'state')
}, 120_000)

afterEach(async () => {
  await endWorkers()
  await world.end()
}, 120_000)

const start = (name: string, args: string[] = []): WorkerProcess =>
  startWorker(world.workerUrl, { args: ['--name', name, ...args], env: { GONIEC_STATE: state, GONIEC_TICK: '500ms' } })

const restored = ({ msg }: LogLine): boolean => msg.startsWith('the database was restored')

async function resume(...flags: string[]): Promise<{ code: number | null; stderr: string; data: Answer }> {
  const { code, stdout, stderr } = await runGoniec(['resume', '--after-restore', '--json', ...flags], {
    url: world.url,
  })
  return { code, stderr, data: stdout === '' ? ({} as Answer) : (JSON.parse(stdout) as Answer) }
}

interface Answer {
  changed: boolean
  doubted: number
  restoration: {
    reason: string
    workers: { worker: string; is_complete: boolean; mails: number | null }[]
    mails: { recipient: string; step: string; rfc_message_id: string; outcome: string; became: string }[]
    due: { recipient: string; step: string }[]
  } | null
}

/** Some mails, a backup, and all the others. */
async function sendAroundBackup(worker: WorkerProcess, { stop = false, before = 4 } = {}): Promise<string[]> {
  await world.allowJust(before)
  await world.backUp()
  const known = await world.database.query<{ mail: string }>(
    `select m.recipient || ' ' || m.step_key as mail from goniec.message m join goniec.attempt a on a.message_id = m.id where a.transmitting_at is not null`,
  )
  world.allow(1000)
  await world.recorder.until(ALL)
  await untilRow(world.database, `select from goniec.message where status = 'sent' having count(*) = $1`, [ALL])
  if (stop) {
    worker.kill('SIGTERM')
    await worker.endedWell()
  }
  return known.map(({ mail }) => mail)
}

/** The database forgets, and so have the workers; what they had on the wire when the backup was made is over. */
async function loseLogbooksToo(): Promise<void> {
  rmSync(state, { recursive: true })
  await world.fail('recovered')
  await world.database.query(`update goniec.attempt set deadline_at = goniec.now() where state = 'transmitting'`)
}

/** Once it is let go on: another worker sends what is left, and the mail server has each mail once. */
async function sendTheRestOnce(worker: WorkerProcess): Promise<void> {
  worker.kill('SIGTERM')
  await worker.endedWell()
  await start('one', ['--until-idle']).endedWell()
  expect(world.recorder.mails).toHaveLength(ALL)
}

test(
  'a backup that is put back in place sends nothing, lists exactly what was forgotten, and repeats none of it',
  { timeout: 300_000 },
  async () => {
    const known = await sendAroundBackup(start('one'), { stop: true })
    await world.fail('setBack')
    expect((await world.statuses())['sent']).toBeLessThan(ALL)

    const again = start('one')
    await again.line(restored)
    const { code, data } = await resume('--yes')
    expect(code).toBe(0)
    const forgotten = world.accepted().filter((mail) => !known.includes(mail))
    expect(data.restoration?.reason).toBe('forgotten')
    expect(data.restoration?.mails.map(({ recipient, step }) => `${recipient} ${step}`).toSorted()).toEqual(forgotten)
    expect(data).toMatchObject({ changed: true, doubted: 0 })

    again.kill('SIGTERM')
    await again.endedWell()
    const last = start('one', ['--until-idle'])
    await last.endedWell()
    expect(world.accepted()).toHaveLength(ALL)
    expect(new Set(world.accepted()).size).toBe(ALL)
    expect(await world.statuses()).toEqual({ sent: ALL })
    await audited()
  },
)

test(
  'a standby that lacked the last commits is noticed by a worker that lives on; what it had sent is not sent again',
  { timeout: 300_000 },
  async () => {
    const worker = start('one')
    const known = await sendAroundBackup(worker)
    await world.fail('recovered')
    await worker.line(restored)
    await untilRow(world.database, 'select from goniec.restoration_report where is_complete')
    expect(await openReason()).toBe('forgotten')
    const { data } = await resume('--yes')
    const forgotten = world.accepted().filter((mail) => !known.includes(mail))
    expect(data.restoration?.mails.map(({ recipient, step }) => `${recipient} ${step}`).toSorted()).toEqual(forgotten)
    await untilRow(world.database, `select from goniec.message where status = 'sent' having count(*) = $1`, [ALL])
    expect(world.recorder.mails).toHaveLength(ALL)
    await audited()
  },
)

test(
  'a standby that lacked nothing lets sending go on by itself, as soon as every worker has reported',
  { timeout: 300_000 },
  async () => {
    const workers = [start('one'), start('two')]
    world.allow(6)
    await world.recorder.until(6)
    await Promise.all(workers.map((worker) => worker.line(({ msg }) => msg === 'worker started')))
    await world.fail('promoted')
    world.allow(1000)
    await untilRow(world.database, `select from goniec.restoration where reason = 'promoted' and ended_by = 'workers'`)
    await world.recorder.until(ALL)
    await untilRow(world.database, `select from goniec.message where status = 'sent' having count(*) = $1`, [ALL])
    expect(new Set(world.accepted()).size).toBe(ALL)
    expect(world.recorder.mails).toHaveLength(ALL)
    const [reported] = await world.database.query(
      'select array_agg(worker order by worker) as names from goniec.restoration_report',
    )
    expect(reported).toEqual({ names: ['one', 'two'] })
  },
)

test(
  'a worker that does not report keeps everything waiting until a person names it as lost; what it may have sent is in doubt',
  { timeout: 300_000 },
  async () => {
    const lost = start('two')
    await lost.line(({ msg }) => msg === 'worker started')
    const one = start('one')
    // Or the backup might be made before it was there: then the database has never heard of it.
    await one.line(({ msg }) => msg === 'worker started')
    await sendAroundBackup(one, { stop: true })
    lost.kill('SIGKILL')
    await lost.ended
    await loseLogbooksToo()

    // Nobody has a logbook now: not even the worker that comes back knows what it had sent.
    const again = start('one')
    await again.line(restored)
    await untilRow(world.database, 'select from goniec.restoration_report')
    const refused = await resume('--yes')
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('2 workers have not told what they had sent: one, two')
    expect(refused.stderr).toContain('--without one --without two')
    const shown = await resume('--dry-run')
    expect(shown.data).toMatchObject({ changed: false, restoration: { reason: 'promoted', mails: [] } })
    expect(await openReason()).toBe('promoted')
    const { code, data } = await resume('--yes', '--without', 'one', '--without', 'two')
    expect(code).toBe(0)
    expect(data.doubted).toBe(data.restoration?.due.length)
    expect(data.doubted).toBeGreaterThan(0)

    await sendTheRestOnce(again)
    const { in_doubt: doubts, pending } = await world.statuses()
    expect(doubts).toBeGreaterThanOrEqual(data.doubted)
    expect(pending).toBeUndefined()
    await audited()
  },
)

test(
  'a mail that no plan had looked at when the backup was made may have gone out as well: without a report it is in doubt',
  { timeout: 300_000 },
  async () => {
    const one = start('one')
    await one.line(({ msg }) => msg === 'worker started')
    await untilRow(world.database, `select from goniec.attempt where state = 'transmitting' having count(*) = 3`)
    const planner = await world.database.pool.connect()
    await planner.query(`select pg_advisory_lock(goniec.lock_key('plan'))`)
    world.allow(4)
    await untilRow(world.database, `select from goniec.message where status = 'sent' having count(*) = 4`)
    const [unplanned] = await world.database.query<{ mails: number }>(
      `select count(*)::int as mails from goniec.message where step_key = 'reminder' and scheduled_at is null`,
    )
    expect(unplanned?.mails).toBe(4)
    await world.backUp()
    await planner.query(`select pg_advisory_unlock(goniec.lock_key('plan'))`)
    planner.release()
    world.allow(1000)
    await untilRow(world.database, `select from goniec.message where status = 'sent' having count(*) = $1`, [ALL])
    one.kill('SIGTERM')
    await one.endedWell()
    await loseLogbooksToo()

    const again = start('one')
    await again.line(restored)
    await untilRow(world.database, 'select from goniec.restoration_report')
    const { data } = await resume('--yes', '--without', 'one')
    expect(data.restoration?.due.filter(({ step }) => step === 'reminder')).toHaveLength(4)
    await sendTheRestOnce(again)
    await audited()
  },
)

test(
  'of a worker that was first started after the backup the database knows nothing: a person is told, and may name it as lost',
  { timeout: 300_000 },
  async () => {
    const one = start('one')
    await world.allowJust(4)
    await world.backUp()
    await world.allowJust(7)
    one.kill('SIGTERM')
    const two = startWorker(world.workerUrl, {
      args: ['--name', 'two', '--until-idle'],
      env: { GONIEC_STATE: join(world.directory, 'state-of-two') },
    })
    world.allow(1000)
    await one.endedWell()
    await two.endedWell()
    expect(world.recorder.mails).toHaveLength(ALL)
    await world.fail('recovered')

    const again = start('one')
    await untilRow(world.database, 'select from goniec.restoration_report')
    const { stdout, stderr } = await runGoniec(['resume', '--after-restore', '--dry-run'], { url: world.url })
    expect(stdout).not.toContain('two')
    expect(stderr).toMatch(/\d+ mails were due in that time, and none of these workers tells of having sent them/)
    expect(stderr).toMatch(/first started after \d{4}.*name it with --without/)
    const { code, data } = await resume('--yes', '--without', 'two')
    expect(code).toBe(0)
    expect(data.doubted).toBe(data.restoration?.due.length)
    expect(data.doubted).toBeGreaterThan(0)
    await sendTheRestOnce(again)
    await audited()
  },
)

test('a copy of the database sends nothing, and the original does not notice', { timeout: 300_000 }, async () => {
  const copy = await world.copyTo('staging')
  try {
    world.allow(1000)
    const held = startWorker(ofDatabase(world.workerUrl, 'staging'), {
      args: ['--name', 'one'],
      env: { GONIEC_STATE: join(world.directory, 'state-of-staging'), GONIEC_TICK: '500ms' },
    })
    await held.line(restored)
    await start('one', ['--until-idle']).endedWell()
    expect(world.recorder.mails).toHaveLength(ALL)
    expect(await copy.query('select from goniec.attempt')).toEqual([])
    const status = await runGoniec(['status', '--check'], { url: copy.url })
    expect(status).toMatchObject({ code: 3 })
    expect(status.stdout).toMatch(/^restored: nothing is sent since .*in another place than it was/)
    expect(await world.database.query('select from goniec.restoration')).toEqual([])
  } finally {
    await copy.close()
  }
})

async function openReason(): Promise<string | undefined> {
  const [open] = await world.database.query<{ reason: string }>(
    'select reason from goniec.restoration where ended_at is null',
  )
  return open?.reason
}

async function audited(): Promise<void> {
  const { stdout } = await runGoniec(['audit', '--json'], { url: world.url })
  const { checks } = JSON.parse(stdout) as { checks: { name: string; ok: boolean; violations: unknown[] }[] }
  expect(checks.filter(({ ok }) => !ok)).toEqual([])
}
