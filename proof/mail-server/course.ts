/**
 * One run of the block: what its seed makes of a stage and a fault, and what must become of its two mails.
 *
 * A run has a mailbox, a server and recipients of its own. Its first mail meets the fault (its second, where the stage is the MAIL of a kept
 * connection). It is campaign mail, whose second step follows at once, or two responses.
 */
import { Random } from '../../tests/simulation/random.ts'
import { type Deed, drawDeed, type FaultName } from './faults.ts'
import { endingOf, type Ending, isRetried, type StageName } from './stages.ts'
import type { Severed } from './severed.ts'

export interface Course {
  seed: number
  stage: StageName
  fault: FaultName
  kind: 'campaign' | 'response'
  deed: Deed
  /** So often the fault is met, one try after the other. */
  strikes: number
  /** The server takes the mail before it fails at its dot. */
  taken: boolean
  /** What must become of the attempt that meets it. */
  ending: Ending
  pipelining: boolean
  security: 'none' | 'starttls'
  login: boolean
  /** Of the mail's text; of a response's attachment, where the stage is the body. */
  bytes: number
  /** When the second step follows the first. */
  waitMs: number
  /** In how many pieces a usual reply comes, and how far apart. */
  pieces: number
  piecesApartMs: number
}

/** Draws the run of this seed. */
export function drawCourse(stage: StageName, fault: FaultName, seed: number, severed: Severed): Course {
  const random = new Random('mail-server', stage, fault, seed)
  const deed = drawDeed(stage, fault, random, severed)
  const ending = endingOf(stage, deed.answer)
  const kind = kindOf(stage, random)
  const again = kind === 'campaign' && isRetried(ending) && random.chance(0.3)
  const needsTls = stage === 'starttls' || stage === 'tls'
  return {
    seed,
    stage,
    fault,
    kind,
    deed,
    ending,
    strikes: again ? 2 : 1,
    taken: ending === 'unknown' && random.chance(0.5),
    pipelining: random.chance(0.5),
    security: needsTls || random.chance(0.3) ? 'starttls' : 'none',
    login: true,
    // Hardly any buffer of the system holds a long body whole: the fault comes before its end.
    bytes: stage === 'body' ? 4_500_000 + random.int(0, 500_000) : random.pick([10, 300, 2_000, 20_000, 150_000]),
    waitMs: stage === 'quit' ? 12_000 : 1,
    pieces: random.int(1, 4),
    piecesApartMs: random.int(0, 12),
  }
}

/** Only responses have attachments, and both of them are there from the beginning: a connection is surely kept for the second. */
function kindOf(stage: StageName, random: Random): Course['kind'] {
  if (stage === 'body' || stage === 'next-mail') return 'response'
  return stage !== 'quit' && random.chance(0.25) ? 'response' : 'campaign'
}

/** What must become of each of the run's mails: the outcomes of its attempts, in their order, and how often it is accepted. */
export interface Expected {
  outcomes: Ending[]
  status: 'sent' | 'failed'
  accepted: number
}

/** By the mail's name; a second step whose first was refused does not exist. A doubt is resolved by what the server knows. */
export function expectationsOf({ stage, ending, strikes, taken, kind }: Course): {
  first: Expected
  second?: Expected
} {
  const outcomes = Array<Ending>(strikes).fill(ending)
  const isOver = ending === 'accepted' || ending === 'rejected' || (ending === 'unknown' && taken)
  const struck: Expected = {
    outcomes: isOver ? outcomes : [...outcomes, 'accepted'],
    status: ending === 'rejected' ? 'failed' : 'sent',
    accepted: ending === 'rejected' ? 0 : 1,
  }
  if (stage === 'next-mail') return { first: SENT, second: struck }
  return kind === 'campaign' && ending === 'rejected' ? { first: struck } : { first: struck, second: SENT }
}

const SENT: Expected = { outcomes: ['accepted'], status: 'sent', accepted: 1 }
