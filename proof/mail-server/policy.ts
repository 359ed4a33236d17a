/**
 * A policy service for postfix (SMTPD_POLICY_README): asked at each stage of a dialogue, it answers as a cell wants, which is also how a cell
 * knows that a dialogue is at this very stage.
 */
import net from 'node:net'
import { once } from 'node:events'

/** What postfix tells: `protocol_state`, `sender`, `recipient`, `instance` and others. */
export type PolicyRequest = Readonly<Record<string, string>>

export interface PolicyService extends AsyncDisposable {
  port: number
}

/** Starts it; `answer` gives the action: `dunno`, `defer_if_permit …`. */
export async function startPolicyService(
  answer: (request: PolicyRequest) => string | Promise<string>,
): Promise<PolicyService> {
  const sockets = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    sockets.add(socket)
    // A process of postfix that is killed resets it.
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
    let rest = ''
    socket.on('data', (chunk: Buffer) => {
      const requests = (rest + chunk.toString('latin1')).split('\n\n')
      rest = requests.pop() ?? ''
      for (const request of requests) void reply(socket, request)
    })
  })
  const reply = async (socket: net.Socket, request: string): Promise<void> => {
    const action = await answer(Object.fromEntries(request.split('\n').map((line) => line.split(/=(.*)/s))))
    if (socket.writable) socket.write(`action=${action}\n\n`)
  }
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
