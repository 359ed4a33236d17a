/** A process that sends one mail to a port, and prints the result: the tests stop it in the middle. */
import { MailboxConnection } from '../../src/delivery/dialogue.ts'
import { amplyLong, largeMail } from './dialogue-mails.ts'

const [port = '', dotWithinMs = ''] = process.argv.slice(2)
const account = { host: '127.0.0.1', port: Number(port), security: 'none', auth: null } as const
const connection = new MailboxConnection(account, { ...amplyLong, blockMs: 60_000, dotWithinMs: Number(dotWithinMs) })
const result = await connection.send({
  from: 'anna@firma.example',
  to: 'jan@klient.example',
  mail: largeMail,
  fence: () => Promise.resolve({ passed: true }),
})
await connection.close()
process.stdout.write(JSON.stringify(result))
