/** The fence, what it asks, and the barrier behind which whoever pauses waits. */
import type { Edit, Mutation } from './mutation.ts'

const FENCE = 'migrations/000006_fence.sql'
const GUARDS = 'migrations/000004_guards.sql'

/** The tests of one file that a condition of the fence turns red. */
const goesOut = (what: string) => ({
  file: 'tests/wire/behind-the-fence.test.ts',
  title: `not a byte of a mail goes on the wire once ${what}`,
})

/** Content went to a lead to whom nothing was to go any more. */
const CONTENT = /expected \[ 'lead1@people\.example' \] to deeply equal \[\]/

const asks = (line: string): Edit => ({ file: FENCE, from: line, to: line.replace('when ', 'when false and ') })

const NOT_ASKED: Edit = {
  file: 'src/worker/sender.ts',
  from: `answer = await this.#passFence({ attemptId: attempt.attemptId, content: kept, entry }, tenure, restart)`,
  to: `void this.#passFence({ attemptId: attempt.attemptId, content: kept, entry }, tenure, restart)
        answer = { verdict: 'passed', waitMs: null, passedAt: null, walPosition: null }`,
}

const STATE: Edit = asks(
  `when a.state <> 'claimed' or a.incarnation_id is distinct from p_incarnation then 'not_claimed'`,
)

const MESSAGE: Edit = asks(`when m.status <> 'sending' or m.held_reason is not null then 'message_held'`)

const TRANSITIONS_OF_ATTEMPTS: Edit = {
  file: GUARDS,
  from: `perform goniec.refuse_transition('attempt', old.id, old.state, new.state);`,
  to: 'null;',
}

/** Each with the one thing that happens while the server makes its worker wait for the 354. */
export const FENCE_GUARDS: readonly Mutation[] = [
  {
    name: 'fence',
    off: 'the fence as a whole: content goes out whatever it answers',
    edits: [NOT_ASKED],
    test: goesOut('its campaign is paused'),
    says: CONTENT,
  },
  {
    name: 'fence-campaign',
    off: 'the fence’s question whether the campaign runs',
    edits: [asks(`when a.kind = 'campaign' and c.status <> 'running' then 'campaign_not_running'`)],
    test: goesOut('its campaign is paused'),
    says: CONTENT,
  },
  {
    name: 'fence-brake',
    off: 'the fence’s question for the emergency brake',
    edits: [asks(`when v_paused is not null or s.paused_at is not null then 'braked'`)],
    test: goesOut('the emergency brake is pulled'),
    says: CONTENT,
  },
  {
    name: 'fence-suppression',
    off: 'the fence’s question for suppressions',
    edits: [asks(`when exists (select from goniec.suppression x`)],
    test: goesOut('its lead’s domain is suppressed'),
    says: CONTENT,
  },
  {
    name: 'fence-lead',
    off: 'the fence’s question whether the lead may be mailed',
    edits: [
      {
        file: FENCE,
        from: `when l.blocked_at is not null or l.unsubscribed_at is not null or l.bounced_at is not null
                  or (a.kind = 'campaign' and l.replied_at is not null) then 'lead_not_mailable'`,
        to: `when false then 'lead_not_mailable'`,
      },
    ],
    test: goesOut('its lead has replied'),
    says: CONTENT,
  },
  {
    name: 'fence-lease',
    off: 'the fence’s question for the lease',
    edits: [asks(`when a.lease_until <= v_now then 'lease_over'`)],
    test: goesOut('its lease is over'),
    says: CONTENT,
  },
  {
    name: 'fence-window',
    off: 'the fence’s question for the window',
    edits: [asks(`when m.window_closes_at <= v_now then 'window_closed'`)],
    test: goesOut('its window has closed'),
    says: CONTENT,
  },
  {
    name: 'fence-mailbox',
    off: 'the fence’s question whether the mailbox is active',
    edits: [asks(`when b.status <> 'active' then 'mailbox_not_active'`)],
    test: goesOut('its mailbox is paused'),
    heldBy: 'a pause raises the version of the mailbox’s settings, which the fence compares as well',
  },
  {
    name: 'fence-mailbox-and-version',
    off: 'that, and the fence’s question whether the settings are those of the slot',
    edits: [
      asks(`when b.status <> 'active' then 'mailbox_not_active'`),
      asks(
        `when b.version <> a.mailbox_version or (a.kind = 'campaign' and c.version <> a.campaign_version) then 'settings_changed'`,
      ),
    ],
    test: goesOut('its mailbox is paused'),
    says: CONTENT,
  },
  {
    name: 'fence-state',
    off: 'the fence’s question whether the attempt is still its worker’s',
    edits: [STATE],
    test: goesOut('its attempt was ended by another worker'),
    heldBy: 'the message is no longer `sending`, which the fence asks too',
  },
  {
    name: 'fence-state-and-message',
    off: 'that, and the fence’s question for the message',
    edits: [STATE, MESSAGE],
    test: goesOut('its attempt was ended by another worker'),
    heldBy:
      'the table of allowed changes: an attempt that was ended begins nothing any more; a fence that fails counts as refused',
  },
  {
    name: 'fence-state-message-and-transitions',
    off: 'all three',
    edits: [STATE, MESSAGE, TRANSITIONS_OF_ATTEMPTS],
    test: goesOut('its attempt was ended by another worker'),
    says: CONTENT,
  },
]
