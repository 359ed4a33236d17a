/** The last lines, in the database: they hold where the code above them, or a person with psql, is wrong. */
import type { Edit, Mutation } from './mutation.ts'

const QUEUE = 'migrations/000003_queue.sql'
const GUARDS = 'migrations/000004_guards.sql'

const byHand = (title: string) => ({ file: 'tests/wire/written-by-hand.test.ts', title })

const SECOND_ROW = byHand('a second message for the same lead and step brings the lead no second mail')
const PUT_BACK = byHand('a mail that was sent, and that somebody puts back into the queue, is not sent again')
const ASKED_TWICE = byHand('a response that two programs ask for at once under one key is sent once')

/** The lead has it twice. */
const TWO_INTROS = /expected \[ .*'lead1@people\.example intro', …\(1\) \] to deeply equal/

const plain = (index: string): Edit => ({
  file: QUEUE,
  from: `create unique index ${index} `,
  to: `create index ${index} `,
})

const TRANSITIONS: Edit = {
  file: GUARDS,
  from: `perform goniec.refuse_transition('message', old.id, old.status, new.status);`,
  to: 'null;',
}

const AGREEMENT: Edit = {
  file: GUARDS,
  from: `if expected is distinct from status_now and not`,
  to: `if false and expected is distinct from status_now and not`,
}

const ALREADY_TRIED: Edit = { file: 'migrations/000005_claim.sql', from: '    and not c.already_tried\n', to: '' }

const ONE_ATTEMPT = plain('one_live_or_accepted_attempt_per_message')

const KEY_LOCK: Edit = {
  file: 'migrations/000010_other_programs.sql',
  from: `perform pg_advisory_xact_lock(hashtextextended('response:' || enqueue_response.key, 20201));`,
  to: '',
}

/** One mail, whatever is written. */
export const ROW_GUARDS: readonly Mutation[] = [
  {
    name: 'one-message-per-step',
    off: 'the unique index: one message per campaign, lead and step',
    edits: [plain('one_message_per_campaign_lead_and_step')],
    test: SECOND_ROW,
    says: TWO_INTROS,
  },
  {
    name: 'transitions',
    off: 'the table of allowed changes of a message',
    edits: [TRANSITIONS],
    test: PUT_BACK,
    heldBy: 'at the end of the transaction message and attempts must agree (`message_agrees_with_its_attempts`)',
  },
  {
    name: 'agreement',
    off: 'the agreement of a message with its attempts',
    edits: [AGREEMENT],
    test: PUT_BACK,
    heldBy: 'the table of allowed changes: what is sent becomes nothing else',
  },
  {
    name: 'transitions-and-agreement',
    off: 'both of them',
    edits: [TRANSITIONS, AGREEMENT],
    test: PUT_BACK,
    heldBy: 'claim takes no message with an attempt that is live, accepted or in doubt',
  },
  {
    name: 'transitions-agreement-and-claim',
    off: 'both, and claim’s look at the attempts',
    edits: [TRANSITIONS, AGREEMENT, ALREADY_TRIED],
    test: PUT_BACK,
    heldBy: 'the unique index: one live or accepted attempt per message (the mail is set aside with its words)',
  },
  {
    name: 'one-attempt-per-message',
    off: 'the unique index: one live or accepted attempt per message',
    edits: [ONE_ATTEMPT],
    test: PUT_BACK,
    heldBy: 'the table of allowed changes, and all that stands behind it',
  },
  {
    name: 'all-against-a-second-attempt',
    off: 'all four',
    edits: [TRANSITIONS, AGREEMENT, ALREADY_TRIED, ONE_ATTEMPT],
    test: PUT_BACK,
    says: TWO_INTROS,
  },
  {
    name: 'response-key',
    off: 'the unique index: one response per idempotency key',
    edits: [plain('one_response_per_idempotency_key')],
    test: ASKED_TWICE,
    heldBy: 'the lock on the key: the second caller waits, and finds the first one’s response',
  },
  {
    name: 'response-key-lock',
    off: 'the lock on the key',
    edits: [KEY_LOCK],
    test: ASKED_TWICE,
    heldBy: 'the unique index: one response per idempotency key',
  },
  {
    name: 'response-key-and-lock',
    off: 'both of them',
    edits: [plain('one_response_per_idempotency_key'), KEY_LOCK],
    test: ASKED_TWICE,
    says: /expected \[ 'lead1@people\.example Offer', …\(1\) \] to deeply equal/,
  },
]
