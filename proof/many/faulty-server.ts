/** The mail server of block E: at every stage, now and then, it breaks off, refuses, says nonsense, or takes a mail and does not say so. */
import type { FaultConnection } from '../../tests/smtp/fault-connection.ts'
import { fin, half, reply, rst, startFaultServer, type Fault, type FaultServer } from '../../tests/smtp/fault-server.ts'
import type { Random } from '../../tests/simulation/random.ts'
import type { Oracle } from '../oracle.ts'

/** Of a thousand mails so many meet a fault at each of these stages. */
const IN_A_THOUSAND = 12

const BEFORE: readonly Fault[] = [
  fin,
  rst,
  reply('451 4.7.1 greylisted'),
  reply('421 4.3.2 closing down'),
  half('25'),
  reply('nonsense'),
]

/** After the content: what was taken, and what the worker hears of it. */
const AT_THE_DOT: readonly Fault[] = [
  (connection) => (connection.accept(), rst(connection)),
  (connection) => (connection.accept(), fin(connection)),
  rst,
  reply('451 4.3.0 try again'),
  reply('550 5.7.1 not today'),
]

/** Starts it. `onFault` is told of each fault, with its stage. */
export async function startFaultyServer({
  random,
  oracle,
  onFault,
  onAccept,
}: {
  random: Random
  oracle: Oracle
  onFault: (stage: string) => void
  onAccept: () => void
}): Promise<FaultServer> {
  /** At this stage, one of these in place of the usual answer; or that one. */
  const sometimes =
    (stage: string, faults: readonly Fault[], usual: Fault): Fault =>
    async (connection) => {
      const fails = random.chance(IN_A_THOUSAND / 1000)
      if (fails) onFault(stage)
      await (fails ? random.pick(faults) : usual)(connection)
    }
  return startFaultServer({
    onAccept: (mail) => {
      oracle.accept(mail)
      onAccept()
    },
    plan: {
      mail: sometimes('MAIL', BEFORE, reply('250 2.1.0 Ok')),
      data: sometimes('DATA', BEFORE, (connection) => connection.takeContent()),
      dot: sometimes('the dot', AT_THE_DOT, taken),
    },
  })
}

function taken(connection: FaultConnection): void {
  connection.accept()
  connection.write('250 2.0.0 Ok\r\n')
}
