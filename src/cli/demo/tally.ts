/**
 * The count at the end: what the recorder took, against what the lists and the definition say it should have taken.
 *
 * A mail is known by (campaign, lead, step). Each that was planned for today is accepted, in doubt, or lost; each that the recorder has
 * beyond one of these is a duplicate, whatever its Message-ID.
 */
import type { LeadList } from './lists.ts'
import type { LedgerMail } from './ledger.ts'
import type { RecordedMail } from './recorder.ts'
import { countBreaches, type Breaches, type IdentifiedMail } from './breaches.ts'
import type { Terms } from './terms.ts'

export interface Evidence {
  recorded: readonly RecordedMail[]
  lists: readonly LeadList[]
  ledger: readonly LedgerMail[]
  terms: Terms
}

/** The last line of the demo's output. */
export interface Tally extends Breaches {
  /** Mails that the limits of the day allow: first mails of all leads, and the follow-ups of those. */
  planned: number
  /** Of these, what the recorder has. */
  accepted: number
  duplicates: number
  lost: number
  /** Of these, what is neither known as sent nor as not sent, and the recorder does not have. */
  in_doubt: number
  /** Mails that a limit, or another mail to the same lead, leaves for a later day. */
  waiting: number
}

/** Counts. */
export function countUp({ recorded, lists, ledger, terms }: Evidence): Tally {
  const ledgerByKey = new Map(ledger.map((mail) => [keyOf(mail), mail]))
  const identified = identify(recorded, ledger)
  const has = new Set(identified.map(keyOf))
  const wanted = wantedMails(lists, terms, has)
  const waits = (key: string): boolean => !has.has(key) && ledgerByKey.get(key)?.isLater === true
  const planned = wanted.filter((key) => !waits(key))
  const missing = planned.filter((key) => !has.has(key))
  const inDoubt = missing.filter((key) => ledgerByKey.get(key)?.status === 'in_doubt').length
  const accepted = planned.length - missing.length
  return {
    planned: planned.length,
    accepted,
    duplicates: recorded.length - accepted + openThoughSent(has, ledgerByKey),
    lost: missing.length - inDoubt,
    in_doubt: inDoubt,
    ...countBreaches(identified, terms),
    waiting: wanted.length - planned.length,
  }
}

/** Everything is fine: what may be in doubt is no fault. */
export function isClean({
  duplicates,
  lost,
  over_limit: overLimit,
  outside_window: outside,
  too_close: tooClose,
}: Tally): boolean {
  return duplicates + lost + overLimit + outside + tooClose === 0
}

/** Each lead's first mail, and the next one of each that the recorder has. */
function wantedMails(lists: readonly LeadList[], { campaigns }: Terms, has: ReadonlySet<string>): string[] {
  return lists.flatMap(({ campaign, addresses }) => {
    const steps = campaigns.find(({ name }) => name === campaign)?.steps ?? []
    return addresses.flatMap((recipient) => {
      const keys = steps.map((step) => keyOf({ campaign, recipient, step }))
      return keys.filter((_, i) => keys.slice(0, i).every((before) => has.has(before)))
    })
  })
}

/** By its Message-ID and its recipient; the ledger knows which mail that is. What it does not know is none of the planned ones. */
function identify(recorded: readonly RecordedMail[], ledger: readonly LedgerMail[]): IdentifiedMail[] {
  const byId = new Map(ledger.flatMap((mail) => (mail.messageId === null ? [] : [[mail.messageId, mail] as const])))
  return recorded.flatMap((mail) => {
    const known = byId.get(mail.messageId)
    if (known?.recipient !== mail.to) return []
    return [{ ...mail, campaign: known.campaign, recipient: known.recipient, step: known.step }]
  })
}

/** A mail that arrived, and that the ledger would send again: the second one is only a matter of time. */
function openThoughSent(has: ReadonlySet<string>, ledger: ReadonlyMap<string, LedgerMail>): number {
  return [...has].filter((key) => !['sent', 'in_doubt'].includes(ledger.get(key)?.status ?? '')).length
}

function keyOf({ campaign, recipient, step }: Pick<LedgerMail, 'campaign' | 'recipient' | 'step'>): string {
  return JSON.stringify([campaign, recipient, step])
}
