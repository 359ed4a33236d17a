/**
 * The orders that are executed, in families: who takes part, with how many steps, and who dies where. In the families called "whole" a
 * step is a call that commits; in those called "split" each commit is a step of its own, so that others move between what a
 * transaction has written and its end, and may have to wait for it.
 */
import { operator, recovery, time, worker, WORKER_STEPS, type Acting, type Operator, type Worker } from './actors.ts'
import { emptyJournal, judge } from './journal.ts'
import { takenEarly, type Order, type Steps } from './orders.ts'
import type { Stage } from './stage.ts'
import { playTurns, type Director, type Part } from './turns.ts'

export interface Family {
  name: string
  splits: boolean
  /** Steps of each who takes part. */
  steps: Steps
  operator?: Operator
  /** Who dies instead of taking which of his steps, counted from 0. */
  dies?: Partial<Record<Worker, number>>
  /** The worker whose session counts as gone from the start, while he lives. */
  usurped?: Worker
}

/** What one executed order came to. */
export interface Executed {
  possible: boolean
  violations: string[]
  accepted: number
  doubts: number
}

/**
 * The order that comes to the same and has its dots early. A dot writes on the mail server's list and looks at the time, and nobody else looks at
 * that list: whoever moves between the step before it and itself, but for time, could as well have moved after it.
 */
export function withEarlyDots(order: Order, { splits, dies }: Family): Order {
  const dot = splits ? SPLIT_PARTS.indexOf('dot') : WHOLE_PARTS.indexOf('dot')
  return (['one', 'two'] as const)
    .filter((name) => (dies?.[name] ?? Infinity) > dot)
    .reduce((early, name) => takenEarly(early, name, dot, { behind: 'time' }), order)
}

const WHOLE_PARTS = ['claim', 'fence', 'dot', 'settle']
const SPLIT_PARTS = ['claim', 'claim commits', 'fence', 'fence commits', 'dot', 'settle', 'settle commits']

/** Executes one order of a family, in a world of its own, as the director has it. */
export async function playOrder(stage: Stage, family: Family, director: Director): Promise<Executed> {
  const mail = await stage.beginOrder()
  const journal = emptyJournal()
  if (family.usurped) journal.gone.push(family.usurped)
  const parts: Part[] = []
  for (const name of Object.keys(family.steps)) {
    const { session, isBlocked } = await stage.seat(name)
    const act = actorOf(name, family, { stage, mail, journal, session, splits: family.splits })
    parts.push(family.splits ? { name, act, isBlocked } : { name, act })
  }
  const { order, possible, failures } = await playTurns(parts, director)
  const ledger = await stage.endOrder(mail, (attempt) => {
    journal.accepted.push(attempt)
    journal.later.push(attempt)
  })
  // It was broken off: what was ended by force proves nothing.
  if (!possible) return { possible, violations: [], accepted: 0, doubts: 0 }
  const violations = [...failures, ...judge(journal, ledger)]
  return {
    possible,
    violations: violations.map((what) => `${order.join(' ')}: ${what}`),
    accepted: journal.accepted.length,
    doubts: ledger.status === 'in_doubt' ? 1 : 0,
  }
}

function actorOf(name: string, { dies, operator: does = 'pause' }: Family, acting: Acting): Part['act'] {
  if (name === 'recovery') return recovery(acting)
  if (name === 'operator') return operator(acting, does)
  if (name === 'time') return time(acting)
  const self = name as Worker
  return worker(acting, self, { diesAt: dies?.[self] })
}

const OPERATORS: readonly Operator[] = ['pause', 'suppress', 'resolve sent', 'resolve not-sent']

/** Of each operator: nobody dies; a worker who lives is taken for gone; a worker dies at each of his steps. */
export const WHOLE: readonly Family[] = OPERATORS.flatMap((does) => {
  const base = { splits: false, operator: does }
  const living: Steps = { one: WORKER_STEPS.whole, two: WORKER_STEPS.whole, recovery: 1, operator: 1, time: 1 }
  return [
    { ...base, name: `${does}/nobody dies`, steps: living },
    { ...base, name: `${does}/one is taken for gone`, steps: living, usurped: 'one' as const },
    ...(['one', 'two'] as const).flatMap((self) =>
      WHOLE_PARTS.map((step, at) => ({
        ...base,
        name: `${does}/${self} dies before ${step}`,
        steps: { ...living, [self]: at + 1 },
        dies: { [self]: at },
      })),
    ),
  ]
})

/** A person's acts, step by step: what he writes, its commit, the barrier; a resolution passes none. */
const SPLIT_ACTS: Readonly<Record<Operator, number>> = {
  pause: 3,
  suppress: 3,
  'resolve sent': 2,
  'resolve not-sent': 2,
}

/** Each commit a step of its own: two workers; a worker, a recovery that takes him for gone, and each operator; a worker who dies anywhere. */
export const SPLIT: readonly Family[] = [
  { splits: true, name: 'split/two workers', steps: { one: 7, two: 7 } },
  {
    splits: true,
    name: 'split/one is taken for gone while two claims',
    steps: { one: 7, two: 3, recovery: 2 },
    usurped: 'one',
    dies: { two: 2 },
  },
  ...OPERATORS.map((does): Family => {
    const passes: Steps = does.startsWith('resolve') ? { time: 1 } : {}
    const steps = { one: WORKER_STEPS.split, recovery: 2, operator: SPLIT_ACTS[does], ...passes }
    return { splits: true, name: `split/${does}, one is taken for gone`, operator: does, steps, usurped: 'one' }
  }),
  ...SPLIT_PARTS.map((part, at): Family => {
    const steps = { one: at + 1, recovery: 2, operator: SPLIT_ACTS.pause }
    return { splits: true, name: `split/pause, one dies before ${part}`, operator: 'pause', steps, dies: { one: at } }
  }),
]
