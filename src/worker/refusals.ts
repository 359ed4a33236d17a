/** What a refused fence means for the plan: why the slot of its mail is gone, in the words of the moves. */
import type { MoveReason } from '../schedule/plan-input.ts'

const REASONS: Readonly<Record<string, MoveReason>> = {
  braked: 'paused',
  campaign_not_running: 'paused',
  settings_changed: 'settings',
  mailbox_not_active: 'mailbox',
  lease_over: 'missed',
  window_closed: 'missed',
  day_changed: 'missed',
  hour_changed: 'missed',
  too_early: 'missed',
  lock_lost: 'retry',
  restored: 'paused',
  sent_before_restore: 'paused',
}

/**
 * The move's reason for a verdict of the fence. Undefined: nothing has changed by which the next attempt would go better (the fence itself
 * failed), and settle lets the mail wait longer each time.
 */
export function moveReasonOf(verdict: string): MoveReason | undefined {
  return REASONS[verdict]
}
