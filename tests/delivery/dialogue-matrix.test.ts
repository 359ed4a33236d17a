/** Every way to fail at every stage, with and without PIPELINING: only a missing or incomplete reply behind the dot ends unknown. */
import { describe, expect, it } from 'vitest'
import type { DialogueResult } from '../../src/delivery/dialogue.ts'
import { outcomeOf, type OutcomeKind } from '../../src/delivery/outcomes.ts'
import type { Stage } from '../../src/delivery/transcript.ts'
import {
  both,
  deaf,
  drip,
  endless,
  type Fault,
  type FaultStage,
  fin,
  half,
  raw,
  reply,
  rst,
  silence,
} from '../smtp/fault-server.ts'
import { largeMail, shortDeadlines, smallMail } from './dialogue-mails.ts'
import { against } from './dialogue-with.ts'

type FailureName = keyof typeof faults
/** The ways a server can fail a stage, and whether each is a complete no. */
const faults = {
  'ends the connection': fin,
  'resets the connection': rst,
  'says nothing': silence,
  'drips a reply': drip('250-a\r\n', 40, true),
  'drips a line': drip('2', 40, true),
  'sends an endless reply': endless(),
  'sends an endless line': endless('x'.repeat(1000)),
  'sends empty lines without end': endless('\r\n'),
  'sends nonsense': raw('<html>hello</html>\r\n'),
  'sends a reply of no known kind': reply('999 what'),
  'sends a reply whose lines disagree': reply('250-yes', '550 no'),
  'is cut off in a positive reply': half('250 2.0.0 Ok: queued as 12'),
  'is cut off in a negative reply': half('554 5.7.1 Message rej'),
  'is cut off between the lines of a reply': half('550-5.7.1 Message rejected\r\n550 5'),
  'answers 421': reply('421 4.3.2 Service shutting down'),
  'answers 421 and ends the connection': ({ socket }) => void socket.end('421 4.3.2 Service shutting down\r\n'),
  'answers 451': reply('451 4.3.0 Try again later'),
  'answers 550': reply('550 5.7.1 Refused'),
  'answers 550 in two lines': reply('550-5.7.1 Refused', '550 5.7.1 for a reason'),
} satisfies Record<string, Fault>

const setUp: readonly FaultStage[] = ['greeting', 'ehlo', 'auth', 'mail']
const stages: readonly FaultStage[] = [...setUp, 'rcpt', 'data', 'body', 'dot']

/** Only time ends these. */
function isWaitedFor(name: FailureName): boolean {
  return name === 'says nothing' || name.startsWith('drips')
}

function expectedOutcome(stage: FaultStage, name: FailureName): OutcomeKind {
  if (name.startsWith('answers 421') || setUp.includes(stage)) return 'mailbox_fault'
  if (name === 'answers 451') return 'deferred'
  if (name.startsWith('answers 550')) return 'rejected'
  return stage === 'dot' ? 'unknown' : 'aborted'
}

describe.each([{ pipelining: false }, { pipelining: true }])('with pipelining $pipelining', ({ pipelining }) => {
  const cases = stages.flatMap((stage) => (Object.keys(faults) as FailureName[]).map((name) => ({ stage, name })))

  it.concurrent.for(cases)('a server that $name at $stage', async ({ stage, name }, { expect, onTestFinished }) => {
    // In the body a server that reads on would come to the dot: there it stops reading, and then fails.
    const fault = stage === 'body' ? both(deaf, faults[name]) : faults[name]
    const { send, server } = await against(
      { pipelining, auth: true, plan: { [stage]: fault }, deadlines: isWaitedFor(name) ? shortDeadlines : {} },
      onTestFinished,
    )
    const result = await send({ mail: stage === 'body' ? largeMail : smallMail })

    expect(outcomeOf(result).kind).toBe(expectedOutcome(stage, name))
    expect(result).toMatchObject(account(stage, name, pipelining))
    expect(result.reply !== null).toBe(name.startsWith('answers'))
    expect(result.released).toBe(stage === 'dot')
    expect(result.fence).toBe(stage === 'body' || stage === 'dot' ? 'passed' : 'not_reached')
    expect(result.offered).toBe(['mail', 'rcpt', 'data', 'body', 'dot'].includes(stage))
    expect(server.accepted()).toEqual([])
    expect(server.connections.flatMap(({ mails }) => mails).some(({ complete }) => complete)).toBe(stage === 'dot')
  })

  it('a server without a fault accepts the mail', async () => {
    const { send, server } = await against({ pipelining, auth: true })
    const result = await send({ mail: largeMail })
    expect(result).toMatchObject({ stage: 'dot', failure: null, released: true, fence: 'passed', offered: true })
    expect(outcomeOf(result)).toMatchObject({ kind: 'accepted', giveBack: false })
    expect(server.accepted()[0]?.equals(largeMail)).toBe(true)
  })
})

/** What the result must say about where it ended and why, besides its outcome. */
function account(stage: FaultStage, name: FailureName, pipelining: boolean): Partial<DialogueResult> {
  const at = stage as Stage
  // A reset takes with it what was not read yet: even the connection, or the replies to the first of a batch.
  if (name === 'resets the connection' && (pipelining || stage === 'greeting')) return { reply: null }
  if (name.startsWith('answers')) return { stage: at, failure: 'refused' }
  const ends = name.startsWith('is cut off') || name === 'ends the connection' || name === 'resets the connection'
  if (ends) return { stage: at, failure: 'lost', reply: null }
  if (isWaitedFor(name)) return { stage: at, failure: 'timeout', reply: null }
  return { stage: at, failure: 'protocol', reply: null }
}
