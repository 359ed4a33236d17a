/**
 * What happened in an order, as those who were there tell it: the mail server's list of what it accepted, and each step with the turn
 * in which it was taken. From this, and from what goniec has written, it is judged whether a promise was broken.
 */
import type { Ledger } from './stage.ts'

interface At {
  attempt: number
  /** The turn in which the step was begun, and the one in which its commit was let go. */
  from: number
  until: number
}

export interface Journal {
  /** The last turn that anybody has had. */
  turn: number
  /** The mail server's own list. */
  accepted: number[]
  /** Of them what was accepted after the order was over, and what was paused had been resumed. */
  later: number[]
  claims: (At & { worker: string; ticks: number })[]
  fences: (At & { passed: boolean; ticks: number })[]
  settlements: (At & { outcome: 'accepted' | 'aborted'; verdict: string })[]
  recoveries: (At & { ticks: number })[]
  /** Workers whose session is gone, and since which turn; recovery is told so. */
  gone: string[]
  /** A pause or suppression has returned, in this turn: its own, or that of the one it had to wait for. */
  closed: { what: 'pause' | 'suppression'; turn: number } | undefined
  /** A person's word on the doubt, where it was taken. */
  resolved: { as: 'sent' | 'not-sent'; turn: number } | undefined
}

export function emptyJournal(): Journal {
  return {
    turn: 0,
    accepted: [],
    later: [],
    claims: [],
    fences: [],
    settlements: [],
    recoveries: [],
    gone: [],
    closed: undefined,
    resolved: undefined,
  }
}

/** What was broken, a sentence each. */
export function judge(journal: Journal, ledger: Ledger): string[] {
  return [...judgeMails(journal), ...judgeFences(journal), ...judgeRecoveries(journal), ...judgeLedger(journal, ledger)]
}

/** At most once; a second time only if a person has said before that the first was not sent. */
function judgeMails({ accepted, later, fences, resolved, closed }: Journal): string[] {
  const again = accepted.slice(1).filter((attempt) => {
    const passed = later.includes(attempt) ? Infinity : fences.find((fence) => fence.attempt === attempt)?.from
    return !(resolved?.as === 'not-sent' && passed !== undefined && passed > resolved.turn)
  })
  return [
    ...again.map((attempt) => `the mail was accepted again, by attempt ${attempt}`),
    ...(closed?.what === 'suppression' ? later : []).map(
      (attempt) => `attempt ${attempt} passed its fence after a suppression`,
    ),
  ]
}

function judgeFences({ claims, fences, settlements, recoveries, closed }: Journal): string[] {
  const contradicted = settlements.find(({ verdict }) => verdict === 'contradiction')
  return fences
    .filter(({ passed }) => passed)
    .flatMap(({ attempt, from, until, ticks }) => {
      const broken: string[] = []
      if (closed && until > closed.turn)
        broken.push(`attempt ${attempt} passed its fence after a ${closed.what} had returned`)
      const claimed = claims.find((claim) => claim.attempt === attempt)
      if (!claimed || claimed.ticks < ticks) broken.push(`attempt ${attempt} passed its fence after its lease was over`)
      if (recoveries.some((ended) => ended.attempt === attempt && ended.until < from))
        broken.push(`attempt ${attempt} passed its fence after recovery had ended it`)
      if (contradicted && contradicted.until < from)
        broken.push(`attempt ${attempt} passed its fence after the server's late answer had contradicted a resolution`)
      return broken
    })
}

/** Recovery ends what is left by those who are gone, or whose time is over; nothing else. */
function judgeRecoveries({ claims, fences, recoveries, gone }: Journal): string[] {
  return recoveries.flatMap(({ attempt, ticks }) => {
    const claimed = claims.find((claim) => claim.attempt === attempt)
    const passed = fences.find((fence) => fence.attempt === attempt && fence.passed)
    const since = passed?.ticks ?? claimed?.ticks ?? ticks
    if (since < ticks || (claimed && gone.includes(claimed.worker))) return []
    return [`recovery ended attempt ${attempt}, whose worker lives and whose lease was not over`]
  })
}

function judgeLedger(journal: Journal, { status, held, attempts }: Ledger): string[] {
  const { accepted, settlements, resolved, closed } = journal
  const broken: string[] = []
  for (const { id, state, contradicted } of attempts) {
    const written = settlements.some(({ attempt }) => attempt === id)
    if (state === 'claimed' || state === 'transmitting') broken.push(`attempt ${id} is ${state} for ever`)
    if (state === 'in_doubt' && written) broken.push(`attempt ${id} is in doubt although its outcome was written`)
    if (accepted.includes(id) && written && state !== 'accepted' && !contradicted)
      broken.push(`attempt ${id} was accepted, and is ${state}`)
    if (accepted.includes(id) && !written && !['in_doubt', 'presumed_unsent', 'accepted'].includes(state))
      broken.push(`attempt ${id} was accepted, and is ${state} although nobody has said so`)
    if (state === 'accepted' && !accepted.includes(id) && resolved?.as !== 'sent')
      broken.push(`attempt ${id} counts as accepted, and was not`)
  }
  const known = { sent: accepted.length > 0 || resolved?.as === 'sent', in_doubt: true }
  const isContradicted = held?.includes('contradicts') === true && accepted.length > 0
  const isSuppressed = closed?.what === 'suppression' && accepted.length === 0
  if (status === 'sent' || status === 'in_doubt') {
    if (!known[status]) broken.push(`the mail counts as ${status}, and was not accepted`)
  } else if (!isContradicted && !isSuppressed) {
    broken.push(`the mail ended ${status}: nobody gets it`)
  }
  return broken
}
