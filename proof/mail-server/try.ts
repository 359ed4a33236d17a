/** Runs that share a worker: each with its own mailbox, server and fault, from the first mail to the last one's end. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../../src/errors.ts'
import { selfSignedCertificate } from '../../tests/smtp/certificate.ts'
import { startWorker, type WorkerProcess } from '../../tests/support/worker-process.ts'
import type { Ground, Run } from '../cell.ts'
import { createProofDatabase, type ProofDatabase } from '../database.ts'
import { checkFinished } from '../invariants.ts'
import { openOracle, readOracle } from '../oracle.ts'
import type { Course } from './course.ts'
import { followToTheEnd, type Followed } from './follow.ts'
import { judge, readMails } from './judge.ts'
import { type Peer, startPeer } from './peer.ts'
import type { Severed } from './severed.ts'
import { enqueueResponses, makeWorld, nameOf, runNamedIn } from './world.ts'

/**
 * The protocol's times, shrunk together. Longer than a busy machine takes for anything, so that only a fault ever makes them end; a kept
 * connection's idle time lies between a next step that follows at once and one that waits for it.
 */
export const TIMES = {
  GONIEC_PHASE_DEADLINE: '6s',
  GONIEC_BEFORE_FENCE_DEADLINE: '18s',
  GONIEC_LEASE: '20s',
  GONIEC_DOT_WITHIN: '9s',
  GONIEC_BLOCK_DEADLINE: '6s',
  GONIEC_DOT_DEADLINE: '6s',
  GONIEC_ATTEMPT_DEADLINE: '33s',
  GONIEC_CONNECTION_IDLE: '8s',
}

/** Tries all of them at once. */
export async function tryCourses(courses: readonly Course[], severed: Severed, ground: Ground): Promise<Run[]> {
  const database = await createProofDatabase(ground.server)
  const certificate = selfSignedCertificate()
  const authority = join(ground.directory, 'authority.pem')
  writeFileSync(authority, certificate.cert)
  const oracle = openOracle(join(ground.directory, 'accepted'))
  const peers = await Promise.all(courses.map((course) => startPeer(course, oracle, certificate)))
  try {
    await makeWorld(
      database,
      courses.map((course, index) => ({ course, port: peers[index]?.server.port ?? 0 })),
    )
    const worker = startWorker(database.workerUrl, {
      args: ['--name', 'tried'],
      env: { ...TIMES, SMTP_PASSWORD: 'secret', NODE_EXTRA_CA_CERTS: authority },
    })
    const followed = await followToTheEnd(database, { accepted: () => readOracle(oracle.path) })
    for (const [index, course] of courses.entries())
      if (course.kind === 'response') await enqueueResponses(database, index, course)
    const problems = await endedBadly(worker)
    const lost = await severed.lost()
    return await runsOf({ courses, peers, database, oraclePath: oracle.path, followed, problems, lost })
  } finally {
    await Promise.all(peers.map(({ server }) => server.close()))
    oracle.close()
    await database.drop()
  }
}

interface Tried {
  courses: readonly Course[]
  peers: readonly Peer[]
  database: ProofDatabase
  oraclePath: string
  followed: Followed
  /** Of the worker, or of the world as a whole. */
  problems: string[]
  /** Packets of severed connections. */
  lost: number
}

async function runsOf({ courses, peers, database, oraclePath, followed, problems, lost }: Tried): Promise<Run[]> {
  const accepted = readOracle(oraclePath)
  const mails = await readMails(database)
  const world = [...problems, ...(await checkFinished({ database, accepted, allDue: true }))]
  return courses.map((course, index) => {
    const strikes = [...(peers[index]?.strikes.values() ?? [])]
    const { violations, ranOutOfTime } = judge(course, index, { mails, accepted })
    const wasHit = strikes.length === course.strikes && !ranOutOfTime
    return {
      seed: course.seed,
      hit: wasHit ? `${strikes.at(-1)}${course.fault === 'half-open' && lost > 0 ? ` (${lost} lost)` : ''}` : null,
      // What names no run is told once, with the first.
      violations: [...(wasHit ? violations : []), ...world.filter((sentence) => (runNamedIn(sentence) ?? 0) === index)],
      accepted: accepted.filter(({ from }) => from === `${nameOf(index)}@team.example`).length,
      doubts: followed.doubts.filter(({ what }) => runNamedIn(what) === index).length,
    }
  })
}

/** What is wrong with how the worker ended when it was told to. */
export async function endedBadly(worker: WorkerProcess): Promise<string[]> {
  worker.kill('SIGTERM')
  try {
    await worker.endedWell()
    return []
  } catch (error) {
    return [messageOf(error)]
  }
}
