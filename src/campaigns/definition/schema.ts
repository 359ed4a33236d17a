/** A definition file as a whole: its top-level keys. */
import { z } from 'zod'
import { campaign } from './campaign.ts'
import { domainLimits } from './domain-limits.ts'
import { keyed, listOf, type Report, rule } from './keyed.ts'
import { mailbox, salesperson } from './mailbox.ts'
import { refusalBrake } from './refusal-brake.ts'
import { timeZone, wholeNumber } from './values.ts'

/** The schema of a file in this directory, against which its text files are found. */
export function fileSchema(directory: string) {
  return keyed({
    timezone: timeZone().optional(),
    warmup_stages: listOf('stages', warmupStage()).check(rule(ascendingFromOne)).optional(),
    domain_limits: domainLimits().optional(),
    refusal_brake: refusalBrake().optional(),
    salespeople: listOf('salespeople', salesperson()).optional(),
    mailboxes: listOf('mailboxes', mailbox(directory)).optional(),
    campaigns: listOf('campaigns', campaign(directory)).optional(),
  })
}

function warmupStage() {
  return keyed({
    from_day: wholeNumber(1, 10_000),
    warmup_limit: wholeNumber(0).optional(),
    campaign_limit: wholeNumber(0).optional(),
  })
}

function ascendingFromOne(stages: { from_day?: unknown }[], report: Report): void {
  let previous = 0
  for (const [i, stage] of stages.entries()) {
    const day = stage?.from_day
    if (typeof day !== 'number') continue
    if (i === 0 && day !== 1) report([i, 'from_day'], `the first stage starts at day 1, not ${day}`)
    if (i > 0 && day <= previous) report([i, 'from_day'], `stages ascend: ${day} does not come after ${previous}`)
    previous = day
  }
}

export type FileData = z.output<ReturnType<typeof fileSchema>>
