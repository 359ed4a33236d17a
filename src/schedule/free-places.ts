/** Where in a day one more mail may stand: beside a mailbox's mails, and beside a campaign's. */
import { Holes } from './holes.ts'
import { drawnDelayMs } from './spread.ts'
import type { Campaign, Mail, Mailbox } from './world.ts'

/** Opens a mailbox's free places on a day: its gap before and after every mail it has, and none before it is free. */
export function openMailboxDay(mailbox: Mailbox, day: number, nowMs: number): void {
  const { input, gapMs, timeline } = mailbox
  const holes = new Holes()
  const lastMs = Math.max(
    input.lastFenceMs ?? Number.NEGATIVE_INFINITY,
    timeline.lastBefore(day)?.atMs ?? Number.NEGATIVE_INFINITY,
  )
  let startMs = Math.max(nowMs, input.freeFromMs ?? nowMs, lastMs + gapMs)
  for (const { atMs } of timeline.on(day)) {
    holes.push(startMs, atMs - gapMs)
    startMs = Math.max(startMs, atMs + gapMs)
  }
  const nextMs = timeline.firstAfter(day)?.atMs ?? Number.POSITIVE_INFINITY
  holes.push(startMs, nextMs - gapMs)
  mailbox.holes = holes
}

/** Opens a campaign's free places on a day: after each mail the delay drawn by it, before the next one the shortest delay. */
export function openCampaignDay(campaign: Campaign, day: number, nowMs: number): void {
  const { input, shortestDelayMs, timeline } = campaign
  const holes = new Holes()
  let startMs = delayOverMs(campaign, nowMs)
  if (input.delayMs > 0) {
    const last = timeline.lastBefore(day)
    if (last) startMs = Math.max(startMs, last.atMs + delayAfterMs(campaign, last))
    for (const mail of timeline.on(day)) {
      holes.push(startMs, mail.atMs - shortestDelayMs)
      startMs = Math.max(nowMs, mail.atMs + delayAfterMs(campaign, mail))
    }
    const nextMs = timeline.firstAfter(day)?.atMs ?? Number.POSITIVE_INFINITY
    holes.push(startMs, nextMs - shortestDelayMs)
  } else {
    holes.push(startMs, Number.POSITIVE_INFINITY)
  }
  campaign.holes = holes
}

/**
 * The delay to keep after a planned mail, drawn by it. Claim and fence count from the fence, which comes a little after the planned
 * time: without allowing for that, mails at the shortest delay would be later one by one.
 */
export function delayAfterMs({ input, shortestDelayMs }: Campaign, mail: Mail): number {
  return Math.max(
    drawnDelayMs(input.delayMs, input.jitter, spreadSeed(mail)),
    shortestDelayMs + (mail.mailbox?.input.occupiesMs ?? 0),
  )
}

/** A lead and a step are the same in a forecast, where a follow-up has no id yet. */
function spreadSeed({ input: { id, leadId, stepPosition } }: Mail): number {
  return leadId === null ? id : leadId * 64 + (stepPosition ?? 0)
}

/** From when on the delay after the campaign's last mail that is out is over. */
export function delayOverMs({ input }: Campaign, nowMs: number): number {
  if (input.lastFenceMs === null) return nowMs
  return Math.max(nowMs, input.lastFenceMs + drawnDelayMs(input.delayMs, input.jitter, input.lastFenceMs + input.id))
}
