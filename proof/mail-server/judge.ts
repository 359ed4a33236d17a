/** Holds the ledger of one run against what must have become of its mails. */
import type { Database } from '../../src/database/pool.ts'
import type { AcceptedMail } from '../oracle.ts'
import { type Course, type Expected, expectationsOf } from './course.ts'
import type { Ending } from './stages.ts'
import { nameOf } from './world.ts'

/** A mail of a run with its attempts. */
export interface Mail extends Record<string, unknown> {
  /** Of the run. */
  name: string
  which: 'first' | 'second'
  status: string
  outcomes: string[]
  /** What was written down of each attempt, for people. */
  told: string[]
}

/** All mails of the world. */
export async function readMails(database: Pick<Database, 'query'>): Promise<Mail[]> {
  return database.query<Mail>(MAILS)
}

/**
 * What is wrong with this run, a sentence each; and whether time ran out where the server had done nothing: on a machine that is too busy a
 * run proves nothing, though whatever was promised must hold all the same.
 */
export function judge(
  course: Course,
  index: number,
  { mails, accepted }: { mails: readonly Mail[]; accepted: readonly AcceptedMail[] },
): { violations: string[]; ranOutOfTime: boolean } {
  const name = nameOf(index)
  const expected = expectationsOf(course)
  const judged = (['first', 'second'] as const).map((which) => {
    const mail = mails.find((candidate) => candidate.name === name && candidate.which === which)
    const count = accepted.filter(({ subject }) => subject === `${which} of ${name}`).length
    return judgeMail(
      `the ${which} mail of ${name}`,
      { expected: expected[which], instead: insteadOf(course) },
      mail,
      count,
    )
  })
  return {
    violations: judged.flatMap(({ violations }) => violations),
    ranOutOfTime: judged.some(({ ranOutOfTime }) => ranOutOfTime),
  }
}

/**
 * What the struck attempt may have come to where its time ran out, though the fault wants it aborted: of a pipelined envelope the answers
 * before the fault were lost with it, and its mailbox seems to be at fault; or the buffers of the system took the whole of a long body from
 * the client, whatever the server read of it.
 */
function insteadOf({ stage, pipelining }: Course): Ending | undefined {
  if (stage === 'body') return 'unknown'
  return pipelining ? 'mailbox_fault' : undefined
}

interface Wanted {
  expected: Expected | undefined
  instead: Ending | undefined
}

function judgeMail(
  what: string,
  { expected, instead }: Wanted,
  mail: Mail | undefined,
  count: number,
): ReturnType<typeof judge> {
  const violations: string[] = []
  if (!expected || !mail) {
    if (expected) violations.push(`${what} does not exist`)
    if (!expected && (mail !== undefined || count > 0))
      violations.push(`${what} exists, and none should follow a refusal`)
    return { violations, ranOutOfTime: false }
  }
  const isAsExpected = mail.outcomes.join() === expected.outcomes.join()
  const ranOutOfTime = !isAsExpected && differsByTime(attemptsOf(mail), expected.outcomes, instead)
  if (!isAsExpected && !ranOutOfTime)
    violations.push(`${what}: ${expected.outcomes.join(', ')} must have happened, and ${mail.told.join('; ')} did`)
  if (mail.status !== expected.status) violations.push(`${what} is ${mail.status}, and should be ${expected.status}`)
  if (count !== expected.accepted)
    violations.push(`${what} was accepted ${count} times by the server's record, and should be ${expected.accepted}`)
  return { violations, ranOutOfTime }
}

interface Attempt {
  outcome: string
  isLate: boolean
}

function attemptsOf({ outcomes, told }: Mail): Attempt[] {
  return outcomes.map((outcome, index) => ({ outcome, isLate: OUT_OF_TIME.test(told[index] ?? '') }))
}

const OUT_OF_TIME = /\((no end of |the time that is given|\d+ ms had passed|lease_over|too_early|its worker was gone)/

/** What must have happened did, in its order, and beside it only attempts that ran out of time. A doubt may have become the acceptance. */
function differsByTime(
  [attempt, ...later]: readonly Attempt[],
  expected: readonly string[],
  instead: Ending | undefined,
): boolean {
  if (!attempt) return expected.length === 0
  const isStruck = attempt.isLate && expected[0] === 'aborted' && attempt.outcome === instead
  if ((attempt.outcome === expected[0] || isStruck) && differsByTime(later, expected.slice(1), instead)) return true
  if (!attempt.isLate) return false
  const isTaken = attempt.outcome === 'unknown' && later.length === 0 && expected.join() === 'accepted'
  return isTaken || differsByTime(later, expected, instead)
}

const MAILS = `
  select split_part(b.address, '@', 1) as name, coalesce(m.step_key, split_part(m.idempotency_key, '/', 2)) as which, m.status,
         coalesce(array_agg(a.outcome order by a.id) filter (where a.id is not null), '{}') as outcomes,
         coalesce(array_agg(concat_ws(' ', a.outcome, 'at', a.stage, '(' || a.response || ')') order by a.id) filter (where a.id is not null), '{}') as told
  from goniec.message m
  left join goniec.attempt a on a.message_id = m.id
  left join goniec.campaign c on c.id = m.campaign_id
  join goniec.mailbox b on b.address = coalesce(c.name, split_part(m.idempotency_key, '/', 1)) || '@team.example'
  group by b.address, m.id
  order by m.id`
