/** The tables and views of the schema `goniec` for kysely. Generated from a migrated database by `npm run schema`: do not edit. */
// long: generated, one line for each column

import type { Generated, GeneratedAlways } from 'kysely'
import type { Instant } from '../time.ts'

export interface Schema {
  attempt: AttemptTable
  campaign: CampaignTable
  campaign_binding: CampaignBindingTable
  campaign_day: CampaignDayTable
  campaign_gate: CampaignGateTable
  campaign_mailbox: CampaignMailboxTable
  contradiction: ContradictionTable
  domain_day: DomainDayTable
  domain_hour: DomainHourTable
  domain_limit: DomainLimitTable
  enrollment: EnrollmentTable
  event: EventTable
  forecast: ForecastTable
  home: HomeTable
  incarnation: IncarnationTable
  installation: InstallationTable
  known_worker: KnownWorkerTable
  lead: LeadTable
  lead_day: LeadDayTable
  login_check: LoginCheckTable
  mailbox: MailboxTable
  mailbox_day: MailboxDayTable
  mailbox_gate: MailboxGateTable
  message: MessageTable
  message_content: MessageContentTable
  message_material: MessageMaterialTable
  migration: MigrationTable
  minute: MinuteTable
  recalled_mail: RecalledMailTable
  restoration: RestorationTable
  restoration_due: RestorationDueTable
  restoration_report: RestorationReportTable
  salesperson: SalespersonTable
  salesperson_day: SalespersonDayTable
  step: StepTable
  suppression: SuppressionTable
  transition: TransitionTable
  variant: VariantTable
  warmup_stage: WarmupStageTable
}

export interface AttemptTable {
  id: GeneratedAlways<number>
  message_id: number | null
  mailbox_id: number
  kind: 'response' | 'campaign' | 'warmup'
  campaign_id: number | null
  salesperson_id: number
  lead_id: number | null
  state: Generated<
    'claimed' | 'transmitting' | 'accepted' | 'deferred' | 'rejected' | 'in_doubt' | 'aborted' | 'presumed_unsent'
  >
  /** The worker that holds it; only it may pass the fence. Null: another program, or imported history. */
  incarnation_id: number | null
  /** Before the fence: until when it belongs to its incarnation. */
  lease_until: Instant
  /** After it the dialogue has surely ended. A doubt is not resolved before. */
  deadline_at: Instant
  /** The day, in the installation's zone, whose counters of mailbox and salesperson it took from. */
  mailbox_day: string
  campaign_day: string | null
  /** The hour whose counter of the recipient's domain it took from, and with it the domain's mailbox_day. Null: no limit held. */
  domain_hour: Instant | null
  campaign_version: number | null
  mailbox_version: number | null
  holds_capacity: Generated<boolean>
  /** Its slots are to be given back; holds_capacity says whether that is done. */
  give_back: Generated<boolean>
  claimed_at: Instant
  transmitting_at: Instant | null
  finished_at: Instant | null
  /** accepted, rejected, deferred, mailbox_fault, aborted, unknown: the row of the outcome table. */
  outcome: string | null
  stage: string | null
  code: number | null
  response: string | null
  /** The server replaced the Message-ID and named the new one in its reply. */
  server_message_id: string | null
  /** The server said that the lead's address does not exist, and the lead is not marked yet. */
  bounce_due: Generated<boolean>
  /** Who resolved a doubt, or: recovery, import, restore. */
  ended_by: string | null
}

export interface CampaignTable {
  id: GeneratedAlways<number>
  name: string
  salesperson_id: number
  status: Generated<'draft' | 'scheduled' | 'running' | 'paused' | 'completed' | 'cancelled'>
  /** Why it is paused, where no person did it: the brake. */
  status_reason: string | null
  /** Its last resume: refusals before it do not count for the brake any more. */
  refusals_since: Instant | null
  timezone: Generated<string>
  starts_on: string | null
  window_from: Generated<string>
  /** End of the daily window, not included; 24:00 is allowed. */
  window_to: Generated<string>
  window_days: Generated<string[]>
  /** Country (and region) whose public holidays are skipped, as date-holidays names them; null: none. */
  holidays: Generated<string | null>
  skip_dates: Generated<string[]>
  /** Between two of its mails; each is spread by +-jitter in the plan. Claim and fence enforce shortest_delay_ms. */
  delay_ms: Generated<number>
  jitter: Generated<string>
  shortest_delay_ms: GeneratedAlways<number>
  daily_limit: number | null
  /** A lead taken by another campaign within so many days (today included) waits; 0: off. */
  contact_gap_days: Generated<number>
  weight: Generated<number>
  version: Generated<number>
  started_at: Instant | null
  completed_at: Instant | null
  created_at: Generated<Instant>
}

export interface CampaignBindingTable {
  campaign_id: number
  /** A sending day of the campaign, in its own zone. */
  day: string
  /** no_usable_mailbox, contact_gap, mailbox_limit, warmup_limit, campaign_limit, salesperson_limit, domain_limit, window, mailbox_gap; all_planned: nothing waits that could go. */
  code: string
  said_at: Generated<Instant>
}

export interface CampaignDayTable {
  campaign_id: number
  day: string
  daily_limit: number | null
  taken: Generated<number>
}

export interface CampaignGateTable {
  campaign_id: number
  last_claim_at: Instant | null
  last_fence_at: Instant | null
  /** Its instants lay in the future then, since the database's clock had been ahead, and were set to it. */
  set_back_at: Instant | null
}

export interface CampaignMailboxTable {
  campaign_id: number
  mailbox_id: number
}

export interface ContradictionTable {
  id: GeneratedAlways<number>
  attempt_id: number
  reported: unknown
  at: Generated<Instant>
}

export interface DomainDayTable {
  domain: string
  day: string
  daily_limit: number | null
  taken: Generated<number>
}

export interface DomainHourTable {
  domain: string
  hour: Instant
  hourly_limit: number | null
  taken: Generated<number>
}

export interface DomainLimitTable {
  /** What stands behind the @, and nothing above or below it; "*" is every domain without a row of its own, each for itself. */
  domain: string
  daily_limit: number | null
  /** An hour begins on the full hour. A limit left out is no limit. */
  hourly_limit: number | null
}

export interface EnrollmentTable {
  id: GeneratedAlways<number>
  campaign_id: number
  lead_id: number
  fields: Generated<unknown>
  removed_at: Instant | null
  created_at: Generated<Instant>
  /** Who imported it. */
  created_by: Generated<string>
}

export interface EventTable {
  id: GeneratedAlways<number>
  at: Generated<Instant>
  /** Of a mail: requested, planned, moved, withdrawn, claimed, fenced, settled, returned, sent, in_doubt, failed, cancelled, retried, held, released, resolved, contradicted, recalled. Of all else: campaign_*, mailbox_*, lead_*, suppressed, unsuppressed, paused_*, resumed_*, restoration_*, applied, imported, slot_taken, slot_released, external_send. src/reports/event-words.ts has words for each. */
  type: string
  message_id: number | null
  attempt_id: number | null
  campaign_id: number | null
  lead_id: number | null
  /** Where it leaves from; where it moved, data.from_mailbox is the mailbox it had before. */
  mailbox_id: number | null
  actor: Generated<string>
  data: Generated<unknown>
}

export interface ForecastTable {
  campaign_id: number
  made_on: string
  made_at: Generated<Instant>
  status: string
  /** Mails of it that had gone out by then. */
  sent: number
  /** Mails that were still to go, those that did not exist yet as messages included. */
  mails: number
  first_mails_end: string | null
  follow_ups_end: string | null
  earliest: string | null
  /** The local day of the last mail without any fault; earliest and latest are the 80 % around it. Null: nothing of it would ever go. */
  likely: string | null
  latest: string | null
  /** It was not reckoned to its end. */
  extrapolated: Generated<boolean>
  /** [{"day", "first_mails", "follow_ups", "binding"}], the campaign's sending days from then on. */
  days: unknown
  /** [{"reason", "mails"}]: mails that would not go as things stood. */
  never: Generated<unknown>
  /** The local day of the campaign's last mail, once it is over. */
  ended_on: string | null
  /** How far late the campaign was, as a part of the time forecast: after two weeks by the mails that had gone, in the end by the last one. Negative: early. */
  slip: number | null
}

export interface HomeTable {
  only_row: Generated<boolean>
  /** Of the cluster, given to it by initdb. Null, here and below: this server does not tell, and it is not compared. */
  system_identifier: string | null
  /** Of the database in its cluster: a dump that is restored beside its original has another one. */
  database_oid: number | null
  /** One higher after each promotion of a standby, and after each recovery to a point in time. */
  timeline: number | null
  recorded_at: Generated<Instant>
}

export interface IncarnationTable {
  id: GeneratedAlways<number>
  worker: string
  host: string
  boot_id: string | null
  pid_namespace: string | null
  pid: number
  /** The kernel's start time of the process, so that a reused pid is not taken for it. */
  pid_started: string | null
  version: string
  started_at: Generated<Instant>
  seen_at: Generated<Instant>
  ended_at: Instant | null
}

export interface InstallationTable {
  only_row: Generated<boolean>
  /** Part of every Message-ID, so that they stay the same on every attempt and after a restore. */
  id: Generated<string>
  /** The zone whose local dates are the days of mailboxes and salespeople. */
  timezone: Generated<string>
  /** The emergency brake (goniec pause --all): nothing is claimed, nothing passes its fence, responses and slots too. A flag of its own, so that lifting it revives no campaign that was paused by name. */
  paused_at: Instant | null
  /** The brake: a campaign or mailbox of whose last refusal_last mails (at least refusal_least) more than this share was refused for good is paused. Null: off. */
  refusal_share: Generated<string | null>
  refusal_least: Generated<number>
  refusal_last: Generated<number>
  created_at: Generated<Instant>
}

export interface KnownWorkerTable {
  worker: string
  seen_at: Instant
}

export interface LeadTable {
  id: GeneratedAlways<number>
  email: string
  email_given: string | null
  /** What could suppress it, reckoned once: claim and fence ask for every mail. */
  suppression_values: GeneratedAlways<string[]>
  /** Held: no mail at all until unblocked. */
  blocked_at: Instant | null
  /** No more campaign mail; responses stay. */
  replied_at: Instant | null
  /** No mail at all. */
  unsubscribed_at: Instant | null
  /** The server said that there is no such mailbox: no mail at all. */
  bounced_at: Instant | null
  created_at: Generated<Instant>
}

export interface LeadDayTable {
  lead_id: number
  day: string
  campaign_id: number
}

export interface LoginCheckTable {
  id: GeneratedAlways<number>
  mailbox_id: number
  requested_at: Generated<Instant>
  requested_by: Generated<string>
  worker: string | null
  answered_at: Instant | null
  ok: boolean | null
  response: string | null
}

export interface MailboxTable {
  id: GeneratedAlways<number>
  address: string
  name: string | null
  salesperson_id: number
  daily_limit: Generated<number>
  min_gap_ms: Generated<number>
  signature_text: string | null
  signature_html: string | null
  unsubscribe_address: string | null
  smtp_host: string
  smtp_port: number
  smtp_security: 'tls' | 'starttls' | 'none'
  smtp_user: string | null
  /** env:NAME, file:PATH or credential:NAME, read by the worker. A password never stands in the database. */
  smtp_password_ref: string | null
  /** Instead of a password: {tokenUrl, clientId, clientSecret, refreshToken, scope}; the secrets are references, as the password is. The worker asks for access tokens. */
  smtp_oauth2: unknown
  imap: unknown
  /** Day 1 of its warm-up; null: not warming. */
  warmup_started: string | null
  warmup_daily_limit: number | null
  /** broken: repeated faults of its account or server; goniec mailbox resume puts it back. */
  status: Generated<'active' | 'paused' | 'broken'>
  status_reason: string | null
  /** Its last resume: refusals before it do not count for the brake any more. */
  refusals_since: Instant | null
  version: Generated<number>
  created_at: Generated<Instant>
}

export interface MailboxDayTable {
  mailbox_id: number
  day: string
  daily_limit: number
  /** The campaign allowance: the least of daily limit, warm-up daily limit and the limit of the warm-up stage. Null: no limit of its own. */
  campaign_limit: number | null
  warmup_limit: number | null
  campaign_taken: Generated<number>
  warmup_taken: Generated<number>
  response_taken: Generated<number>
}

export interface MailboxGateTable {
  mailbox_id: number
  /** Its last mail passed the fence then; the minimum gap counts from here. */
  last_fence_at: Instant | null
  /** Not claimed before: it backs off after a fault, or a vanished worker may still be on its wire. */
  free_from: Instant | null
  /** Faults in a row; an answer about a mail sets it to 0. */
  faults: Generated<number>
  fault_reason: string | null
  /** Its instants lay in the future then, since the database's clock had been ahead, and were set to it. */
  set_back_at: Instant | null
}

export interface MessageTable {
  id: GeneratedAlways<number>
  kind: 'response' | 'campaign' | 'warmup'
  status: Generated<'pending' | 'sending' | 'sent' | 'failed' | 'cancelled' | 'in_doubt'>
  campaign_id: number | null
  enrollment_id: number | null
  lead_id: number | null
  /** The address it goes to, as it was when the message was made. */
  recipient: string
  step_id: number | null
  step_key: string | null
  variant: string | null
  /** It must leave from this mailbox: a follow-up from the one that sent the step before, a response from the one the lead wrote to. */
  bound_mailbox_id: number | null
  /** A copy to oneself (goniec campaign test): counted on the mailbox, never on a lead. */
  is_test: Generated<boolean>
  idempotency_key: string | null
  /** The day, in the installation's zone, that a response was asked for: one a day per lead and campaign, unless asked for again. */
  response_day: string | null
  again: Generated<boolean>
  /** A retry's, or a response's, earliest time. */
  not_before: Instant | null
  /** When the step before was sent; the plan adds the step's wait. */
  follows_at: Instant | null
  /** Where its slot is. No foreign key looks it up for each slot that is laid: mailboxes are kept for ever, and a slot at none is never claimed. */
  mailbox_id: number | null
  scheduled_at: Instant | null
  window_closes_at: Instant | null
  /** The settings that the slot was planned with. A slot with older ones is void. */
  planned_campaign_version: number | null
  planned_mailbox_version: number | null
  /** The first slot it was ever given; kept for ever. */
  first_planned_at: Instant | null
  /** Why the slot stands where it stands, or why there is none: the plan's last word. */
  slot_reason: string | null
  /** The slot that it missed, as long as no plan has found another for it: it takes what is free, before others, and displaces nobody. */
  missed_from: Instant | null
  /** Temporary refusals; after five it has failed. */
  counted_attempts: Generated<number>
  /** Attempts that ended through no fault of the mail; after ten it is held. */
  uncounted_attempts: Generated<number>
  /** The local days of counted attempts; it is given up instead of being tried on a fourth. */
  tried_days: Generated<string[]>
  /** Set aside: not planned, not claimed, until goniec message retry. */
  held_reason: string | null
  failed_reason: string | null
  /** Its Message-ID header, the same on every attempt. */
  rfc_message_id: string | null
  sent_at: Instant | null
  created_at: Generated<Instant>
}

export interface MessageContentTable {
  message_id: number
  attempt_id: number
  subject: string | null
  text: string | null
  html: string | null
  headers: Generated<unknown>
}

export interface MessageMaterialTable {
  message_id: number
  subject: string | null
  text: string | null
  html: string | null
  in_reply_to: string | null
  mail_references: Generated<string[]>
  /** [{"filename", "contentType", "content": base64}] */
  attachments: Generated<unknown>
  /** Of all that was asked for: the same idempotency key with other content is an error. */
  digest: string
}

export interface MigrationTable {
  number: number
  name: string
  checksum: string
  applied_at: Generated<Instant>
  goniec_version: string
}

export interface MinuteTable {
  /** Always true: there is one row. */
  only_row: Generated<boolean>
  /** The last turn, by the database's clock. */
  taken_at: Instant | null
}

export interface RecalledMailTable {
  id: GeneratedAlways<number>
  restoration_id: number
  worker: string
  /** The number it had; the ledger may have given it to another attempt since. With passed_at it names the mail. */
  attempt_id: number
  passed_at: Instant
  outcome: 'accepted' | 'unknown'
  response: string | null
  /** campaign: a step for a lead; own: a response, a test or a warm-up mail, with the key it was asked for by. */
  kind: 'campaign' | 'own'
  recipient: string
  campaign: string | null
  step_key: string | null
  idempotency_key: string | null
  mailbox: string | null
  rfc_message_id: string | null
  /** Its row in this database; null: there is none (leads that were imported after the backup). One with the same Message-ID passes no fence. */
  message_id: number | null
  /** What its row became: sent, in_doubt; or what it was already. */
  became: string | null
}

export interface RestorationTable {
  id: GeneratedAlways<number>
  noticed_at: Generated<Instant>
  noticed_by: Generated<string>
  /** promoted: a higher timeline, which may have forgotten nothing; elsewhere: another cluster or database, a restored dump or a copy; forgotten: a worker knows of what is not there any more. */
  reason: 'promoted' | 'elsewhere' | 'forgotten'
  explanation: string
  /** The last thing that the database knew of when that was noticed. What happened between the two may be forgotten. */
  last_known_at: Instant | null
  wal_position: string | null
  ended_at: Instant | null
  /** Who said that sending may go on; "workers": all of them had reported, and nothing was missing. */
  ended_by: string | null
}

export interface RestorationDueTable {
  restoration_id: number
  message_id: number
  due_at: Instant
  /** Null: it had no slot yet. */
  mailbox_id: number | null
}

export interface RestorationReportTable {
  restoration_id: number
  worker: string
  reported_at: Generated<Instant>
  /** From when on its logbook knows; null: from its first mail on. */
  covers_from: Instant | null
  /** Its logbook knows all that the database may have forgotten. */
  is_complete: boolean
  /** It has seen a later position of the write-ahead log than the database had when it was noticed: something was forgotten, if no mail. */
  is_ahead: boolean
  /** How many of its mails the database had forgotten. */
  mails: number
}

export interface SalespersonTable {
  id: GeneratedAlways<number>
  email: string
  name: string | null
  /** Most mails a day over all campaigns and responses; null: no limit. */
  daily_limit: number | null
  /** goniec pause --salesperson: nothing of this person is claimed or passes its fence. */
  paused_at: Instant | null
  created_at: Generated<Instant>
}

export interface SalespersonDayTable {
  salesperson_id: number
  day: string
  daily_limit: number | null
  taken: Generated<number>
}

export interface StepTable {
  id: GeneratedAlways<number>
  campaign_id: number
  position: number
  key: string
  /** The definition file gave the key. Without one it is step-N, and number and order are frozen once messages exist. */
  keyed: boolean
  /** Calendar days after the previous mail, in the campaign's zone; or wait_ms, exactly. */
  wait_days: number | null
  wait_ms: number | null
  /** Taken out of the definition file after messages existed: no new message is made for it. Its position is kept beyond the live ones. */
  retired_at: Instant | null
}

export interface SuppressionTable {
  value: string
  reason: string | null
  created_at: Generated<Instant>
  created_by: Generated<string>
}

export interface TransitionTable {
  entity: string
  from_state: string
  to_state: string
  meaning: string
}

export interface VariantTable {
  step_id: number
  letter: string
  weight: Generated<number>
  subject: string | null
  text: string | null
  html: string | null
}

export interface WarmupStageTable {
  from_day: number
  warmup_limit: number | null
  campaign_limit: number | null
}
