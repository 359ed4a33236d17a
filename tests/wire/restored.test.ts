/**
 * The database has forgotten what was mailed, or is a copy of the one that mailed it. How that is noticed is not looked at: nobody has a mail twice.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { resumeAfterRestore } from '../../src/delivery/resume-after-restore.ts'
import { ofDatabase } from '../crash/restorable-server.ts'
import { makeRestoredWorld, type RestoredWorld } from '../crash/restored-world.ts'
import { untilRow } from '../support/until-row.ts'
import { endWorkers, startWorker, type WorkerProcess } from '../support/worker-process.ts'

const BOTH = ['lead1@people.example intro', 'lead1@people.example reminder']

let world: RestoredWorld
let state: string

beforeEach(async () => {
  world = await makeRestoredWorld({ mailboxes: 1, leads: 1 })
  state = join(world.directory, 'state')
  world.allow(1000)
}, 120_000)

afterEach(async () => {
  await endWorkers()
  await world.end()
}, 120_000)

const start = (args: string[] = []): WorkerProcess =>
  startWorker(world.workerUrl, { args: ['--name', 'mine', ...args], env: { GONIEC_STATE: state } })

const work = async (): Promise<void> => start(['--until-idle']).endedWell()

test('a copy of the database mails nobody whom its original mails', { timeout: 300_000 }, async () => {
  const copy = await world.copyTo('staging')
  await copy.close()
  await work()
  // On another machine: it knows no logbook.
  const env = { GONIEC_STATE: join(world.directory, 'state-of-staging') }
  await startWorker(ofDatabase(world.workerUrl, 'staging'), {
    args: ['--name', 'mine', '--until-idle'],
    env,
  }).endedWell()
  expect(world.accepted()).toEqual(BOTH)
})

test(
  'a standby that lacked the last commits mails nobody twice, although the worker has lost its logbook',
  { timeout: 300_000 },
  async () => {
    await makeKnown()
    await world.backUp()
    await work()
    rmSync(state, { recursive: true })
    await world.fail('recovered')
    await work()
    expect(world.accepted()).toEqual(BOTH)
  },
)

test(
  'a backup that is put back in place, on the timeline that it was of, mails nobody twice',
  { timeout: 300_000 },
  async () => {
    await world.backUp()
    await work()
    await world.fail('setBack')
    await work()
    expect(world.accepted()).toEqual(BOTH)
  },
)

test(
  'a lead that the backup did not know has no mail twice when it is imported again after the restore',
  { timeout: 300_000 },
  async () => {
    await world.backUp()
    await enrollAgain()
    await work()
    const all = [...BOTH, 'again@people.example intro', 'again@people.example reminder'].toSorted()
    expect(world.accepted()).toEqual(all)
    await world.fail('setBack')
    await work()
    expect(await resumeAfterRestore(world.database, { without: [] })).toEqual({ changed: true, doubted: 0 })
    await enrollAgain()
    start()
    await untilRow(
      world.database,
      `select from goniec.attempt a join goniec.message m on m.id = a.message_id where m.recipient = 'again@people.example' and a.finished_at is not null`,
    )
    expect(world.accepted()).toEqual(all)
  },
)

test(
  'a database that was put aside for its backup, and is taken up again after all, mails nobody whom the restored one has mailed since',
  { timeout: 300_000 },
  async () => {
    const restored = await world.copyTo('restored')
    world.allow(1000)
    const url = ofDatabase(world.workerUrl, 'restored')
    const env = { GONIEC_STATE: state }
    try {
      await startWorker(url, { args: ['--name', 'mine', '--until-idle'], env }).endedWell()
      expect(await resumeAfterRestore(restored, { without: [] })).toEqual({ changed: true, doubted: 0 })
      await startWorker(url, { args: ['--name', 'mine', '--until-idle'], env }).endedWell()
    } finally {
      await restored.close()
    }
    expect(world.accepted()).toEqual(BOTH)
    await work()
    expect(world.accepted()).toEqual(BOTH)
    // Where the copy's mails went to a person has to say; he is asked once.
    expect(await resumeAfterRestore(world.database, { without: [] })).toEqual({ changed: true, doubted: 0 })
    expect(await world.statuses()).toEqual({ in_doubt: 1 })
    await work()
    expect(world.accepted()).toEqual(BOTH)
    expect(await resumeAfterRestore(world.database, { without: [] })).toEqual({ changed: false, doubted: 0 })
  },
)

/** The database has heard of the worker, which has sent nothing. */
async function makeKnown(): Promise<void> {
  await world.database.query('update goniec.installation set paused_at = goniec.now()')
  await work()
  await world.database.query('update goniec.installation set paused_at = null')
}

/** An import, as far as the tables see it. */
async function enrollAgain(): Promise<void> {
  await world.database.query(
    `with
     lead as (insert into goniec.lead (email) values ('again@people.example') returning id, email),
     enrollment as (
       insert into goniec.enrollment (campaign_id, lead_id, fields) select 1, id, '{"n": "1"}' from lead returning id, campaign_id, lead_id
     )
     insert into goniec.message (kind, campaign_id, enrollment_id, lead_id, recipient, step_id, step_key, variant)
     select 'campaign', e.campaign_id, e.id, l.id, l.email, s.id, s.key, 'A'
     from enrollment e cross join lead l join goniec.step s on s.campaign_id = e.campaign_id and s.position = 1`,
  )
}
