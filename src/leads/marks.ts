/** A mark that can be lifted. */
export type Mark = 'blocked' | 'replied' | 'unsubscribed' | 'bounced'

export type LeadAct =
  | { kind: 'block' | 'replied' | 'unsubscribe' }
  | { kind: 'remove'; campaignId: number }
  | { kind: 'unblock'; marks: readonly Mark[] }
