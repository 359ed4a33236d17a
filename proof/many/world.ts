/** What block E sends: two thousand mails and some more, all due at once, and what lets a run go on where life would have it wait. */
// Time is let pass again and again while mails go out.
import { setTimeout as delay } from 'node:timers/promises'
import type { Database } from '../../src/database/pool.ts'
import { makeFleet } from '../../tests/crash/fleet.ts'
import { hurryMails, planAnew } from '../hurry.ts'

export const CAMPAIGNS = 5
const MAILBOXES = 40

/** Makes it: two steps for each lead. */
export async function makeMany(database: Database, leads: number, smtpPort: number): Promise<void> {
  await makeFleet(database, { mailboxes: MAILBOXES, campaigns: CAMPAIGNS, leads, smtpPort })
  // Brake and back-offs are for hours; what is tried here takes seconds.
  await database.query('update goniec.installation set refusal_share = null')
}

/** Until `isOver`: whoever waits for minutes (a retry, a mailbox that backs off) has waited long enough, and a broken mailbox is resumed. */
export async function letTimePass(database: Database, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await passTime(database)
    await delay(200)
  }
}

/** What a vanished worker may still have on the wire is waited for as long as it takes. */
async function passTime(database: Database): Promise<void> {
  if ((await hurryMails(database)) > 0) await planAnew(database)
  await database.query(
    `update goniec.mailbox_gate set free_from = null, faults = 0
     where mailbox_id in (select mailbox_id from goniec.mailbox_gate where free_from > goniec.now() + interval '14 s' order by 1 for no key update skip locked)`,
  )
  await database.query(
    `update goniec.mailbox set status = 'active', status_reason = null, version = version + 1
     where id in (select id from goniec.mailbox where status = 'broken' order by id for no key update skip locked)`,
  )
}
