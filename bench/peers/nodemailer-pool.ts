/** Peer: nodemailer's own pool, no database. Arguments: the server's port, the number of connections. */
import { createTransport } from 'nodemailer'
import { renderMail, servePeer } from './peer.ts'

const [port, maxConnections] = process.argv.slice(2).map(Number)
const transport = createTransport({
  pool: true,
  host: '127.0.0.1',
  port: port ?? 25,
  maxConnections: maxConnections ?? 5,
  maxMessages: Number.POSITIVE_INFINITY,
  ignoreTLS: true,
})

servePeer(async (leads) => {
  // As its own guide has it: whoever has many mails hands over what the pool can take, and waits.
  const next = leads[Symbol.iterator]()
  const lane = async (): Promise<void> => {
    for (const lead of next) await transport.sendMail(renderMail(lead))
  }
  await Promise.all(Array.from({ length: 2 * (maxConnections ?? 5) }, lane))
})
