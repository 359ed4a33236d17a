/**
 * A relay between a worker and a mail server. It knows to which stage a dialogue has come, and tells before the server knows; and it can cut
 * one dialogue at its dot: before the server gets it, or when the answer is there.
 */
import net from 'node:net'
import { once } from 'node:events'

export interface Relay extends AsyncDisposable {
  port: number
}

/** Where the dialogue is cut: the server never gets the dot, or its answer never comes back. */
export type Cut = 'dot lost' | 'reply lost'

export interface RelayOptions {
  toPort: number
  /** The first mail is cut; every later one goes through. */
  cut?: Cut | undefined
  onCut: (what: string) => void
  /** A command, or the dot, is about to be passed on. */
  onStage: (state: 'RCPT' | 'DATA' | 'END-OF-MESSAGE') => void
}

/** Starts it. */
export async function startRelay({ toPort, cut, onCut, onStage }: RelayOptions): Promise<Relay> {
  const sockets = new Set<net.Socket>()
  let isCut = false
  const server = net.createServer((client) => {
    const upstream = net.connect(toPort, '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
      socket.on('error', () => socket.destroy())
    }
    const end = (): void => {
      isCut = true
      upstream.destroy()
      client.destroy()
    }
    client.on('data', (chunk: Buffer) => {
      const at = chunk.lastIndexOf('\r\n.\r\n')
      const text = chunk.toString('latin1')
      const isDot = at >= 0 || text === '.\r\n'
      if (/^RCPT TO/im.test(text)) onStage('RCPT')
      if (/^DATA\r\n/im.test(text)) onStage('DATA')
      if (isDot) onStage('END-OF-MESSAGE')
      if (isCut || cut !== 'dot lost' || !isDot) upstream.write(chunk)
      else {
        onCut('the relay kept the dot, and closed both sides')
        upstream.write(chunk.subarray(0, Math.max(0, at)))
        end()
      }
    })
    upstream.on('data', (chunk: Buffer) => {
      const text = chunk.toString('latin1')
      if (isCut || cut !== 'reply lost' || !/^250 .*(queued|accepted)/im.test(text)) client.write(chunk)
      else {
        onCut(`the relay kept "${text.trim()}", and closed both sides`)
        end()
      }
    })
    client.on('end', () => upstream.end())
    upstream.on('end', () => client.end())
    upstream.on('close', () => client.destroy())
    client.on('close', () => upstream.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as net.AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
