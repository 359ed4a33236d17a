/**
 * Peer, and limit: nothing but the dialogue. Finished mails through raw sockets, pipelined as RFC 2920 allows: MAIL, RCPT and DATA in one
 * write, and the next mail's behind the dot. Arguments: the server's port, the number of connections.
 */
import { connect, type Socket } from 'node:net'
import MailComposer from 'nodemailer/lib/mail-composer'
import type { BenchLead } from './content.ts'
import { renderMail, servePeer } from './peer.ts'

const [port = 25, connections = 1] = process.argv.slice(2).map(Number)
const lanes = await Promise.all(Array.from({ length: connections }, open))
const content = new Map<string, Buffer>()

servePeer(async (leads) => {
  // Made once: this is the wire, and not what goes on it.
  if (content.size === 0) content.set('', await new MailComposer(renderMail(leads[0] as BenchLead)).compile().build())
  const bytes = (content.get('') as Buffer).toString('latin1').replaceAll('\r\n.', '\r\n..')
  const next = leads[Symbol.iterator]()
  await Promise.all(lanes.map((socket) => sendThrough(socket, next, bytes)))
})

async function open(): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.setNoDelay(true)
  await reply(socket)
  socket.write('EHLO bench\r\n')
  await reply(socket)
  return socket
}

/** Each mail's three replies come together; then its content and the next mail's envelope go out in one write. */
async function sendThrough(socket: Socket, leads: IterableIterator<BenchLead>, bytes: string): Promise<void> {
  let isOffered = false
  await new Promise<void>((resolve) => {
    let rest = ''
    let due = 0
    const offer = (): string => {
      const { value: lead } = leads.next()
      isOffered = lead !== undefined
      if (!lead) return ''
      due += 3
      return `MAIL FROM:<${lead.mailbox}>\r\nRCPT TO:<${lead.email}>\r\nDATA\r\n`
    }
    const onData = (chunk: Buffer): void => {
      rest += chunk.toString('latin1')
      for (let end = rest.indexOf('\r\n'); end >= 0; end = rest.indexOf('\r\n')) {
        const line = rest.slice(0, end)
        rest = rest.slice(end + 2)
        due -= 1
        if (line.startsWith('354')) {
          due += 1
          socket.write(`${bytes}\r\n.\r\n${offer()}`, 'latin1')
        }
      }
      if (due > 0 || isOffered) return
      socket.removeListener('data', onData)
      resolve()
    }
    socket.on('data', onData)
    const first = offer()
    if (first === '') onData(Buffer.alloc(0))
    else socket.write(first)
  })
}

/** A whole reply, its lines with a hyphen included. */
async function reply(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => {
    const onData = (chunk: Buffer): void => {
      if (!/^\d{3} .*\r\n$/m.test(chunk.toString('latin1'))) return
      socket.removeListener('data', onData)
      resolve()
    }
    socket.on('data', onData)
  })
}
