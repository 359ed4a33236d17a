/** Reads the finished world: what changes against the stored slots, what waits, which counters are needed. */
import { bindingsOf } from './binding.ts'
import { dayText } from './days.ts'
import { isStale } from './keep.ts'
import type { DayRows, Plan } from './plan-result.ts'
import { waitingOf } from './waiting.ts'
import { mailboxDayLimits } from './warmup.ts'
import type { Mail, World } from './world.ts'

/** What a plan says about its world. */
export function resultOf(world: World): Plan {
  const result: Plan = {
    slots: [],
    withdrawals: [],
    restamps: [],
    waiting: [],
    giveUps: [],
    dayRows: dayRowsOf(world),
    bindings: bindingsOf(world),
  }
  for (const mail of world.mails) {
    if (mail.givenUp) result.giveUps.push({ messageId: mail.input.id })
    else if (mail.mailbox) addPlaced(result, mail)
    else addWaiting(result, world, mail)
  }
  result.slots.sort((a, b) => a.atMs - b.atMs || a.messageId - b.messageId)
  return result
}

function addPlaced(result: Plan, mail: Mail): void {
  const { input, mailbox, segment, campaign, atMs } = mail
  if (!mailbox || !segment) return
  const stamp = {
    messageId: input.id,
    windowClosesMs: segment.closesMs,
    campaignVersion: campaign?.input.version ?? null,
    mailboxVersion: mailbox.input.version,
  }
  const stays = input.slot?.atMs === atMs && input.slot.mailboxId === mailbox.input.id
  if (!stays) {
    const from = input.slot ?? input.lost
    result.slots.push({
      ...stamp,
      atMs,
      mailboxId: mailbox.input.id,
      move: mail.reason,
      from: from && { atMs: from.atMs, mailboxId: from.mailboxId },
    })
  } else if (isStale(mail) || input.slot?.windowClosesMs !== segment.closesMs) {
    result.restamps.push(stamp)
  }
}

function addWaiting(result: Plan, world: World, mail: Mail): void {
  const { id, slot } = mail.input
  result.waiting.push(waitingOf(world, mail))
  if (!slot) return
  const from = { atMs: slot.atMs, mailboxId: slot.mailboxId }
  result.withdrawals.push({ messageId: id, reason: mail.reason ?? 'capacity', from })
}

/** Mailboxes and salespeople on each day of the horizon and on those on which a campaign sends from them; campaigns on their days. */
function dayRowsOf(world: World): DayRows {
  const rows: DayRows = { mailboxes: [], campaigns: [], salespeople: [] }
  const near = Array.from({ length: Math.min(world.days, world.input.horizonDays) }, (_, day) => day)
  const mailboxDays = new Map(Array.from(world.mailboxes.keys(), (id) => [id, new Set(near)]))
  const salespersonDays = new Map(Array.from(world.salespeople.keys(), (id) => [id, new Set(near)]))
  for (const { input, segments } of world.campaigns.values()) {
    for (const { day } of segments) {
      for (const id of input.mailboxIds) mailboxDays.get(id)?.add(day)
      salespersonDays.get(input.salespersonId)?.add(day)
    }
    for (const localDay of new Set(segments.map((segment) => segment.localDay))) {
      rows.campaigns.push({ campaignId: input.id, day: dayText(localDay), dailyLimit: input.dailyLimit })
    }
  }
  for (const mail of world.mails)
    if (mail.mailbox && mail.segment) mailboxDays.get(mail.mailbox.input.id)?.add(mail.segment.day)
  for (const [mailboxId, days] of mailboxDays) {
    const mailbox = world.mailboxes.get(mailboxId)
    for (const day of mailbox ? days : []) {
      if (!mailbox) continue
      const text = dayText(world.today + day)
      const { dailyLimit, campaignLimit, warmupLimit } = mailboxDayLimits(mailbox.input, world.input.warmupStages, text)
      rows.mailboxes.push({ mailboxId, day: text, dailyLimit, campaignLimit, warmupLimit })
    }
  }
  for (const [salespersonId, days] of salespersonDays) {
    const dailyLimit = world.salespeople.get(salespersonId)?.input.dailyLimit ?? null
    for (const day of days) rows.salespeople.push({ salespersonId, day: dayText(world.today + day), dailyLimit })
  }
  return rows
}
