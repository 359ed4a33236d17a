/** The mail server of these runs: it takes everything, and holds a mail at a stage of the dialogue until it is let go. */
import { startFaultServer, type FaultServer } from '../../tests/smtp/fault-server.ts'
import type { FaultConnection } from '../../tests/smtp/fault-connection.ts'
import type { Oracle } from '../oracle.ts'

/** Before the 354, with the first bytes of content, or after the last: there the mail is accepted by then, and only the answer waits. */
export type HeldStage = 'data' | 'body' | 'dot'

export interface Held {
  /** Resolves when the mail is there. */
  reached: Promise<void>
  release: () => void
}

export interface HoldingServer {
  port: number
  /** The next mail to this recipient waits at this stage. */
  hold(recipient: string, stage: HeldStage): Held
  close(): Promise<void>
}

/** Starts it; what it accepts goes into the oracle's record. */
export async function startHoldingServer(oracle: Oracle): Promise<HoldingServer> {
  const holds = new Map<string, { reach: () => void; released: Promise<void> }>()
  const wait = async (connection: FaultConnection, stage: HeldStage): Promise<void> => {
    const key = `${stage} ${connection.mails.at(-1)?.recipients[0]}`
    const hold = holds.get(key)
    if (!hold) return
    holds.delete(key)
    // Content that does not fit into what the system keeps for a connection stays with the worker.
    if (stage === 'body') connection.socket.pause()
    hold.reach()
    await hold.released
    if (stage === 'body') connection.socket.resume()
  }
  const server: FaultServer = await startFaultServer({
    onAccept: oracle.accept,
    plan: {
      data: async (connection) => (await wait(connection, 'data'), connection.takeContent()),
      body: async (connection) => wait(connection, 'body'),
      dot: async (connection) => (
        connection.accept(),
        await wait(connection, 'dot'),
        connection.write('250 2.0.0 Ok\r\n')
      ),
    },
  })
  return {
    port: server.port,
    close: () => server.close(),
    hold(recipient, stage) {
      const [reached, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      holds.set(`${stage} ${recipient}`, { reach: reached.resolve, released: released.promise })
      return { reached: reached.promise, release: released.resolve }
    },
  }
}
