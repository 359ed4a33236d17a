/**
 * A connection that owes an answer and is silent for too long is broken: packets can vanish without a word (a server's machine without
 * power, a firewall that has forgotten the connection, a server that is stopped), and then the kernel itself waits for a quarter of an hour.
 * Whoever waits on it gets an error instead, and asks again on another one.
 *
 * What the server does with the statement all the same is not known then, as after every lost answer. It notices nothing of it while the statement
 * waits for a lock, and would hold a connection for each try until there is none left: so it is told to end by itself what nobody waits for any more.
 */
import type { Socket } from 'node:net'
import type { Client } from 'pg'
import { GoniecError } from '../errors.ts'
import { formatDuration } from '../time.ts'

/** How often within that time it is looked. */
const LOOKS = 4

/** Longer than the looks take to break the connection, so that this is what is seen of it. */
const ENDED_AFTER = 1.5

/** After so long the server ends a statement, that somebody waits for in vain, by itself. */
export function endedAfterMs(silenceMs: number): number {
  return Math.ceil(silenceMs * ENDED_AFTER)
}

/** Breaks the connection when an answer is owed and nothing has come or gone for so long. To be called while none is owed. */
export function breakWhenSilent(client: Client, silenceMs: number): void {
  const { connection } = client
  const stream = connection.stream as Socket
  // More bytes written than when the last answer was complete: an answer is owed.
  let settledBytes = stream.bytesWritten
  // Before the driver's own listener, which may send the next statement at once.
  connection.prependListener('readyForQuery', () => (settledBytes = stream.bytesWritten))
  let [passedBytes, passedAtMs] = [0, 0]
  const look = (): void => {
    const bytes = stream.bytesRead + stream.bytesWritten
    if (bytes !== passedBytes) [passedBytes, passedAtMs] = [bytes, performance.now()]
    else if (stream.bytesWritten > settledBytes && performance.now() - passedAtMs >= silenceMs)
      stream.destroy(silent(silenceMs))
  }
  // Not the socket's own timeout: one that ran out while nothing was asked does not begin again with the next statement.
  const looking = setInterval(look, silenceMs / LOOKS).unref()
  stream.once('close', () => clearInterval(looking))
}

function silent(silenceMs: number): GoniecError {
  return new GoniecError('database_silent', `the database has not answered for ${formatDuration(silenceMs)}`, {
    hint: 'see whether its server runs, and whether a firewall stands between',
  })
}
