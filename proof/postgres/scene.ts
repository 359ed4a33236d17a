/** What a fault has in its hands when it strikes: the stage, the statement that was stopped, and the chance of this run's seed. */
import type { Random } from '../../tests/simulation/random.ts'
import type { Caught } from './link.ts'
import type { Catch } from './proxy.ts'
import type { Props, Stage } from './stage.ts'

export interface Scene {
  stage: Stage
  caught: Caught
  /** Stops the next statement of the same kind, for a fault that this one did not serve. */
  another: () => Promise<Caught>
  random: Random
  /** How many lines the worker had written when the statement was stopped. */
  since: number
}

/** One thing that goes wrong with a database. */
export interface Fault {
  name: string
  /** Where it may stop a statement; the seed picks. */
  at: readonly Catch['at'][]
  needs?: Props
  /** Phases in which it cannot happen, and why. */
  not?: Partial<Record<PhaseName, string>>
  /** Does it, and undoes it: when this resolves the database can be used again. Returns how it is known that it happened; null: it did not. */
  strike: (scene: Scene) => Promise<string | null>
}

/** What the worker is at when it happens. */
export type PhaseName = 'claim' | 'fence' | 'settle' | 'recover' | 'plan' | 'idle'
