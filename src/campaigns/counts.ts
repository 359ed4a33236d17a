/** Campaign mails by state. */

export interface Counts {
  pending: number
  sending: number
  sent: number
  failed: number
  cancelled: number
  in_doubt: number
}

/** All zero. */
export function noCounts(): Counts {
  return { pending: 0, sending: 0, sent: 0, failed: 0, cancelled: 0, in_doubt: 0 }
}

/** Counts of rows that say how many mails are in which state. */
export function countByStatus(rows: readonly { status: keyof Counts; mails: number }[]): Counts {
  const counts = noCounts()
  for (const { status, mails } of rows) counts[status] += mails
  return counts
}
