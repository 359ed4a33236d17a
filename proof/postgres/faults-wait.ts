/** Faults of a commit that waits for its synchronous standby. */
import type { Caught } from './link.ts'
import { within } from './patience.ts'
import type { Fault, Scene } from './scene.ts'

/** The standby is gone, the commit waits for it, and somebody cancels the wait: the server says yes, with a warning. */
const cancelledWait: Fault = {
  name: 'cancelled-wait',
  at: ['request'],
  needs: { standby: 'synchronous' },
  not: { idle: 'nothing is written' },
  async strike(scene) {
    await scene.stage.standby?.stop('immediate')
    const waits = await cancelWait(scene)
    await scene.stage.standby?.start()
    return waits
  },
}

/** The same; then the primary dies before the standby is back, and the standby is promoted: what was committed is forgotten. */
const forgotten: Fault = {
  name: 'cancelled-wait-forgotten',
  at: ['request'],
  needs: { standby: 'synchronous' },
  not: { idle: 'nothing is written' },
  async strike(scene) {
    const { stage } = scene
    await stage.standby?.stop('immediate')
    const waits = await cancelWait(scene)
    await stage.cluster.kill()
    await stage.standby?.start()
    await stage.failOver()
    const where = await promoted(scene)
    return waits && `${waits}; then the primary was killed; ${where}`
  },
}

export const WAIT_FAULTS: readonly Fault[] = [cancelledWait, forgotten]

/**
 * Cancels the first wait of a statement of this kind. Null: none came to wait in time, since without its standby the server lets everything else of the
 * worker's wait as well, and each for as long as that is away.
 */
async function cancelWait(scene: Scene): Promise<string | null> {
  const over = new AbortController()
  const caught = await within(WAITS_WITHIN_MS, firstThatWaits(scene, over.signal))
  over.abort()
  if (!caught) return null
  const [row] = await scene.stage.ask<{ cancelled: boolean }>('select pg_cancel_backend($1) as cancelled', [caught.pid])
  // A worker that had given up on it just before hears of no answer.
  const answer = await within(WAITS_WITHIN_MS, caught.answered)
  return answer === undefined ? null : `it waited for its standby, and the wait was cancelled: ${row?.cancelled}`
}

const WAITS_WITHIN_MS = 15_000

async function firstThatWaits({ stage, caught, another }: Scene, signal: AbortSignal): Promise<Caught> {
  for (let next = caught; ; next = await another()) {
    next.release()
    if ((await Promise.race([next.answered, waiting(stage, next.pid, signal)])) === WAITS) return next
  }
}

const WAITS = 'waits'

async function waiting(stage: Scene['stage'], pid: number, signal: AbortSignal): Promise<string | undefined> {
  while (!signal.aborted) {
    const rows = await stage.ask(`select from pg_stat_activity where pid = $1 and wait_event = 'SyncRep'`, [pid])
    if (rows.length > 0) return WAITS
    await stage.breathe()
  }
  return undefined
}

/** Says on which timeline the server is, and gives it a standby again. */
export async function promoted({ stage }: Scene): Promise<string> {
  await stage.untilServed()
  await stage.ask('checkpoint')
  const [row] = await stage.ask<{ timeline: number }>('select timeline_id as timeline from pg_control_checkpoint()')
  await stage.addStandby()
  return `its standby is the server, on timeline ${row?.timeline}`
}
