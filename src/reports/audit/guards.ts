/** The last line: triggers, unique indexes and constraints are there, and on. */
import { type Check } from './check.ts'

/** Triggers that refuse, or record, by table. */
const TRIGGERS: Record<string, readonly string[]> = {
  message: [
    'guard_message_insert',
    'guard_message_update',
    'guard_message_first_plan',
    'message_agrees_with_its_attempts',
    'message_is_kept',
    'message_records_its_changes',
    'message_records_its_request',
  ],
  attempt: [
    'guard_attempt_insert',
    'guard_attempt_update',
    'attempt_agrees_with_its_message',
    'attempt_still_agrees_with_its_message',
    'attempt_is_kept',
    'attempt_records_its_claim',
    'attempt_records_its_changes',
  ],
  event: ['event_is_kept', 'event_is_append_only'],
  contradiction: ['contradiction_is_kept', 'contradiction_is_append_only'],
  transition: ['transition_is_kept'],
  campaign: ['guard_campaign_update'],
  mailbox: ['mailbox_is_kept'],
}

const INDEXES = [
  'one_message_per_campaign_lead_and_step',
  'one_response_per_idempotency_key',
  'one_response_per_lead_campaign_and_day',
  'one_warmup_mail_per_idempotency_key',
  'one_live_or_accepted_attempt_per_message',
  'one_live_attempt_per_mailbox',
  'lead_email_is_unique',
  'enrollment_is_unique',
]

const CONSTRAINTS = [
  'mailbox_day_within_limits',
  'campaign_day_within_limit',
  'salesperson_day_within_limit',
  'domain_day_within_limit',
  'domain_hour_within_limit',
  'attempt_gives_back_what_it_holds',
  'message_slot_is_whole',
  'message_sent_has_a_time',
  'message_campaign_mail_has_its_place',
]

const list = (names: readonly string[]): string => names.map((name) => `('${name}')`).join(', ')
const triggers = Object.entries(TRIGGERS).flatMap(([table, names]) => names.map((name) => `('${table}', '${name}')`))

export const guardChecks: readonly Check[] = [
  {
    name: 'the-guards-are-on',
    proves: ['I-1', 'I-3', 'I-8', 'RF-017a', 'RF-018'],
    says: 'Every trigger, unique index and constraint that holds a promise is there and on.',
    todo: 'put back what is missing as migrations/schema.sql has it; until then pause everything (goniec pause --all): nothing refuses a mistake',
    sql: `
      select 'trigger' as what, given.name, given.table_name as "table", coalesce('switched off: ' || t.tgenabled::text, 'missing') as how
      from (values ${triggers.join(', ')}) as given (table_name, name)
      left join pg_trigger t on t.tgname = given.name and t.tgrelid = to_regclass('goniec.' || given.table_name)
      where t.oid is null or t.tgenabled not in ('O', 'A')
      union all
      select 'unique index', given.name, null, case when i.indexrelid is null then 'missing' else 'not valid' end
      from (values ${list(INDEXES)}) as given (name)
      left join pg_index i on i.indexrelid = to_regclass('goniec.' || given.name)
      where i.indexrelid is null or not (i.indisvalid and i.indisunique)
      union all
      select 'constraint', given.name, null, case when c.oid is null then 'missing' else 'not validated' end
      from (values ${list(CONSTRAINTS)}) as given (name)
      left join pg_constraint c on c.conname = given.name and c.connamespace = to_regnamespace('goniec')
      where c.oid is null or not c.convalidated
      union all
      select 'setting', 'session_replication_role', null, 'replica: no trigger fires' || given.whose
      from (
        select '' as whose from pg_settings s where s.name = 'session_replication_role' and s.setting = 'replica' and s.source <> 'session'
        union
        select ' for the login ' || r.rolname
        from pg_db_role_setting g
        join pg_roles r on r.oid = g.setrole
        where g.setdatabase in (0, (select d.oid from pg_database d where d.datname = current_database())) and 'session_replication_role=replica' = any (g.setconfig)
      ) as given`,
  },
  {
    name: 'only-allowed-changes-of-state',
    proves: ['RF-017a'],
    says: 'The table of allowed changes lets nothing leave sent, cancelled or accepted, and no doubt be sent again but by a refusal or a person.',
    todo: 'put the table goniec.transition back as migrations/000004_guards.sql has it',
    sql: `
      select t.entity, t.from_state, t.to_state, t.meaning
      from goniec.transition t
      where (t.entity = 'message' and t.from_state in ('sent', 'cancelled'))
         or (t.entity = 'attempt' and t.from_state in ('accepted', 'deferred', 'rejected', 'aborted', 'presumed_unsent'))
         or (t.entity = 'attempt' and t.from_state in ('transmitting', 'in_doubt') and t.to_state = 'claimed')
         or (t.entity = 'message' and t.from_state = 'failed' and t.to_state <> 'pending')`,
  },
]
