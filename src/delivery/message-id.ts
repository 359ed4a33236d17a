/**
 * Message-IDs that goniec gives its mails (RFC 5322 §3.6.4): one a message, the same on every attempt. They are derived from data
 * that survives a restore of the database, and not from row ids, so that a mail sent before and after one can be told to be the
 * same.
 */
import { hash } from 'node:crypto'
import { GoniecError } from '../errors.ts'
import { toAsciiDomain } from './envelope.ts'

/** What makes a message the one it is: a campaign's step for a lead, or the key of a response. */
export type MessageIdentity =
  | { installationId: string; campaign: string; lead: string; stepKey: string }
  | { installationId: string; idempotencyKey: string }

/** The Message-ID, with angle brackets; its domain is that of the mailbox's address. */
export function rfcMessageId(identity: MessageIdentity & { domain: string }): string {
  const parts =
    'stepKey' in identity
      ? ['step', identity.installationId, identity.campaign, identity.lead, identity.stepKey]
      : ['response', identity.installationId, identity.idempotencyKey]
  const digest = hash('sha256', JSON.stringify(parts), 'buffer')
  return `<${toBase32(digest.subarray(0, LOCAL_PART_BYTES))}@${toAsciiDomain(identity.domain)}>`
}

/** The same Message-ID, or an error if it is none: it stands in headers as it is. */
export function checkMessageId(id: string): string {
  return checked(id, isMessageId)
}

/** The same for a mail of anybody's that is answered. */
export function checkReference(id: string): string {
  return checked(id, isReference)
}

/** Whether it can stand in headers as it is. */
export function isMessageId(id: string): boolean {
  return MESSAGE_ID.test(id) && isReference(id)
}

/** Whether headers can name a mail by it. Old mailers make some without an @, or with two: that is their name all the same. */
export function isReference(id: string): boolean {
  return REFERENCE.test(id) && id.length <= 900
}

function checked(id: string, isRight: (id: string) => boolean): string {
  if (isRight(id)) return id
  throw new GoniecError('message_id_invalid', `${JSON.stringify(id.slice(0, 100))} is not a Message-ID`, {
    hint: 'A Message-ID has the form <something@domain>, without spaces.',
  })
}

/** 160 bits: no two messages of any installation meet. A multiple of five bytes. */
const LOCAL_PART_BYTES = 20

const MESSAGE_ID = /^<[^@]+@[^@]+>$/
const REFERENCE = /^<[!-;=?-~]+>$/

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'

/** Five bytes at a time are eight letters; a number holds their forty bits exactly. */
function toBase32(bytes: Buffer): string {
  let text = ''
  for (let offset = 0; offset < bytes.length; offset += 5) {
    let five = bytes.readUIntBE(offset, 5)
    let letters = ''
    for (let n = 0; n < 8; n++) {
      letters = BASE32.charAt(five % 32) + letters
      five = Math.floor(five / 32)
    }
    text += letters
  }
  return text
}
