/** What block E sends: two thousand mails and some more, all due at once, and what lets a run go on where life would have it wait. */
// Time is let pass again and again while mails go out.
import { setTimeout as delay } from 'node:timers/promises'
import type { Database } from '../../src/database/pool.ts'
import { makeFleet } from '../../tests/crash/fleet.ts'
import { hurryMails, planAnew } from '../hurry.ts'

export const CAMPAIGNS = 5
const MAILBOXES = 40

/** Each time mails are planned anew, which costs more than to send them. */
const PASSES_EVERY_MS = 1000

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
    await delay(PASSES_EVERY_MS)
  }
}

/** What a vanished worker may still have on the wire is waited for as long as it takes. */
async function passTime(database: Database): Promise<void> {
  const moved = (await hurryMails(database)) + (await database.query(TAKE_BACK)).length
  if (moved > 0) await planAnew(database)
  await database.query(
    `update goniec.mailbox_gate set free_from = null, faults = 0
     where mailbox_id in (select mailbox_id from goniec.mailbox_gate where free_from > goniec.now() + interval '14 s' order by 1 for no key update skip locked)`,
  )
  await database.query(
    `update goniec.mailbox set status = 'active', status_reason = null, version = version + 1
     where id in (select id from goniec.mailbox where status = 'broken' order by id for no key update skip locked)`,
  )
}

/** What was put off until its mailbox could be used again, and now it can: a plan moves no slot forward. */
const TAKE_BACK = `
  update goniec.message set scheduled_at = null, mailbox_id = null, window_closes_at = null
  where id in (
    select m.id from goniec.message m
    where m.status = 'pending' and m.held_reason is null and m.slot_reason = 'mailbox' and m.scheduled_at > goniec.now() + interval '30 seconds'
      and not exists (select from goniec.mailbox_gate g where g.mailbox_id = m.mailbox_id and g.free_from > goniec.now())
    order by m.id for no key update skip locked
  )
  returning id`
