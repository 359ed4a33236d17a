/**
 * What is known of a restore: whether all sending waits for it, which workers have not reported, which mails went out and were forgotten, and what
 * was due in the time that may be forgotten. migrations/000025_restore.sql decides; here it is only read.
 */
import type { Database } from '../database/pool.ts'
import type { Instant } from '../time.ts'

/** This is what `--json` prints of it. */
export interface Restoration {
  /** Null: no worker has noticed it yet. */
  id: number | null
  reason: 'promoted' | 'elsewhere' | 'forgotten'
  explanation: string
  noticed_at: Instant
  noticed_by: string | null
  /** The last thing that the database knew of. What happened from then until `noticed_at` may be forgotten. */
  last_known_at: Instant | null
  workers: ReportingWorker[]
  /** Mails that went out, by the logbooks of those workers, and that the database had forgotten. */
  mails: RecalledMail[]
  /** Pending mails that were to go out in that time. */
  due: DueMail[]
}

export interface ReportingWorker {
  worker: string
  seen_at: Instant | null
  /** Null: it has not reported. */
  reported_at: Instant | null
  /** From when on its logbook knows; null: from its first mail on. */
  covers_from: Instant | null
  /** It has told all that may be forgotten. */
  is_complete: boolean
  /** It has seen more of the database than there is, if no mail is missing. */
  is_ahead: boolean
  mails: number | null
}

export interface RecalledMail {
  recipient: string
  campaign: string | null
  step: string | null
  key: string | null
  mailbox: string | null
  rfc_message_id: string | null
  worker: string
  passed_at: Instant
  outcome: 'accepted' | 'unknown'
  /** Its row here; null: there is none. One with the same Message-ID is never sent. */
  message_id: number | null
  became: string | null
}

export interface DueMail {
  message_id: number
  recipient: string
  campaign: string | null
  step: string | null
  /** Null: no plan had given it a slot yet. */
  mailbox: string | null
  due_at: Instant
}

/** What everything waits for; null: nothing. Cheap enough to be asked every second. */
export async function readRestored(
  database: Pick<Database, 'query'>,
): Promise<Pick<Restoration, 'id' | 'reason' | 'explanation' | 'noticed_at' | 'noticed_by' | 'last_known_at'> | null> {
  const [row] = await database.query<Omit<Restoration, 'workers' | 'mails' | 'due'> & Record<string, unknown>>(RESTORED)
  return row ?? null
}

/** All of it. */
export async function readRestoration(database: Pick<Database, 'query'>): Promise<Restoration | null> {
  const restored = await readRestored(database)
  if (!restored) return null
  const { id } = restored
  return {
    ...restored,
    workers: await database.query<ReportingWorker & Record<string, unknown>>(
      'select * from goniec.workers_to_report($1)',
      [id],
    ),
    mails: await database.query<RecalledMail & Record<string, unknown>>(MAILS, [id]),
    due: await database.query<DueMail & Record<string, unknown>>(DUE, [id]),
  }
}

/** Those who have not told all that they know. */
export function unreported({ workers }: Pick<Restoration, 'workers'>): ReportingWorker[] {
  return workers.filter(({ is_complete: complete }) => !complete)
}

const RESTORED = `
  select r.id, coalesce(r.reason, s.moved) as reason, coalesce(r.explanation, goniec.explain_restoration(s.moved)) as explanation,
    coalesce(r.noticed_at, goniec.now()) as noticed_at, r.noticed_by, r.last_known_at
  from goniec.standing() s
  left join goniec.restoration r on r.ended_at is null
  where s.is_restored`

const MAILS = `
  select r.recipient, r.campaign, r.step_key as step, r.idempotency_key as key, r.mailbox, r.rfc_message_id, r.worker, r.passed_at, r.outcome,
    r.message_id, r.became
  from goniec.recalled_mail r
  where r.restoration_id = $1
  order by r.passed_at, r.id`

const DUE = `
  select d.message_id, m.recipient, c.name as campaign, m.step_key as step, b.address as mailbox, d.due_at
  from goniec.restoration_due d
  join goniec.message m on m.id = d.message_id and m.status in ('pending', 'sending', 'failed')
  left join goniec.mailbox b on b.id = d.mailbox_id
  left join goniec.campaign c on c.id = m.campaign_id and m.kind = 'campaign'
  where d.restoration_id = $1
  order by d.due_at, d.message_id`
