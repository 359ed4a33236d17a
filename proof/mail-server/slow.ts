/** A server that reads or speaks, but slowly. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Fault } from '../../tests/smtp/fault-server.ts'

/** Takes one piece of content each so many milliseconds. */
export function readSlowly(everyMs: number): Fault {
  return (connection) => {
    const { socket } = connection
    connection.ignoreTheRest()
    socket.pause()
    const timer = setInterval(() => {
      socket.once('data', () => socket.pause())
      socket.resume()
    }, everyMs)
    void connection.closed.then(() => clearInterval(timer))
  }
}

/** Says this a byte at a time, and goes on when it is said. */
export function replySlowly(bytes: string, everyMs: number): Fault {
  return async (connection) => {
    for (const byte of bytes) {
      await delay(everyMs)
      connection.write(byte)
    }
  }
}
