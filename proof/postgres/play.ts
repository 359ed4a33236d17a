/**
 * The runs of block C: leads come in, the worker takes them up, a statement of the wanted phase is stopped, the fault strikes and is undone, and
 * everything that is due has to end. Runs follow each other on one stage, with one worker that lives through all of them.
 */
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { Random } from '../../tests/simulation/random.ts'
import type { Run } from '../cell.ts'
import type { Caught, Statement } from './link.ts'
import { within } from './patience.ts'
import type { Fault, PhaseName } from './scene.ts'
import { Stage, type Props } from './stage.ts'
import { enroll } from './world.ts'

/** One run: the seed picks which statement of the phase is hit, whether before, in or after it, and what the fault leaves open. */
export interface Try {
  phase: PhaseName
  fault: Fault
  seed: number
}

interface Phase {
  fits: (statement: Statement) => boolean
  /** Of so many the seed picks one. */
  most: number
}

/** How the statements of each phase are known. */
export const PHASES: Record<PhaseName, Phase> = {
  claim: { fits: ({ text }) => text.includes('goniec.claim('), most: 4 },
  fence: { fits: ({ text }) => text.includes('goniec.fence('), most: 4 },
  settle: { fits: ({ text }) => text.includes('goniec.settle('), most: 4 },
  recover: { fits: ({ text }) => text.includes('goniec.recover('), most: 1 },
  plan: { fits: ({ application }) => application === 'goniec plan', most: 12 },
  // What is asked while nothing is to do: whether the server is still there.
  idle: { fits: ({ application, text }) => application === 'goniec worker session' && text === 'select', most: 2 },
}

const LEADS = 5

/** All of them on one stage, until something is broken: then the rest begins on a new one. */
export async function playTogether(tries: readonly Try[], props: Props, directory: string): Promise<Run[]> {
  const runs: Run[] = []
  while (runs.length < tries.length) {
    const stage = await Stage.open(await mkdtemp(join(directory, 'stage-')), props)
    try {
      for (const one of tries.slice(runs.length)) {
        const run = await play(one, stage)
        runs.push(run)
        if (run.violations.length > 0) break
      }
    } finally {
      await stage.close()
    }
  }
  return runs
}

async function play({ phase, fault, seed }: Try, stage: Stage): Promise<Run> {
  const random = new Random(phase, fault.name, seed)
  const before = stage.accepted
  const at = random.pick(fault.at)
  const { fits, most } = PHASES[phase]
  const skip = random.int(0, most - 1)
  const comesIn = (): Promise<void> => enroll(stage.cluster.database, `${phase}-${fault.name}-${seed}`, LEADS)
  if (phase === 'recover') await loseClaim(stage, comesIn)
  const stopped = stage.proxy.catch({ fits, at, skip })
  if (phase !== 'recover' && phase !== 'idle') await comesIn()
  const caught = await within(COMES_WITHIN_MS, stopped)
  const another = (): Promise<Caught> => stage.proxy.catch({ fits, at })
  let hit: string | null = null
  if (caught) {
    const evidence = await fault.strike({ stage, caught, another, random, since: stage.worker.log.length })
    if (evidence !== null) hit = `${WORDS[at]} ${phase} ${skip + 1}, served by process ${caught.pid}: ${evidence}`
  }
  stage.proxy.disarm()
  if (phase === 'idle') await comesIn()
  const violations = await stage.judge()
  return { seed, hit, violations, accepted: stage.accepted - before, doubts: await stage.doubts() }
}

/** So that there is something to recover: what a claim took whose answer was lost. */
async function loseClaim(stage: Stage, comesIn: () => Promise<void>): Promise<void> {
  const claimed = stage.proxy.catch({ fits: PHASES.claim.fits, at: 'reply' })
  await comesIn()
  const caught = await claimed
  caught.link.reset()
}

const WORDS = { request: 'before', sent: 'in', reply: 'after' } as const

/** So long a phase may be in coming; then this run proves nothing. */
const COMES_WITHIN_MS = 60_000
