/** Campaign mail of which nothing has happened yet: whoever reads or makes long queues makes it from what little is known of it. */
import type { PlanMessage } from './plan-input.ts'

/** No day on which it was tried. One for all, since there may be a million of them. */
export const NEVER_TRIED: PlanMessage['triedDays'] = []

type Known = Pick<PlanMessage, 'id' | 'order' | 'leadId' | 'domain' | 'stepPosition'> & {
  campaignId: number
  said?: PlanMessage['said']
}

/** A mail that waits for its first slot, from any mailbox of its campaign. */
export function untouchedMail({
  id,
  order,
  campaignId,
  leadId,
  domain,
  stepPosition,
  said = null,
}: Known): PlanMessage {
  return {
    id,
    kind: 'campaign',
    campaignId,
    leadId,
    domain,
    stepPosition,
    boundMailboxId: null,
    salespersonId: null,
    notBeforeMs: null,
    follows: null,
    order,
    triedDays: NEVER_TRIED,
    slot: null,
    said,
    lost: null,
  }
}
