/** Dialogues of tests: a fault server, a mailbox's connection to it, deadlines that fit a test; all ended together. */
import { onTestFinished } from 'vitest'
import { MailboxConnection, type DialogueResult, type Mail } from '../../src/delivery/dialogue.ts'
import type { SmtpAccount } from '../../src/delivery/connection.ts'
import type { Deadlines } from '../../src/delivery/deadlines.ts'
import type { Clocks } from '../../src/delivery/elapsed.ts'
import { amplyLong, smallMail } from './dialogue-mails.ts'
import { type FaultServer, type FaultServerOptions, startFaultServer } from '../smtp/fault-server.ts'

export interface AgainstOptions extends FaultServerOptions {
  deadlines?: Partial<Deadlines>
  account?: Partial<SmtpAccount>
  clocks?: Clocks
}

export interface Against {
  server: FaultServer
  connection: MailboxConnection
  send: (mail?: Partial<Mail>) => Promise<DialogueResult>
}

/** A fault server and a connection to it, both ended with the test. Tests that run side by side hand their own `onTestFinished`. */
export async function against(
  { deadlines, account, clocks, ...options }: AgainstOptions = {},
  whenFinished: (end: () => Promise<void>) => void = onTestFinished,
): Promise<Against> {
  const server = await startFaultServer(options)
  const auth = options.auth ? { user: 'anna', pass: 'secret' } : null
  const target: SmtpAccount = { host: '127.0.0.1', port: server.port, security: 'none', auth, ...account }
  const connection = new MailboxConnection(target, { ...amplyLong, ...deadlines }, clocks)
  whenFinished(async () => {
    await connection.close()
    await server.close()
  })
  return { server, connection, send: (mail) => connection.send({ ...plainMail(), ...mail }) }
}

function plainMail(): Mail {
  return {
    from: 'anna@firma.example',
    to: 'jan@klient.example',
    mail: smallMail,
    fence: () => Promise.resolve({ passed: true }),
  }
}
