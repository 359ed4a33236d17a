/** Mails and deadlines of the dialogue's tests. */
import type { Deadlines } from '../../src/delivery/deadlines.ts'

/** Long enough that nothing but a fault ever meets one, on a machine that has other things to do as well. */
export const amplyLong: Deadlines = {
  phaseMs: 8_000,
  beforeFenceMs: 16_000,
  dotWithinMs: 8_000,
  blockMs: 8_000,
  dotMs: 8_000,
  attemptMs: 40_000,
  idleMs: 8_000,
}

/** For servers that are waited for in vain: what comes before is over by then on a busy machine too. */
export const shortDeadlines: Partial<Deadlines> = { phaseMs: 1500, blockMs: 1500, dotMs: 1500 }

export const smallMail = Buffer.from('Subject: one\r\n\r\n.dot\r\n..two\r\n\r\n.\r\n...\r\nlast line\r\n')

/** More than the buffers of two sockets hold, so that a server which stops reading stops the client. */
export const largeMail = Buffer.from(`Subject: large\r\n\r\n${`.${'x'.repeat(76)}\r\n`.repeat(120_000)}`)
