/** What the claim asks, the limits behind it, and what a worker does in which order. */
import type { Edit, Mutation } from './mutation.ts'

const CLAIM = 'migrations/000005_claim.sql'
const QUEUE = 'migrations/000003_queue.sql'

const limit = (of: string) => ({
  file: 'tests/wire/limits.test.ts',
  title: `of four mails that are due, two go out where ${of} may send two a day, and two wait`,
})

const MORE_CAME = /\+ {3}"came": [34],/
const SET_ASIDE = /\+ {3}"heldBecause": "claim failed: /

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
    name: 'skip-locked',
    off: '`skip locked` at the day of a mailbox: the claim waits',
    edits: [
      {
        file: CLAIM,
        from: `where d.mailbox_id in (select mailbox_id from chosen) and d.day = p_today
    for no key update skip locked`,
        to: `where d.mailbox_id in (select mailbox_id from chosen) and d.day = p_today
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
    says: /\+ {3}"came": 2,/,
  },
  {
    name: 'one-per-lead',
    off: 'one mail per lead in a batch',
    edits: [{ file: CLAIM, from: 'where c.of_lead = 1', to: 'where c.of_lead >= 1' }],
    test: {
      file: 'tests/wire/limits.test.ts',
      title: 'a lead that two campaigns want at one instant, from two mailboxes, has one mail of them',
    },
    says: /\+ {3}"came": 2,/,
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
