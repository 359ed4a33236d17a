/**
 * Asking for the addresses of a mail server's name, together with whoever else is asking for it at the moment.
 *
 * Node lets two names be looked up at a time in all, and an answer that does not come is waited for for ten seconds and more, whoever has given
 * up meanwhile. If each mailbox of a provider whose name servers are silent asked for itself, the mailboxes of all others would wait behind
 * them for longer than a dialogue may take to connect: measured, with eight of them, thirty seconds and a fault of a sound mailbox.
 */
import type { LookupAddress, LookupOptions } from 'node:dns'
import { lookup } from 'node:dns/promises'
import type { LookupFunction } from 'node:net'

/** The `lookup` of a socket: each answer is used by all who wait for it, and by nobody later. */
export const sharedLookup: LookupFunction = (name, options, done) => {
  let asked = underWay.get(name)
  if (!asked) {
    asked = ask(name, options)
    underWay.set(name, asked)
  }
  void tell(asked, done)
}

const underWay = new Map<string, Promise<LookupAddress[]>>()

async function ask(name: string, options: LookupOptions): Promise<LookupAddress[]> {
  try {
    return await lookup(name, { ...options, all: true })
  } finally {
    underWay.delete(name)
  }
}

async function tell(asked: Promise<LookupAddress[]>, done: Parameters<LookupFunction>[2]): Promise<void> {
  let addresses: LookupAddress[]
  try {
    addresses = await asked
  } catch (error) {
    return done(error as NodeJS.ErrnoException, [])
  }
  done(null, addresses)
}
