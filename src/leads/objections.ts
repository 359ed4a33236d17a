/** Why the database does not take a row, in words for the rejects file. The codes are those of the SQL functions of import. */

const REASONS = {
  suppressed: 'the address or its domain is suppressed (goniec suppress list)',
  unsubscribed: 'the lead has unsubscribed',
  bounced: 'mail to the lead bounced: its server says that there is no such mailbox',
  replied: 'the lead has replied, and gets no more campaign mail',
  blocked: 'the lead is blocked (goniec lead unblock lifts it)',
  removed: 'the lead was removed from this campaign',
}

export type Objection = keyof typeof REASONS

/** The sentence for a code. */
export function reasonOf(objection: Objection): string {
  return REASONS[objection]
}
