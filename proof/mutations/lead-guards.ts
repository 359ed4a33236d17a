/** A lead who is out: four looks at him, one behind the other. The end of a campaign is a fifth: it takes such mails with it, once nothing else is open. */
import type { Edit, Mutation } from './mutation.ts'

const REPLIED = {
  file: 'tests/wire/replied.test.ts',
  title: 'a lead who replies while a mail to him is on the wire gets no further step',
}

const FOLLOW_UP: Edit = {
  file: 'migrations/000007_settle.sql',
  from: ' and its.blocked_at is null and its.replied_at is null and its.unsubscribed_at is null and its.bounced_at is null offset 0',
  to: ' offset 0',
}

const PLAN: Edit = {
  file: 'src/campaigns/plan/message-reads.ts',
  from: `or (m.kind = 'campaign' and l.replied_at is not null) then 'lead_not_mailable'`,
  to: `then 'lead_not_mailable'`,
}

const CLAIM: Edit = { file: 'migrations/000005_claim.sql', from: 'and c.lead_open and not', to: 'and not' }

const FENCE: Edit = {
  file: 'migrations/000006_fence.sql',
  from: `or (a.kind = 'campaign' and l.replied_at is not null) then 'lead_not_mailable'`,
  to: `then 'lead_not_mailable'`,
}

/** One more is off each time. */
export const LEAD_GUARDS: readonly Mutation[] = [
  {
    name: 'lead-follow-up',
    off: 'the rule that a lead who is out gets no next step’s mail made',
    edits: [FOLLOW_UP],
    test: REPLIED,
    heldBy: 'the plan, which lays no slot for it, and cancels it',
  },
  {
    name: 'lead-follow-up-and-plan',
    off: 'that, and the plan’s look at the lead',
    edits: [FOLLOW_UP, PLAN],
    test: REPLIED,
    heldBy: 'the claim’s look at the lead',
  },
  {
    name: 'lead-follow-up-plan-and-claim',
    off: 'that, and the claim’s look at the lead',
    edits: [FOLLOW_UP, PLAN, CLAIM],
    test: REPLIED,
    heldBy: 'the fence’s look at the lead',
  },
  {
    name: 'lead-all',
    off: 'all four',
    edits: [FOLLOW_UP, PLAN, CLAIM, FENCE],
    test: REPLIED,
    says: /expected \[ 'intro 1', 'intro 2', …\(2\) \] to deeply equal/,
  },
]
