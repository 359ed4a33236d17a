/** What keeps a mail that nobody can know about from being sent again. */
import type { Edit, Mutation } from './mutation.ts'

const doubt = (title: string) => ({ file: 'tests/wire/doubt.test.ts', title })

const LOST = doubt('a mail whose acceptance was lost with the connection is not sent again')
const KEPT = doubt('a mail that was lost so on a connection kept from the mail before is not sent again')
const KILLED = doubt('a mail whose worker was killed before the answer to its dot is not sent again')

/** The server has a mail twice. */
const TWICE = /expected \[ 'lead1@people\.example', …\(\d\) \] to deeply equal \[ 'lead1@people\.example'/

const RECOVERED_AS_UNSENT: Edit[] = [
  {
    file: 'migrations/000008_recover.sql',
    from: `set state = case l.state when 'claimed' then 'aborted' else 'in_doubt' end,`,
    to: `set state = 'aborted',`,
  },
  {
    file: 'migrations/000008_recover.sql',
    from: `outcome = case l.state when 'claimed' then 'aborted' else 'unknown' end,`,
    to: `outcome = 'aborted',`,
  },
]

const ABORTED_BY_ANYBODY: Edit = {
  file: 'migrations/000004_guards.sql',
  from: `if old.state = 'transmitting' and new.state = 'aborted'`,
  to: `if false and old.state = 'transmitting' and new.state = 'aborted'`,
}

const AGAIN_AT_ANY_STAGE: Edit = {
  file: 'src/delivery/dialogue.ts',
  from: `return stage === 'mail' && fence === 'not_reached' && failure !== 'cancelled'`,
  to: `return stage !== 'connect' && fence !== 'refused' && failure !== 'cancelled'`,
}

const SAME_ID = doubt('a mail that is refused for a while has the same Message-ID on every try')

const DERIVED: Edit = {
  file: 'src/delivery/message-id.ts',
  from: `JSON.stringify(parts)`,
  to: `JSON.stringify([...parts, performance.now()])`,
}

const KEPT_ID: Edit = {
  file: 'src/delivery/compose-message.ts',
  from: 'return given ?? rfcMessageId(',
  to: 'return (given && undefined) ?? rfcMessageId(',
}

/** An unknown outcome is not tried again. */
export const DOUBT_GUARDS: readonly Mutation[] = [
  {
    name: 'unknown-is-retried',
    off: 'the rule that an unknown outcome is not retried: it counts as a mail that was surely not sent',
    edits: [
      {
        file: 'src/delivery/outcomes.ts',
        from: `{ rule: 'no answer to the dot', kind: 'unknown', released: true },`,
        to: `{ rule: 'no answer to the dot', kind: 'aborted', released: true },`,
      },
    ],
    test: LOST,
    says: TWICE,
  },
  {
    name: 'released',
    off: 'the mark that the end of the content was released',
    edits: [{ file: 'src/delivery/gated-mail.ts', from: '    this.released = true\n', to: '' }],
    test: LOST,
    says: TWICE,
  },
  {
    name: 'kept-connection',
    off: 'the rule that a connection is replaced within an attempt only for what came at MAIL',
    edits: [AGAIN_AT_ANY_STAGE],
    test: KEPT,
    says: TWICE,
  },
  {
    name: 'recovered-as-unsent',
    off: 'recovery’s rule that what had passed its fence is in doubt',
    edits: RECOVERED_AS_UNSENT,
    test: KILLED,
    heldBy:
      'the database lets only an attempt’s own worker say that nothing was sent (`attempt_is_aborted_by_its_own_worker`)',
  },
  {
    name: 'recovered-as-unsent-unguarded',
    off: 'that, and the database’s refusal',
    edits: [...RECOVERED_AS_UNSENT, ABORTED_BY_ANYBODY],
    test: KILLED,
    says: TWICE,
  },
  {
    name: 'told-again',
    off: 'the rule that an outcome which is told again is “already so”',
    edits: [
      {
        file: 'migrations/000007_settle.sql',
        from: `             when a.state = r.target then 'already'\n`,
        to: '',
      },
    ],
    test: { file: 'tests/delivery/settle.test.ts', title: '“accepted” is already so, and counts nothing twice' },
    says: /contradiction/,
  },
  {
    name: 'lost-name',
    off: 'the rule that a worker whose session is gone asks no fence',
    edits: [
      { file: 'src/worker/sender.ts', from: 'if (this.#options.tenure() !== tenure)', to: 'if (Number.isNaN(tenure))' },
    ],
    test: {
      file: 'tests/crash/usurped.test.ts',
      title: 'a worker whose name another process has taken settles what it holds, fences nothing, and ends with 1',
    },
    heldBy: 'recovery has ended its attempts, and the fence lets nothing pass that is not claimed',
  },
  {
    name: 'message-id-derived',
    off: 'the Message-ID’s derivation from what a mail is: every try would make its own',
    edits: [DERIVED],
    test: SAME_ID,
    heldBy: 'the Message-ID of the first try is kept with the mail',
  },
  {
    name: 'message-id-kept',
    off: 'the kept Message-ID of the first try',
    edits: [KEPT_ID],
    test: SAME_ID,
    heldBy: 'the Message-ID is derived from what a mail is, and comes out the same',
  },
  {
    name: 'message-id-derived-and-kept',
    off: 'both of them',
    edits: [DERIVED, KEPT_ID],
    test: SAME_ID,
    says: /expected 2 to be 1/,
  },
]
