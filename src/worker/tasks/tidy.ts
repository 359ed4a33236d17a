/**
 * The task `tidy`: drops the contents of mails after the configured time, and counters of domains that nothing asks for any more. That a mail
 * was sent, and every attempt at it, is kept for ever.
 */
import type { Database } from '../../database/pool.ts'

/** Rows of one statement. */
const BATCH = 5000

/** Drops texts and attachments of mails that ended longer ago than this. Resolves with of how many. */
export async function tidyContents(database: Database, keepDays: number): Promise<number> {
  return (await inBatches(database, DROP_SENT, keepDays)) + (await inBatches(database, EMPTY_MATERIAL, keepDays))
}

async function inBatches(database: Database, statement: string, keepDays: number): Promise<number> {
  let done = 0
  for (;;) {
    const rows = await database.query(statement, [keepDays])
    done += rows.length
    if (rows.length < BATCH) return done
  }
}

/** What went on the wire. */
const DROP_SENT = `
  delete from goniec.message_content
  where message_id in (
    select c.message_id
    from goniec.message_content c
    join goniec.message m on m.id = c.message_id
    where m.status in ('sent', 'failed', 'cancelled') and coalesce(m.sent_at, m.created_at) < goniec.now() - $1 * interval '1 day'
      -- A follow-up that is still to come replies to it, and needs its subject and references.
      and not exists (select from goniec.message open_mail
                      where open_mail.lead_id = m.lead_id and open_mail.enrollment_id = m.enrollment_id
                        and open_mail.status in ('pending', 'sending', 'in_doubt'))
    order by c.message_id
    limit ${BATCH})
  returning message_id`

/**
 * What a response or a test consisted of; of one that has failed it stays, since it may be retried. The row stays as well: by its digest a response
 * that is asked for once more is known.
 */
const EMPTY_MATERIAL = `
  update goniec.message_material
  set subject = null, text = null, html = null, attachments = '[]'
  where message_id in (
    select n.message_id
    from goniec.message_material n
    join goniec.message m on m.id = n.message_id
    where (n.text is not null or n.html is not null)
      and m.status in ('sent', 'cancelled') and coalesce(m.sent_at, m.created_at) < goniec.now() - $1 * interval '1 day'
    order by n.message_id
    limit ${BATCH})
  returning message_id`

/** Sweeps the counters of recipient domains whose day is over for a week: there are two for nearly every mail. */
export async function sweepDomainCounters(database: Database): Promise<void> {
  await database.query(`delete from goniec.domain_hour where hour < goniec.now() - interval '7 days'`)
  await database.query(`delete from goniec.domain_day where day < (goniec.now() - interval '7 days')::date`)
}
