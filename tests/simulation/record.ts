/** The mail server's record, read: what each accepted mail was, by what it says itself. */
import { assert } from '../../src/errors.ts'
import type { Offer } from './mail-server.ts'

/** A mail that the server took, whether it could say so or not. */
export interface Accepted {
  atMs: number
  from: string
  to: string
  /** The server's yes came back. */
  answered: boolean
  /** Null: a response. */
  campaign: string | null
  step: string
  variant: string
  revision: number
  /** Of a response. */
  key: string
  messageId: string
  references: string
}

/** All accepted mails, in the order in which they were taken. */
export function readRecord(offers: readonly Offer[]): Accepted[] {
  return offers.filter(({ outcome }) => outcome === 'accepted' || outcome === 'unanswered').map(read)
}

function read({ atMs, from, to, outcome, raw }: Offer): Accepted {
  const [head = '', body = ''] = raw.split(/\r\n\r\n(.*)/s)
  const [, campaign = null, step = '', variant = '', revision = '0'] = /\[(\w+)\/(\w+)\/(\w)\/(\d+)\]/.exec(body) ?? []
  const key = /\[response ([\w-]+)\]/.exec(body)?.[1] ?? ''
  assert(campaign !== null || key !== '', `a mail says what it is: ${raw}`)
  const of = { campaign, step, variant, revision: Number(revision), key }
  return {
    atMs,
    from,
    to,
    answered: outcome === 'accepted',
    ...of,
    messageId: field(head, 'message-id'),
    references: field(head, 'references'),
  }
}

function field(head: string, name: string): string {
  const fields = head.replaceAll(/\r\n[ \t]+/g, ' ').split('\r\n')
  const found = fields.find((line) => line.toLowerCase().startsWith(`${name}:`))
  return found?.slice(name.length + 1).trim() ?? ''
}
