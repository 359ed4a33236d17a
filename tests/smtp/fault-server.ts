/**
 * An SMTP server over raw TCP that can fail at any stage, in any way, and records exactly what came. It is written apart from any
 * library, so that what a client really put on the wire is what is looked at: every byte, in order, per connection.
 *
 *     const server = await startFaultServer({ plan: { dot: fin } })
 *     …
 *     const connection = await server.connection(0)
 *     await connection.closed
 *     expect(connection.mails[0]?.complete).toBe(true)
 *     await server.close()
 *
 * A plan names what happens at a stage instead of the usual reply. `tls` comes with the first byte of the client's handshake, `body`
 * with the first byte of content, `dot` with its last one. Nothing here waits for time to pass: tests wait for `reached`, `closed`, `accepted`.
 */
import net from 'node:net'
import { once } from 'node:events'
import type { Certificate } from './certificate.ts'
import { FaultConnection } from './fault-connection.ts'

export type FaultStage =
  'greeting' | 'ehlo' | 'starttls' | 'tls' | 'auth' | 'mail' | 'rcpt' | 'data' | 'body' | 'dot' | 'rset' | 'quit'

/** What the server does at a stage: it gets the connection and does it. */
export type Fault = (connection: FaultConnection) => void | Promise<void>

export type Plan = Partial<Record<FaultStage, Fault>>

export interface FaultServerOptions {
  /** The same for every mail, or by the connection's and the mail's number, both from 0. */
  plan?: Plan | ((connection: number, mail: number) => Plan)
  /** Offered in EHLO. */
  pipelining?: boolean
  /** With a certificate, STARTTLS is offered and works. */
  certificate?: Certificate
  /** EHLO names STARTTLS no longer, as a man in the middle would have it; the command still works. */
  stripStartTls?: boolean
  /** AUTH is offered; every login is accepted unless the plan says otherwise. */
  auth?: boolean
  /** Further lines of EHLO, such as `SIZE 1000`. */
  extensions?: readonly string[]
  /** How a usual reply goes out: in these pieces, each after so many milliseconds. In one, at once, without it. */
  pieces?: (reply: string) => readonly { bytes: string; afterMs: number }[]
  /** Told of each mail that the server takes, before it says so. A plan for the dot takes it by `connection.accept()`, or not at all. */
  onAccept?: (mail: { from: string; to: readonly string[]; raw: Buffer }) => void
}

/** Replies with these lines, in full: `reply('550 5.1.1 No such user')`. */
export function reply(...lines: string[]): Fault {
  return (connection) => connection.write(`${lines.join('\r\n')}\r\n`)
}

/** Sends these bytes as they are. */
export function raw(bytes: string): Fault {
  return (connection) => connection.write(bytes)
}

/** One after the other. */
export function both(first: Fault, second: Fault): Fault {
  return async (connection) => {
    await first(connection)
    await second(connection)
  }
}

/** Closes the connection properly. */
export const fin: Fault = ({ socket }) => void socket.end()

/** Resets the connection. */
export const rst: Fault = (connection) => connection.reset()

/** Says nothing any more, and reads on. */
export const silence: Fault = (connection) => connection.ignoreTheRest()

/** Says nothing and reads no more, as a host that is gone: the client's bytes pile up. */
export const deaf: Fault = (connection) => {
  connection.socket.pause()
}

/** Part of a reply without its end, and then the end of the connection. */
export function half(bytes: string): Fault {
  return ({ socket }) => void socket.end(bytes)
}

/** These bytes, one at a time, with this many milliseconds in between, and never to an end if `forEver`. */
export function drip(bytes: string, everyMs: number, forEver = false): Fault {
  return (connection) => {
    if (forEver) connection.ignoreTheRest()
    let at = 0
    const timer = setInterval(() => {
      if (at >= bytes.length && !forEver) return clearInterval(timer)
      connection.write(bytes.charAt(at++ % bytes.length))
    }, everyMs)
    void connection.closed.then(() => clearInterval(timer))
  }
}

/** A reply of more and more lines, as fast as they are read. */
export function endless(line = '250-and another one\r\n'): Fault {
  return (connection) => {
    connection.ignoreTheRest()
    const more = (): void => {
      while (!connection.socket.destroyed && connection.socket.writable && connection.socket.write(line.repeat(50)))
        continue
    }
    connection.socket.on('drain', more)
    more()
  }
}

export interface FaultServer {
  port: number
  connections: FaultConnection[]
  /** The n-th connection, from 0, as soon as it is there. */
  connection: (index: number) => Promise<FaultConnection>
  /** All mails that were completed by a dot and answered 2xx. */
  accepted: () => Buffer[]
  close: () => Promise<void>
}

/** Starts it on a free port of 127.0.0.1. */
export async function startFaultServer(options: FaultServerOptions = {}): Promise<FaultServer> {
  const connections: FaultConnection[] = []
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    connections.push(new FaultConnection(socket, options, connections.length))
    server.emit('arrived')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as net.AddressInfo).port,
    connections,
    connection: async (index) => {
      for (;;) {
        const connection = connections[index]
        if (connection) return connection
        await once(server, 'arrived')
      }
    },
    accepted: () =>
      connections.flatMap(({ mails }) => mails.filter((mail) => mail.accepted).map((mail) => mail.content())),
    close: async () => {
      if (!server.listening) return
      for (const { socket } of connections) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
