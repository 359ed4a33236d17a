/**
 * What a worker can be told by the environment: how long its phases may take, how long a claim is its own. The defaults are those of
 * DESIGN; tests shrink all of them together. A worker refuses to run with times that do not fit each other.
 */
import { readDurationMs, readInteger, stateDirectory, type Environment } from '../config.ts'
import { checkDeadlines, defaultDeadlines, type Deadlines } from '../delivery/deadlines.ts'
import { GoniecError } from '../errors.ts'
import { formatDuration } from '../time.ts'

export interface WorkerSettings {
  deadlines: Deadlines
  /** How long a claimed mail belongs to its worker before the fence. `GONIEC_LEASE` */
  leaseMs: number
  /** A slot older than this is missed. */
  graceMs: number
  /** Most mails of one claim, and in flight at the same time. `GONIEC_BATCH`, `GONIEC_IN_FLIGHT` */
  batch: number
  inFlight: number
  /** How long a stopping worker waits for mails in flight. `GONIEC_DRAIN` */
  drainMs: number
  /** The safety net below all wake-ups. `GONIEC_TICK` */
  tickMs: number
  /** How long the database may owe an answer before the connection counts as broken. `GONIEC_DATABASE_SILENCE` */
  silenceMs: number
  /** Where its logbook is, and how long a file of it is kept. `GONIEC_STATE`, `GONIEC_STATE_KEEP` */
  stateDirectory: string
  stateKeepMs: number
}

/** Reads the settings, and checks that they fit each other. */
export function readWorkerSettings(env: Environment = process.env): WorkerSettings {
  const settings: WorkerSettings = {
    deadlines: readDeadlines(env),
    leaseMs: readDurationMs(env, 'GONIEC_LEASE', 180_000),
    graceMs: 300_000,
    batch: readInteger(env, 'GONIEC_BATCH', { standard: 200, least: 1, most: 1000 }),
    inFlight: readInteger(env, 'GONIEC_IN_FLIGHT', { standard: 200, least: 1, most: 5000 }),
    drainMs: readDurationMs(env, 'GONIEC_DRAIN', 30_000),
    tickMs: readDurationMs(env, 'GONIEC_TICK', LONGEST_TICK_MS),
    silenceMs: readDurationMs(env, 'GONIEC_DATABASE_SILENCE', 30_000),
    stateDirectory: stateDirectory(env),
    stateKeepMs: readDurationMs(env, 'GONIEC_STATE_KEEP', 7 * 86_400_000),
  }
  const problems = [...checkDeadlines(settings.deadlines, settings.leaseMs), ...outOfBounds(settings)]
  if (problems.length > 0) {
    throw new GoniecError('deadlines_unfit', `the worker's times do not fit each other: ${problems.join('; ')}`, {
      hint: 'correct GONIEC_TICK, GONIEC_DATABASE_SILENCE, GONIEC_DRAIN, GONIEC_LEASE, GONIEC_DOT_WITHIN and the GONIEC_…_DEADLINE variables, or leave them out',
    })
  }
  return settings
}

const LONGEST_TICK_MS = 60_000

/** Recovery relies on the tick. No database answers within no time, and a timer of more than 24 days fires at once. */
const BOUNDS = [
  ['tickMs', 'the tick (GONIEC_TICK)', 100, LONGEST_TICK_MS],
  ['silenceMs', 'the database’s silence (GONIEC_DATABASE_SILENCE)', 100, 3_600_000],
  ['drainMs', 'the time of a stop (GONIEC_DRAIN)', 0, 86_400_000],
] as const

function outOfBounds(settings: WorkerSettings): string[] {
  return BOUNDS.filter(([key, , least, most]) => settings[key] < least || settings[key] > most).map(
    ([, name, least, most]) => `${name} is between ${formatDuration(least)} and ${formatDuration(most)}`,
  )
}

function readDeadlines(env: Environment): Deadlines {
  return {
    phaseMs: readDurationMs(env, 'GONIEC_PHASE_DEADLINE', defaultDeadlines.phaseMs),
    beforeFenceMs: readDurationMs(env, 'GONIEC_BEFORE_FENCE_DEADLINE', defaultDeadlines.beforeFenceMs),
    dotWithinMs: readDurationMs(env, 'GONIEC_DOT_WITHIN', defaultDeadlines.dotWithinMs),
    blockMs: readDurationMs(env, 'GONIEC_BLOCK_DEADLINE', defaultDeadlines.blockMs),
    dotMs: readDurationMs(env, 'GONIEC_DOT_DEADLINE', defaultDeadlines.dotMs),
    attemptMs: readDurationMs(env, 'GONIEC_ATTEMPT_DEADLINE', defaultDeadlines.attemptMs),
    idleMs: readDurationMs(env, 'GONIEC_CONNECTION_IDLE', defaultDeadlines.idleMs),
  }
}
