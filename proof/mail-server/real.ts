/** Runs against a real mail server: one server, one worker and one world for some seeds. What the server has in its queue is what it accepted. */
import { chmodSync, mkdirSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import net from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { startWorker } from '../../tests/support/worker-process.ts'
import { Random } from '../../tests/simulation/random.ts'
import type { Cell, Ground, Run } from '../cell.ts'
import { createProofDatabase, type ProofDatabase } from '../database.ts'
import { checkFinished } from '../invariants.ts'
import type { AcceptedMail } from '../oracle.ts'
import type { MailDaemon } from './daemon.ts'
import { followToTheEnd, type Followed } from './follow.ts'
import { readMails } from './judge.ts'
import { startPolicyService } from './policy.ts'
import { startRelay, type Relay } from './relay.ts'
import type { At, Scenario, Stand } from './scenarios.ts'
import { endedBadly, TIMES } from './try.ts'
import { makeWorld, nameOf, runNamedIn, type Sending } from './world.ts'

/** Makes a server in this directory, that is asked for its policy at this port. */
export type MakeDaemon = (options: {
  directory: string
  port: number
  policyPort: number
  settings: Readonly<Record<string, string>>
}) => MailDaemon

/** A kind of server. */
export interface ServerKind {
  name: string
  make: MakeDaemon
  /** Why it cannot be used here; undefined where it can. */
  missing: string | undefined
  /** It asks a policy service at each stage. */
  hasPolicy: boolean
}

/** The cell of a scenario at a server. */
export function realCell(server: ServerKind, scenario: Scenario): Cell {
  return {
    name: `B/${server.name}/${scenario.name}`,
    block: 'B',
    runs: 30,
    // Each run's fault befalls the others too.
    atOnce: 5,
    async run(seeds, ground) {
      if (server.missing === undefined) return await tryAtServer(seeds, { server, scenario, ground })
      process.stderr.write(`B/${server.name}: skipped, since ${server.missing}\n`)
      return seeds.map((seed) => ({ seed, hit: null, violations: [], accepted: 0, doubts: 0 }))
    },
  }
}

interface Trial {
  server: ServerKind
  scenario: Scenario
  ground: Ground
}

async function tryAtServer(seeds: readonly number[], { server, scenario, ground }: Trial): Promise<Run[]> {
  const strikes = new Map<number, string>()
  const directory = makeDirectory(ground.directory, scenario)
  let acting: Promise<void> | undefined
  const stand: Omit<Stand, 'daemon'> = {
    directory,
    isStruck: (index) => strikes.has(index),
    strike: (index, what) => void strikes.set(index, what),
    act: (what) => {
      const mine = (acting ?? Promise.resolve()).then(what).finally(() => {
        if (acting === mine) acting = undefined
      })
      acting = mine
      return mine
    },
  }
  const port = await freePort()
  await using policy = await startPolicyService((request) => {
    const index = runNamedIn(request['sender'] ?? '')
    const seed = index === undefined ? undefined : seeds[index]
    if (index === undefined || seed === undefined || !scenario.at) return 'dunno'
    return scenario.at({ index, seed, state: request['protocol_state'] as At['state'] }, { ...stand, daemon })
  })
  const daemon = server.make({ directory, port, policyPort: policy.port, settings: scenario.settings ?? {} })
  const database = await createProofDatabase(ground.server)
  const relays: Relay[] = []
  try {
    await daemon.start()
    for (const [index, seed] of seeds.entries()) {
      const at = { index, seed, state: 'RCPT' as const, toPort: port }
      relays.push(...(await relayOf({ scenario, at, stand: { ...stand, daemon }, tellsStages: !server.hasPolicy })))
    }
    await makeWorld(
      database,
      seeds.map((seed, index) => ({ course: sendingOf(scenario, seed), port: relays[index]?.port ?? port })),
    )
    const worker = startWorker(database.workerUrl, {
      args: ['--name', 'tried'],
      env: { ...TIMES, GONIEC_CONNECTION_IDLE: '500ms' },
    })
    const followed = await followToTheEnd(database, {
      accepted: () => daemon.accepted(),
      everyMs: scenario.everyMs ?? 150,
      mayHurry: () => (scenario.look?.({ ...stand, daemon }, seeds.length), acting === undefined),
    })
    await acting
    const problems = await endedBadly(worker)
    return await runsOf(seeds, { scenario, strikes, database, accepted: daemon.accepted(), followed, problems })
  } finally {
    await Promise.all(relays.map((relay) => relay[Symbol.asyncDispose]()))
    await daemon.kill()
    if (scenario.queueKilobytes !== undefined) execFileSync('umount', ['-l', join(directory, 'queue')])
    await database.drop()
  }
}

interface Tried {
  scenario: Scenario
  strikes: ReadonlyMap<number, string>
  database: ProofDatabase
  accepted: AcceptedMail[]
  followed: Followed
  problems: string[]
}

async function runsOf(
  seeds: readonly number[],
  { scenario, strikes, database, accepted, followed, problems }: Tried,
): Promise<Run[]> {
  const mails = await readMails(database)
  const world = [...problems, ...(await checkFinished({ database, accepted, allDue: true }))]
  return seeds.map((seed, index) => {
    const wanted = scenario.isRefused?.(seed) === true ? ['first failed'] : ['first sent', 'second sent']
    const own = mails.filter(({ name }) => name === nameOf(index))
    const came = own.map(({ which, status }) => `${which} ${status}`)
    return {
      seed,
      hit: strikes.get(index) ?? null,
      violations: [
        ...(came.join() === wanted.join()
          ? []
          : [
              `of ${nameOf(index)}, ${wanted.join(', ')} is wanted, and ${own.map(({ which, status, told }) => `${which} ${status} after ${told.join('; ')}`).join(', ')} came`,
            ]),
        ...world.filter((sentence) => (runNamedIn(sentence) ?? 0) === index),
      ],
      accepted: accepted.filter(({ from }) => from === `${nameOf(index)}@team.example`).length,
      doubts: followed.doubts.filter(({ what }) => runNamedIn(what) === index).length,
    }
  })
}

function sendingOf(scenario: Scenario, seed: number): Sending {
  const bytes = scenario.bytesOf?.(seed) ?? new Random('bytes', seed).pick([10, 2_000, 30_000])
  return { kind: 'campaign', stage: 'mail', security: 'none', login: false, bytes, waitMs: 1 }
}

interface Relaying {
  scenario: Scenario
  at: At & { toPort: number }
  stand: Stand
  /** The server asks for no policy: the relay tells what it would be asked. */
  tellsStages: boolean
}

async function relayOf({ scenario, at, stand, tellsStages }: Relaying): Promise<Relay[]> {
  const { cut } = scenario
  if (!cut && !tellsStages) return []
  const onStage = (state: At['state']): void => {
    if (tellsStages) void scenario.at?.({ ...at, state }, stand)
  }
  return [await startRelay({ toPort: at.toPort, cut, onCut: (what) => stand.strike(at.index, what), onStage })]
}

/** Processes of other users look for their files in it. */
function makeDirectory(ground: string, { queueKilobytes }: Scenario): string {
  const directory = join(ground, 'server')
  chmodSync(ground, 0o755)
  mkdirSync(join(directory, 'queue'), { recursive: true })
  if (queueKilobytes !== undefined)
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${queueKilobytes}k`, 'tmpfs', join(directory, 'queue')])
  return directory
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
