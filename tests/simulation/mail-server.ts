/**
 * The mail server of a simulated world, and the record that everything is checked against: real SMTP, each mail stamped with the simulated
 * time. It refuses, defers, fails and drops as chance has it, decided by recipient and try, so that a seed replays; and the driver can
 * have it at a stage of the next dialogue that the worker dies.
 */
import { FaultConnection } from '../smtp/fault-connection.ts'
import { fin, reply, startFaultServer, type Fault, type FaultServer, type Plan } from '../smtp/fault-server.ts'
import { chanceOf } from './random.ts'

/** Where in a dialogue a worker is killed: before its fence; behind the dot of a mail that is taken, or is not. */
export type KillStage = 'rcpt' | 'dot, taken' | 'dot, lost'

/** One mail that was offered: from MAIL FROM on. */
export interface Offer {
  atMs: number
  from: string
  to: string
  /** `unanswered` was accepted without a word; `lost` came whole, was not accepted and not answered. */
  outcome: 'begun' | 'accepted' | 'unanswered' | 'lost' | 'refused' | 'deferred' | 'fault' | 'broken off'
  /** What was accepted. */
  raw: string
}

export interface MailServer extends AsyncDisposable {
  readonly port: number
  readonly offers: readonly Offer[]
  nowMs: () => number
  /** Awaited before the answer to a mail: lets the world's time pass that a dialogue takes. */
  whileAnswering: () => Promise<void>
  /** The next mail that comes to this stage ends its worker, by `kill`. */
  killAt: (stage: KillStage, kill: () => void) => void
  /** No kill any more, if it has not happened. */
  disarm: () => void
  /** From then on nothing goes wrong any more, or again. */
  mood: 'as chance has it' | 'good'
}

interface Fate {
  stage: 'mail' | 'rcpt' | 'dot' | 'none'
  outcome: Offer['outcome']
  act: Fault
}

const FATES: readonly { part: number; fate: Fate }[] = [
  { part: 0.02, fate: { stage: 'rcpt', outcome: 'deferred', act: reply('451 4.7.1 Greylisted, come again') } },
  { part: 0.005, fate: { stage: 'rcpt', outcome: 'refused', act: reply('550 5.1.1 No such user') } },
  { part: 0.005, fate: { stage: 'rcpt', outcome: 'fault', act: reply('421 4.7.0 Too many connections, go away') } },
  { part: 0.005, fate: { stage: 'rcpt', outcome: 'broken off', act: fin } },
  { part: 0.005, fate: { stage: 'dot', outcome: 'refused', act: reply('554 5.7.1 We do not like this content') } },
  { part: 0.01, fate: { stage: 'dot', outcome: 'deferred', act: reply('452 4.3.1 Disk full') } },
  { part: 0.005, fate: { stage: 'dot', outcome: 'unanswered', act: fin } },
  { part: 0.003, fate: { stage: 'dot', outcome: 'lost', act: fin } },
]

const GOOD: Fate = { stage: 'none', outcome: 'accepted', act: reply('250 2.0.0 Ok') }

/** Starts it. `nowMs` is asked for the simulated time. */
export async function startMailServer(seed: number, mood: MailServer['mood']): Promise<MailServer> {
  const offers: Offer[] = []
  const ofDialogue = new Map<string, { offer: Offer; fate: Fate }>()
  const tries = new Map<string, number>()
  let armed: { stage: KillStage; kill: () => void } | undefined
  let server: FaultServer | undefined

  function draw(to: string): Fate {
    const count = (tries.get(to) ?? 0) + 1
    tries.set(to, count)
    if (mailServer.mood === 'good') return GOOD
    let drawn = chanceOf('fate', seed, to, count)
    for (const { part, fate } of FATES) {
      if (drawn < part) return fate
      drawn -= part
    }
    return GOOD
  }

  function begin(connection: FaultConnection, key: string): void {
    const offer: Offer = {
      atMs: mailServer.nowMs(),
      from: connection.mails.at(-1)?.from ?? '',
      to: '',
      outcome: 'begun',
      raw: '',
    }
    offers.push(offer)
    ofDialogue.set(key, { offer, fate: GOOD })
    connection.write('250 2.1.0 Ok\r\n')
  }

  function die(connection: FaultConnection): void {
    const kill = armed?.kill
    armed = undefined
    connection.ignoreTheRest()
    kill?.()
  }

  /** What happens at the end of a mail. */
  async function take(connection: FaultConnection, key: string): Promise<void> {
    const dialogue = ofDialogue.get(key)
    if (!dialogue) return
    const { offer, fate } = dialogue
    offer.raw = connection.mails.at(-1)?.content().toString('utf8') ?? ''
    if (armed?.stage === 'dot, taken' || armed?.stage === 'dot, lost') {
      offer.outcome = armed.stage === 'dot, taken' ? 'unanswered' : 'lost'
      return die(connection)
    }
    offer.outcome = fate.stage === 'dot' ? fate.outcome : 'accepted'
    await mailServer.whileAnswering()
    return fate.stage === 'dot' ? fate.act(connection) : GOOD.act(connection)
  }

  function planAt(index: number, mail: number): Plan {
    const key = `${index}/${mail}`
    const line = server?.connections[index]?.commands.at(-1) ?? ''
    if (line.startsWith('MAIL FROM:')) return { mail: (connection) => begin(connection, key) }
    const dialogue = ofDialogue.get(key)
    if (!dialogue) return {}
    const to = /^RCPT TO:<([^>]*)>/.exec(line)?.[1]
    if (to !== undefined && dialogue.offer.to === '') {
      dialogue.offer.to = to
      dialogue.fate = draw(to)
    }
    if (to === undefined) return { dot: (connection) => take(connection, key) }
    if (armed?.stage === 'rcpt') return { rcpt: breakOff(dialogue.offer, die) }
    if (dialogue.fate.stage !== 'rcpt') return {}
    dialogue.offer.outcome = dialogue.fate.outcome
    return { rcpt: dialogue.fate.act }
  }

  server = await startFaultServer({ pipelining: false, plan: planAt })
  const mailServer: MailServer = {
    port: server.port,
    offers,
    mood,
    nowMs: () => Number.NaN,
    whileAnswering: () => Promise.resolve(),
    killAt: (stage, kill) => void (armed = { stage, kill }),
    disarm: () => void (armed = undefined),
    [Symbol.asyncDispose]: () => server.close(),
  }
  return mailServer
}

function breakOff(offer: Offer, die: (connection: FaultConnection) => void): Fault {
  return (connection) => {
    offer.outcome = 'broken off'
    die(connection)
  }
}
