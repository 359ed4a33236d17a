/** What the claim asks, the limits behind it, and what a worker does in which order. */
import type { Edit, Mutation } from './mutation.ts'

const CLAIM = 'migrations/000005_claim.sql'
const QUEUE = 'migrations/000003_queue.sql'

const limit = (of: string) => ({
  file: 'tests/wire/limits.test.ts',
  title: `of four mails that are due, two go out where ${of} may send two a day, and two wait`,
})

const MORE_CAME = /expected \{ came: [34], /
const TWO_CAME = /expected \{ came: 2, /

/** Not waiting, but set aside for a person to look at. */
const SET_ASIDE = /expected \{ came: 2, waiting: \+0 \}/

/** Claim's conditions, in the candidate's query and in the ranking of a batch. */
const MAILBOX_ROOM: Edit = { file: CLAIM, from: 'c.mailbox_room > 0 and ', to: '' }
const CAMPAIGN_ROOM: Edit[] = [
  { file: CLAIM, from: '(c.campaign_room is null or c.campaign_room > 0) and ', to: '' },
  { file: CLAIM, from: 'then 1 else c.campaign_room end', to: 'then 1 else 1000 end' },
]
const SALESPERSON_ROOM: Edit[] = [
  { file: CLAIM, from: 'and c.salesperson_room > 0\n', to: '\n' },
  { file: CLAIM, from: 'where c.of_salesperson <= c.salesperson_room', to: 'where true' },
]

const check = (constraint: string): Edit => ({
  file: QUEUE,
  from: `constraint ${constraint} check (`,
  to: `constraint ${constraint} check (true or `,
})

const spaced = (where: string) => ({
  file: 'tests/wire/limits.test.ts',
  title: `of two mails that are due, one goes out where ${where}`,
})

const CLAIM_DELAY: Edit[] = [
  { file: CLAIM, from: ' and (c.campaign_opens_at is null or c.campaign_opens_at <= at)', to: '' },
  { file: CLAIM, from: 'case when c.campaign_delay_ms > 0 then 1 else c.campaign_room end', to: 'c.campaign_room' },
]

const FENCE_DELAY: Edit = {
  file: 'migrations/000006_fence.sql',
  from: 'case when l.objection is null and l.delay_ms > 0',
  to: 'case when false and l.objection is null and l.delay_ms > 0',
}

const ONE_AT_A_TIME = {
  file: 'tests/wire/one-at-a-time.test.ts',
  title: 'a mailbox whose mail is under way begins no other, whichever worker is free',
}

const MAILBOX_LOCK: Edit = {
  file: QUEUE,
  from: 'create unique index one_live_attempt_per_mailbox ',
  to: 'create index one_live_attempt_per_mailbox ',
}

const CLAIM_BUSY: Edit[] = [
  { file: CLAIM, from: ' and not c.mailbox_busy', to: '' },
  {
    file: CLAIM,
    from: `
    except
    select live.mailbox_id from goniec.attempt live where live.state in ('claimed', 'transmitting')`,
    to: '',
  },
]

/** A counter, its condition in the claim, and its CHECK. */
function capacity(name: string, of: string, condition: Edit[], constraint: string): Mutation[] {
  return [
    {
      name: `${name}-condition`,
      off: `the claim’s condition on the room of ${of}`,
      edits: condition,
      test: limit(of),
      says: SET_ASIDE,
    },
    {
      name: `${name}-check`,
      off: `the CHECK \`${constraint}\``,
      edits: [check(constraint)],
      test: limit(of),
      heldBy: 'the claim’s condition, in the statement that takes the capacity',
    },
    {
      name: `${name}-condition-and-check`,
      off: 'both of them',
      edits: [...condition, check(constraint)],
      test: limit(of),
      says: MORE_CAME,
    },
  ]
}

/** The claim. */
export const CLAIM_GUARDS: readonly Mutation[] = [
  ...capacity('mailbox-capacity', 'a mailbox', [MAILBOX_ROOM], 'mailbox_day_within_limits'),
  ...capacity('campaign-capacity', 'a campaign', CAMPAIGN_ROOM, 'campaign_day_within_limit'),
  ...capacity('salesperson-capacity', 'a salesperson', SALESPERSON_ROOM, 'salesperson_day_within_limit'),
  {
    name: 'mailbox-gap',
    off: 'the claim’s question for the gap of a mailbox',
    edits: [{ file: CLAIM, from: ' and (c.mailbox_opens_at is null or c.mailbox_opens_at <= at)', to: '' }],
    test: spaced('their mailbox keeps a gap of an hour'),
    says: TWO_CAME,
  },
  {
    name: 'campaign-delay-claim',
    off: 'the claim’s question for the delay of a campaign',
    edits: CLAIM_DELAY,
    test: spaced('their campaign keeps a delay of an hour'),
    heldBy: 'the fence asks for the delay again',
  },
  {
    name: 'campaign-delay-fence',
    off: 'the fence’s question for the delay of a campaign',
    edits: [FENCE_DELAY],
    test: spaced('their campaign keeps a delay of an hour'),
    heldBy: 'the claim asks for it too, and takes one mail of such a campaign at a time',
  },
  {
    name: 'campaign-delay-claim-and-fence',
    off: 'both of them',
    edits: [...CLAIM_DELAY, FENCE_DELAY],
    test: spaced('their campaign keeps a delay of an hour'),
    says: TWO_CAME,
  },
  {
    name: 'mailbox-lock-index',
    off: 'the unique index that is the lock of a mailbox: one live attempt',
    edits: [MAILBOX_LOCK],
    test: ONE_AT_A_TIME,
    heldBy: 'the claim looks at live attempts itself, one claimer at a time',
  },
  {
    name: 'mailbox-lock-claim',
    off: 'the claim’s own look at the live attempts of a mailbox',
    edits: CLAIM_BUSY,
    test: ONE_AT_A_TIME,
    heldBy: 'the unique index: one live attempt per mailbox (the mail is set aside with its words)',
  },
  {
    name: 'mailbox-lock-index-and-claim',
    off: 'both of them',
    edits: [MAILBOX_LOCK, ...CLAIM_BUSY],
    test: ONE_AT_A_TIME,
    says: /to have a length of 1 but got 2/,
  },
  {
    name: 'claim-lock',
    off: 'one claimer at a time',
    edits: [
      {
        file: CLAIM,
        from: `if not pg_try_advisory_xact_lock(goniec.lock_key('claim')) then`,
        to: 'if false then',
      },
    ],
    test: {
      file: 'tests/delivery/claim-waits.test.ts',
      title: 'ten claimers that ask again until there is nothing take each mail once',
    },
    heldBy: 'every row that a batch changes is locked, and looked at again behind the lock',
  },
  {
    name: 'skip-locked',
    off: '`skip locked` at the day of a mailbox: the claim waits',
    edits: [
      {
        file: CLAIM,
        from: `where d.mailbox_id = any (v.mailboxes) and d.day = p_today
    for no key update skip locked`,
        to: `where d.mailbox_id = any (v.mailboxes) and d.day = p_today
    for no key update`,
      },
    ],
    test: {
      file: 'tests/wire/held-row.test.ts',
      title: 'mails of other mailboxes go out while a program holds the day of one in an open transaction',
    },
    says: /expected \[\] to deeply equal \[ 'lead2@people\.example' \]/,
  },
  {
    name: 'contact-gap',
    off: 'the claim’s question whether another campaign has mailed the lead today',
    edits: [{ file: CLAIM, from: ' and not c.in_contact_gap', to: '' }],
    test: {
      file: 'tests/wire/limits.test.ts',
      title: 'a lead that two campaigns want on one day has one mail of them',
    },
    says: TWO_CAME,
  },
  {
    name: 'one-per-lead',
    off: 'one mail per lead in a batch',
    edits: [{ file: CLAIM, from: 'where c.of_lead = 1', to: 'where c.of_lead >= 1' }],
    test: {
      file: 'tests/wire/limits.test.ts',
      title: 'a lead that two campaigns want at one instant, from two mailboxes, has one mail of them',
    },
    says: TWO_CAME,
  },
  {
    name: 'plan-before-dispatch',
    off: 'the order recover → plan → dispatch: mails go out beside the plan, although some were missed',
    edits: [
      {
        file: 'src/worker/worker.ts',
        from: 'if (!this.#isStopping) await planning.beforeDispatch()',
        to: 'if (!this.#isStopping) void planning.beforeDispatch()',
      },
    ],
    test: {
      file: 'tests/worker/order.test.ts',
      title: 'where mails were missed, nothing goes out before the plan has given them their places',
    },
    says: /to deeply equal \[\]/,
  },
  {
    name: 'recover-before-dispatch',
    off: 'the same order: recovery comes last',
    edits: [
      {
        file: 'src/worker/worker.ts',
        from: `    await this.#recover()
    if (!this.#isStopping) await planning.beforeDispatch()
    if (this.#isStopping) return
    void this.#runDispatch()`,
        to: `    if (!this.#isStopping) await planning.beforeDispatch()
    if (this.#isStopping) return
    void this.#runDispatch()
    await this.#recover()`,
      },
    ],
    test: {
      file: 'tests/wire/doubt.test.ts',
      title: 'a mail whose worker was killed before the answer to its dot is not sent again',
    },
    heldBy:
      'what was left is live until recovery has ended it, and a live attempt keeps its message and its mailbox from every claim',
  },
]
