/**
 * The settings of salespeople, mailboxes and campaigns: what a definition file calls them, the column that holds them, and how they
 * are shown. The comparison of a file with the database, and the writing of what differs, both go by these lists.
 */
import { writeDuration } from '../../time.ts'
import { WEEKDAYS } from '../definition/campaign.ts'
import type {
  CampaignDefinition,
  MailboxDefinition,
  OAuth2,
  SalespersonDefinition,
  ServerAccount,
} from '../definition/definition.ts'

/** A setting's value, comparable as JSON. */
export type Value = string | number | null | readonly string[]

/** One field of a thing, as a file had it and as one has it now. */
export interface FieldChange {
  field: string
  from: Value
  to: Value
}

export interface Setting<Thing> {
  /** Its key in a definition file. */
  field: string
  /** The column it is stored in. */
  column: string
  of: (thing: Thing) => Value
  /** What is stored, as `of` would give it; without this the column's value as JSON has it. */
  stored?: (value: unknown) => Value
  /** As a definition file would write it. */
  show?: (value: Value) => Value
  /** Changes nothing of what is sent or when: slots stay good. */
  quiet?: true
}

export const SALESPERSON: readonly Setting<SalespersonDefinition>[] = [
  { field: 'name', column: 'name', of: ({ name }) => name, quiet: true },
  { field: 'daily_limit', column: 'daily_limit', of: ({ dailyLimit }) => dailyLimit },
]

/** What a definition file says of a mailbox, column by column. */
export const MAILBOX: readonly Setting<MailboxDefinition>[] = [
  { field: 'name', column: 'name', of: ({ name }) => name },
  { field: 'salesperson', column: 'salesperson_id', of: ({ salesperson }) => salesperson },
  { field: 'daily_limit', column: 'daily_limit', of: ({ dailyLimit }) => dailyLimit },
  { field: 'min_gap', column: 'min_gap_ms', of: ({ minGapMs }) => minGapMs, show: duration },
  { field: 'signature.text', column: 'signature_text', of: ({ signature }) => signature.text },
  { field: 'signature.html', column: 'signature_html', of: ({ signature }) => signature.html },
  { field: 'unsubscribe', column: 'unsubscribe_address', of: ({ unsubscribe }) => unsubscribe },
  { field: 'smtp.host', column: 'smtp_host', of: ({ smtp }) => smtp.host },
  { field: 'smtp.port', column: 'smtp_port', of: ({ smtp }) => smtp.port },
  { field: 'smtp.security', column: 'smtp_security', of: ({ smtp }) => smtp.security },
  { field: 'smtp.user', column: 'smtp_user', of: ({ smtp }) => smtp.user },
  { field: 'smtp.password', column: 'smtp_password_ref', of: ({ smtp }) => smtp.password },
  {
    field: 'smtp.oauth2',
    column: 'smtp_oauth2',
    of: ({ smtp }) => oauth2(smtp.oauth2),
    stored: (value) => oauth2(value),
  },
  { field: 'imap', column: 'imap', of: ({ imap }) => account(imap), stored: (value) => account(value) },
  { field: 'warmup.started', column: 'warmup_started', of: ({ warmup }) => warmup?.started ?? null },
  { field: 'warmup.daily_limit', column: 'warmup_daily_limit', of: ({ warmup }) => warmup?.dailyLimit ?? null },
]

/** Without its mailboxes and steps, which are no columns of it. */
export const CAMPAIGN: readonly Setting<CampaignDefinition>[] = [
  { field: 'salesperson', column: 'salesperson_id', of: ({ salesperson }) => salesperson },
  { field: 'timezone', column: 'timezone', of: ({ timezone }) => timezone },
  { field: 'starts_on', column: 'starts_on', of: ({ startsOn }) => startsOn },
  { field: 'window.from', column: 'window_from', of: ({ window }) => window.from, stored: minutes },
  { field: 'window.to', column: 'window_to', of: ({ window }) => window.to, stored: minutes },
  { field: 'window.days', column: 'window_days', of: ({ window }) => window.days.map(weekday) },
  { field: 'holidays', column: 'holidays', of: ({ holidays }) => holidays },
  { field: 'skip_dates', column: 'skip_dates', of: ({ skipDates }) => skipDates },
  { field: 'delay', column: 'delay_ms', of: ({ delayMs }) => delayMs, show: duration },
  { field: 'jitter', column: 'jitter', of: ({ jitter }) => fraction(jitter), show: percent },
  { field: 'daily_limit', column: 'daily_limit', of: ({ dailyLimit }) => dailyLimit },
  { field: 'contact_gap', column: 'contact_gap_days', of: ({ contactGapDays }) => contactGapDays, show: days },
  { field: 'weight', column: 'weight', of: ({ weight }) => weight },
]

/** A duration as a definition file writes it: `1m30s`. */
export function duration(value: Value): Value {
  return typeof value === 'number' ? writeDuration(value) : value
}

/** Calendar days as a definition file writes them: `3d`. */
export function days(value: Value): Value {
  return value === null ? null : `${String(value)}d`
}

function percent(value: Value): Value {
  return typeof value === 'number' ? `${Number((value * 100).toFixed(2))}%` : value
}

/** As exact as it is stored, so that a file applied twice changes nothing. */
function fraction(jitter: number): number {
  return Math.round(jitter * 10_000) / 10_000
}

function weekday(day: number): string {
  return WEEKDAYS[day - 1] ?? ''
}

function minutes(value: unknown): Value {
  return String(value).slice(0, 5)
}

/** Keys in one order: JSON in the database has its own. */
function account(value: unknown): Value {
  if (value === null || value === undefined) return null
  const { host, port, security, user, password } = value as ServerAccount
  return JSON.stringify({ host, port, security, user, password })
}

function oauth2(value: unknown): Value {
  if (value === null || value === undefined) return null
  const { tokenUrl, clientId, clientSecret, refreshToken, scope } = value as OAuth2
  return JSON.stringify({ tokenUrl, clientId, clientSecret, refreshToken, scope })
}
