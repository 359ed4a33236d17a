/** Campaign mails by state. */

export interface Counts {
  pending: number
  sending: number
  sent: number
  failed: number
  cancelled: number
  in_doubt: number
}

/** Counts of rows that say how many mails are in which state. */
export function countByStatus(rows: readonly { status: keyof Counts; mails: number }[]): Counts {
  const counts: Counts = { pending: 0, sending: 0, sent: 0, failed: 0, cancelled: 0, in_doubt: 0 }
  for (const { status, mails } of rows) counts[status] += mails
  return counts
}
