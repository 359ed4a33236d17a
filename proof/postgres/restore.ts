/**
 * The database forgets: a backup is put back in place, a standby that lacked the last commits is promoted, or there is a copy beside it. Leads come
 * in, some of their mails go out, the backup is made while the next ones wait for their answer, all others go out, and then it happens. A person
 * says that sending may go on; everything that is due has to end, and nobody is mailed twice.
 */
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
// Nothing tells that nothing is left to do.
import { setTimeout as breathe } from 'node:timers/promises'
import { resumeAfterRestore } from '../../src/delivery/resume-after-restore.ts'
import { ofDatabase } from '../../tests/crash/restorable-server.ts'
import { makeRestoredWorld, type RestoredWorld } from '../../tests/crash/restored-world.ts'
import { Random } from '../../tests/simulation/random.ts'
import { untilRow } from '../../tests/support/until-row.ts'
import { startWorker, type WorkerProcess } from '../../tests/support/worker-process.ts'
import type { Cell, Ground, Run } from '../cell.ts'
import { checkFinished, countDoubts } from '../invariants.ts'
import { openOracle, readOracle, type Oracle } from '../oracle.ts'
import { enroll, openMails } from './world.ts'

type How = 'setBack' | 'recovered' | 'copied'

const NAMES: Record<How, string> = {
  setBack: 'C/restored/backup-put-back',
  recovered: 'C/restored/asynchronous-standby',
  copied: 'C/restored/copy',
}

const RUNS = 30

/** So many follow each other on one server. */
const AT_ONCE = 10

const LEADS = 3

/** Two a lead. */
const MAILS = LEADS * 2

/** One for each way to forget. */
export const RESTORE_CELLS: readonly Cell[] = (Object.keys(NAMES) as How[]).map((how) => ({
  name: NAMES[how],
  block: 'C',
  runs: RUNS,
  atOnce: AT_ONCE,
  run: (seeds, ground) => playAll(how, seeds, ground),
}))

const OFTEN_MS = 40

interface Place {
  world: RestoredWorld
  oracle: Oracle
  worker: WorkerProcess
  state: string
}

/** All on one server, until something is broken: then the rest begins on a new one. */
async function playAll(how: How, seeds: readonly number[], { directory }: Ground): Promise<Run[]> {
  const runs: Run[] = []
  while (runs.length < seeds.length) {
    const place = await open(directory, `accepted-${runs.length}`)
    try {
      for (const seed of seeds.slice(runs.length)) {
        runs.push(await play(how, seed, place))
        if ((runs.at(-1)?.violations.length ?? 0) > 0) break
      }
    } finally {
      place.worker.kill('SIGKILL')
      await place.worker.ended
      await place.world.end()
      place.oracle.close()
    }
  }
  return runs
}

async function open(directory: string, record: string): Promise<Place> {
  // The server's user must be able to walk through it.
  await chmod(directory, 0o755)
  const oracle = openOracle(join(directory, record))
  const world = await makeRestoredWorld(
    { mailboxes: 3, campaigns: 2, leads: 0 },
    { base: directory, onAccept: oracle.accept },
  )
  const state = join(world.directory, 'state')
  return { world, oracle, state, worker: start(world.workerUrl, state) }
}

function start(url: string, state: string, args: readonly string[] = []): WorkerProcess {
  return startWorker(url, { args: ['--name', 'proof', ...args], env: { GONIEC_STATE: state, GONIEC_TICK: '500ms' } })
}

async function play(how: How, seed: number, place: Place): Promise<Run> {
  const random = new Random('restored', how, seed)
  const { world, oracle } = place
  const before = readOracle(oracle.path).length
  const name = `${how.toLowerCase()}-${seed}`
  world.allow(before)
  await place.worker.line(({ msg }) => msg === 'worker started')
  await enroll(world.database, name, LEADS)
  // So few that somebody's second mail is not on the wire yet when the backup is made: it lacks a mail whatever the seed.
  const early = random.int(0, LEADS - 1)
  world.allow(before + early)
  await world.recorder.until(before + early)
  const told = how === 'copied' ? await copy(place) : await forget(how, { place, name, random })
  await untilSent(place)
  const accepted = readOracle(oracle.path)
  const doubts = await countDoubts(world.database)
  return {
    seed,
    hit: told === null ? null : `after ${early} of ${MAILS} mails ${told}`,
    violations: [
      ...(await checkFinished({ database: world.database, accepted, allDue: true })),
      ...(doubts > 0 ? [`${doubts} mails are in doubt, though a logbook has every answer`] : []),
    ],
    accepted: accepted.length - before,
    doubts,
  }
}

/** A backup, all other mails, and the server as it was at the backup. */
async function forget(
  how: 'setBack' | 'recovered',
  { place, name, random }: { place: Place; name: string; random: Random },
): Promise<string | null> {
  const { world } = place
  await world.backUp()
  const known = await countPassed(place)
  // Somebody whom the backup does not know.
  const late = random.chance(0.5) ? 1 : 0
  await enroll(world.database, `${name}-late`, late)
  world.allow(Infinity)
  await untilSent(place)
  const forgotten = (await countPassed(place)) - known
  const noticed = await countRestorations(place)
  const livesOn = random.chance(0.5)
  if (!livesOn) await end(place)
  await world.fail(how)
  if (!livesOn) place.worker = start(world.workerUrl, place.state)
  await untilRow(
    world.database,
    `select from goniec.restoration r where r.id > $1 and (r.ended_at is not null or exists (
       select from goniec.restoration_report t where t.restoration_id = r.id and t.is_complete))`,
    [noticed],
  )
  await resumeAfterRestore(world.database, { without: [] })
  await enroll(world.database, `${name}-late`, late)
  const people = late > 0 ? ', a lead was imported after it and again later' : ''
  return forgotten > 0
    ? `a backup was made; it lacked ${forgotten} mails${people}; the worker ${livesOn ? 'lived on' : 'was started again'}`
    : null
}

/** The database is copied while the worker stands still; then both send, each with a worker of its own. */
async function copy(place: Place): Promise<string | null> {
  const { world } = place
  // It would be in the copy's way: a database that somebody uses is not copied.
  place.worker.kill('SIGSTOP')
  const staging = await world.copyTo('staging')
  place.worker.kill('SIGCONT')
  try {
    world.allow(Infinity)
    await untilSent(place)
    const url = ofDatabase(world.workerUrl, 'staging')
    await start(url, join(world.directory, 'state-of-staging'), ['--until-idle']).endedWell()
    const open = await openMails(staging)
    const noticed = await staging.query(
      `select from goniec.restoration where reason = 'elsewhere' and ended_at is null`,
    )
    return open.length > 0 && noticed.length > 0
      ? `the database was copied; the copy held ${open.length} mails back`
      : null
  } finally {
    await staging.close()
    await world.database.query('drop database staging with (force)')
  }
}

/** Everything that is due has ended. */
async function untilSent({ world }: Place): Promise<void> {
  while ((await openMails(world.database)).length > 0) await breathe(OFTEN_MS)
}

async function countPassed({ world }: Place): Promise<number> {
  const passed = await world.database.query('select from goniec.attempt where transmitting_at is not null')
  return passed.length
}

async function countRestorations({ world }: Place): Promise<number> {
  const [row] = await world.database.query<{ n: number }>('select count(*)::int as n from goniec.restoration')
  return row?.n ?? 0
}

async function end({ worker }: Place): Promise<void> {
  worker.kill('SIGTERM')
  await worker.endedWell()
}
