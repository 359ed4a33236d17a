/**
 * Peer: what a user would build. A graphile-worker job for each mail reads its row, sends it through nodemailer's pool, and marks the row.
 * Arguments: the database, the server's port, the number of connections and of jobs at the same time.
 */
import { Logger, runOnce, type Task } from 'graphile-worker'
import { createTransport } from 'nodemailer'
import { Pool } from 'pg'
import { renderMail, servePeer } from './peer.ts'
import type { BenchLead } from './content.ts'

const [url = '', port, connections] = process.argv.slice(2)
const concurrency = Number(connections)
const quiet = new Logger(() => () => undefined)
const pool = new Pool({ connectionString: url, max: 20 })
pool.on('error', () => process.exit(1))
pool.on('connect', (client) => client.on('error', () => process.exit(1)))
const transport = createTransport({
  pool: true,
  host: '127.0.0.1',
  port: Number(port),
  maxConnections: concurrency,
  maxMessages: Number.POSITIVE_INFINITY,
  ignoreTLS: true,
})

const send: Task = async (payload) => {
  const { id } = payload as { id: number }
  const { rows } = await pool.query<BenchLead>('select email, mailbox, fields from peer.mail where id = $1', [id])
  const [lead] = rows
  if (!lead) return
  const { messageId } = await transport.sendMail(renderMail(lead))
  await pool.query(`update peer.mail set status = 'sent', sent_at = now(), message_id = $2 where id = $1`, [
    id,
    messageId,
  ])
}

servePeer(async () => {
  await runOnce({ pgPool: pool, taskList: { send }, concurrency, noHandleSignals: true, logger: quiet })
})
