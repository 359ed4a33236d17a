/** Mails brought to a state by the protocol itself, for tests of what an operator may do with them. */
import { assert } from '../../src/errors.ts'
import { claimOne, fence, settle, type Report } from '../support/protocol.ts'
import type { Mail, MailOptions, World } from '../support/world.ts'

export interface Attempted extends Mail {
  attempt: number
  worker: number
}

/** A mail that a worker has, with nothing on the wire. */
export async function claimedMail(world: World, options: MailOptions = {}): Promise<Attempted> {
  // A mailbox of its own: another test's mail under way would keep this one waiting.
  const mailbox = options.mailbox ?? (await world.mailbox())
  const mail = await world.mail({ mailbox, ...options })
  const worker = await world.worker()
  return { ...mail, worker, attempt: await claimOne(world.sql, worker, mail.id) }
}

/** A mail whose content is on the wire. */
export async function transmittingMail(world: World, options: MailOptions = {}): Promise<Attempted> {
  const mail = await claimedMail(world, options)
  const headers = { 'message-id': `<mail-${mail.id}@firma.example>`, subject: 'Subject' }
  const contents = [{ attempt_id: mail.attempt, subject: 'Subject', text: 'Text', html: null, headers }]
  const [answer] = await fence(world.sql, mail.worker, mail.attempt, contents)
  assert(answer?.verdict === 'passed', `the fence lets message ${mail.id} pass`)
  return mail
}

/** A mail with this outcome; for `unknown` it is in doubt. */
export async function settledMail(
  world: World,
  report: Omit<Report, 'attempt'> & Pick<Report, 'outcome'>,
  options: MailOptions = {},
): Promise<Attempted> {
  const mail = await transmittingMail(world, options)
  await settle(world.sql, mail.worker, { ...report, attempt: mail.attempt })
  return mail
}
