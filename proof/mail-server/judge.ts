/** Holds the ledger of one run against what must have become of its mails. */
import type { Database } from '../../src/database/pool.ts'
import type { AcceptedMail } from '../oracle.ts'
import { type Course, type Expected, expectationsOf } from './course.ts'
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

/** What is wrong with this run, a sentence each. */
export function judge(
  course: Course,
  index: number,
  { mails, accepted }: { mails: readonly Mail[]; accepted: readonly AcceptedMail[] },
): string[] {
  const name = nameOf(index)
  const expected = expectationsOf(course)
  return (['first', 'second'] as const).flatMap((which) => {
    const mail = mails.find((candidate) => candidate.name === name && candidate.which === which)
    const count = accepted.filter(({ subject }) => subject === `${which} of ${name}`).length
    return complaints(`the ${which} mail of ${name}`, expected[which], mail, count)
  })
}

function complaints(what: string, expected: Expected | undefined, mail: Mail | undefined, count: number): string[] {
  if (!expected) return mail || count > 0 ? [`${what} exists, and none should follow a refusal`] : []
  if (!mail) return [`${what} does not exist`]
  const wrong: string[] = []
  if (mail.outcomes.join() !== expected.outcomes.join())
    wrong.push(`${what}: ${expected.outcomes.join(', ')} must have happened, and ${mail.told.join('; ')} did`)
  if (mail.status !== expected.status) wrong.push(`${what} is ${mail.status}, and should be ${expected.status}`)
  if (count !== expected.accepted)
    wrong.push(`${what} was accepted ${count} times by the server's record, and should be ${expected.accepted}`)
  return wrong
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
