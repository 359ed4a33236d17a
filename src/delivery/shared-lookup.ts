/**
 * Asking for the addresses of a mail server's name, or a token server's, together with whoever else is asking for it at the moment.
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
  void tell(asked, options, done)
}

const underWay = new Map<string, Promise<LookupAddress[]>>()

async function ask(name: string, options: LookupOptions): Promise<LookupAddress[]> {
  try {
    return await lookup(name, { ...options, all: true })
  } finally {
    underWay.delete(name)
  }
}

type Done = Parameters<LookupFunction>[2]

async function tell(asked: Promise<LookupAddress[]>, { all }: LookupOptions, done: Done): Promise<void> {
  let addresses: LookupAddress[]
  try {
    addresses = await asked
  } catch (error) {
    return done(error as NodeJS.ErrnoException, [])
  }
  const [first] = addresses
  // Where Node was told to try one address only, it takes no list.
  if (all || !first) done(null, addresses)
  else done(null, first.address, first.family)
}
