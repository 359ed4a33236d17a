/**
 * Who moves in an order: two workers, one recovery, one operator, and time. Each is the real functions of goniec on a session of its own;
 * what it learns goes into the journal. With `splits` every commit is a step of its own.
 */
import { DatabaseError } from 'pg'
import { pauseCampaign } from '../../src/campaigns/pause.ts'
import { resolveDoubt } from '../../src/delivery/resolve-doubt.ts'
import { GoniecError } from '../../src/errors.ts'
import { addSuppressions, countHeld } from '../../src/leads/suppressions.ts'
import type { HeldSession } from './held-session.ts'
import type { Journal } from './journal.ts'
import { reportOf, type Mail, type Stage } from './stage.ts'
import type { Part, Turn } from './turns.ts'

export type Operator = 'pause' | 'suppress' | 'resolve sent' | 'resolve not-sent'
export type Worker = 'one' | 'two'

export interface Acting {
  stage: Stage
  mail: Mail
  journal: Journal
  session: HeldSession
  /** Whether commits are steps of their own. */
  splits: boolean
}

class Crashed extends Error {}

/** The last turn that was granted, and the one before it began a step. */
interface Turns {
  turn: Turn
  last: () => number
}

/** The steps of a worker that lives: claim, fence, dot, settle. */
export const WORKER_STEPS = { whole: 4, split: 7 }

/** Claims, passes its fence, sends, settles. It dies instead of taking its step number `diesAt`, counted from 0. */
export function worker(acting: Acting, name: Worker, { diesAt }: { diesAt?: number | undefined } = {}): Part['act'] {
  const { stage, mail, journal, session } = acting
  const life = mail.lives[name]
  return async (turn) => {
    const turns = counted(
      journal,
      mortal(turn, diesAt, () => journal.gone.push(name)),
    )
    hold(acting, turns.turn)
    try {
      const from = await turns.turn()
      const claimedAt = stage.ticks
      const attempt = await stage.claim(session, life, mail)
      if (attempt === undefined) return
      journal.claims.push({ attempt, from, until: turns.last(), worker: name, ticks: claimedAt })
      const passed = await passFence(acting, turns, life, attempt)
      await turns.turn()
      // The worker's own clocks: a mail whose fence is too long ago is not completed.
      const outcome = passed && stage.ticks === passed.ticks ? 'accepted' : 'aborted'
      if (outcome === 'accepted') journal.accepted.push(attempt)
      const begun = await turns.turn()
      const report = reportOf(attempt, outcome, { giveBack: !passed })
      const settled = { attempt, from: begun, until: 0, outcome, verdict: 'not yet' } as const
      journal.settlements.push({ ...settled, verdict: await stage.settle(session, life, report), until: turns.last() })
    } catch (error) {
      if (!(error instanceof Crashed)) throw error
    }
  }
}

async function passFence(
  { stage, session, journal }: Acting,
  { turn, last }: Turns,
  life: number,
  attempt: number,
): Promise<{ ticks: number } | undefined> {
  const from = await turn()
  const { ticks } = stage
  const passed = (await stage.fence(session, life, attempt)) === 'passed'
  journal.fences.push({ attempt, from, until: last(), passed, ticks })
  return passed ? { ticks } : undefined
}

/** The minute's recovery of a third worker; it knows whose session is gone. */
export function recovery(acting: Acting): Part['act'] {
  const { stage, mail, journal, session } = acting
  return async (turn) => {
    const turns = counted(journal, turn)
    hold(acting, turns.turn)
    const from = await turns.turn()
    const { ticks } = stage
    const gone = journal.gone.map((name) => mail.lives[name as Worker])
    for (const attempt of await stage.recover(session, mail, gone))
      journal.recoveries.push({ attempt, from, until: turns.last(), ticks })
  }
}

/** A person at the command line. */
export function operator(acting: Acting, does: Operator): Part['act'] {
  return async (turn) => {
    const turns = counted(acting.journal, turn)
    hold(acting, turns.turn)
    await turns.turn()
    if (does === 'pause' || does === 'suppress') await close(acting, does)
    else await resolve(acting, does === 'resolve sent' ? 'sent' : 'not-sent', turns)
  }
}

async function close({ stage, mail, journal, session }: Acting, does: 'pause' | 'suppress'): Promise<void> {
  const { database } = session
  if (does === 'pause') {
    await pauseCampaign(database, stage.campaign)
    journal.closed = { what: 'pause', turn: journal.turn }
  } else {
    await addSuppressions(database, [{ value: mail.email, reason: null }])
    await countHeld(database, [mail.email])
    journal.closed = { what: 'suppression', turn: journal.turn }
  }
}

/** What is not in doubt, or may still be alive, is refused, and the person is told so. */
async function resolve({ mail, journal, session }: Acting, as: 'sent' | 'not-sent', { last }: Turns): Promise<void> {
  try {
    await resolveDoubt(session.database, mail.id, { as })
    journal.resolved = { as, turn: last() }
  } catch (error) {
    // Where a late answer has settled the doubt in that very moment, the database itself says no.
    if (!(error instanceof GoniecError) && !(error instanceof DatabaseError && REFUSED.includes(error.code ?? '')))
      throw error
  }
}

/** `no_data_found`, and `object_not_in_prerequisite_state`. */
const REFUSED = ['P0002', '55000']

/** Time passes: leases and deadlines are over. */
export function time({ stage }: Pick<Acting, 'stage'>): Part['act'] {
  return async (turn) => {
    await turn()
    await stage.passTime()
  }
}

function hold({ session, splits }: Acting, turn: Turn): void {
  session.beforeCommit = splits ? turn : undefined
}

function counted(journal: Journal, turn: Turn): Turns {
  let last = 0
  return {
    turn: async () => {
      last = await turn()
      journal.turn = last
      return last
    },
    last: () => last,
  }
}

/** Dies with the turn of that number: what it has open is rolled back by the server. */
function mortal(turn: Turn, diesAt: number | undefined, onDeath: () => void): Turn {
  let taken = 0
  return async () => {
    const granted = await turn()
    if (taken === diesAt) {
      onDeath()
      throw new Crashed()
    }
    taken += 1
    return granted
  }
}
