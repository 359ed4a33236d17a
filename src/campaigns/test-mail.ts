/**
 * A campaign's mail to oneself: composed as for a lead, marked as a test, and sent through the same queue. It is counted on its mailbox,
 * never on a lead; the campaign's state and window do not hold it.
 */
import { createHash, randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { rendered, type OwnBody } from '../delivery/compose-message.ts'
import { nameActor } from '../database/actor.ts'
import type { Database, Queries } from '../database/pool.ts'
import { assert, GoniecError } from '../errors.ts'
import { normaliseAddress } from '../leads/address.ts'
import type { Instant } from '../time.ts'
import { shellWord } from './campaign.ts'
import { firstMailbox, previewMail, type Preview, type PreviewRequest } from './preview.ts'

export interface TestRequest extends PreviewRequest {
  to: string
  /** Only say what would be queued. */
  dryRun?: boolean | undefined
}

export interface TestQueued {
  /** The message; null after a dry run. */
  id: number | null
  to: string
  mailbox: string
  subject: string
  lead: string
  step: string
  variant: string
  /** When its mailbox is free for it, as things are now. */
  earliestAt: Instant
  /** Somebody is there to send it. */
  workerIsRunning: boolean
}

/** Queues it. */
export async function queueTestMail(database: Database, request: TestRequest): Promise<TestQueued> {
  const to = await checkRecipient(database, request.to)
  const preview = await previewMail(database, request)
  const mailbox = await firstMailbox(database, preview.campaign)
  if (mailbox.status !== 'active') {
    const why = mailbox.statusReason === null ? '' : `: ${mailbox.statusReason}`
    throw new GoniecError(
      'mailbox_unusable',
      `no mailbox of the campaign may send; ${mailbox.address} is ${mailbox.status}${why}`,
      {
        hint: `goniec mailbox resume ${mailbox.address}`,
      },
    )
  }
  const { body } = preview.material
  assert(body?.kind === 'campaign', 'a preview is of campaign mail')
  const content = rendered(body)
  const subject = `[Test] ${content.subject ?? ''}`
  const id = request.dryRun
    ? null
    : await database.transaction((tx) =>
        insertTest(tx, { preview, to, mailboxId: mailbox.id, content: { ...content, subject } }),
      )
  const { lead, step, variant } = preview
  return { id, to, mailbox: mailbox.address, subject, lead, step, variant, ...(await outlook(database, mailbox.id)) }
}

async function checkRecipient(database: Database, given: string): Promise<string> {
  const result = normaliseAddress(given)
  if (result.problem !== undefined) {
    throw new GoniecError('address_invalid', result.problem, { hint: '--to name@domain', exitCode: 2 })
  }
  const { address } = result
  const [row] = await database.query<{ suppressed: boolean }>('select goniec.is_suppressed($1) as suppressed', [
    address,
  ])
  if (!row?.suppressed) return address
  throw new GoniecError('address_suppressed', `${address} is suppressed: nothing is mailed to it`, {
    hint: `goniec suppress remove ${shellWord(address)}, or another --to`,
  })
}

interface TestToInsert {
  preview: Preview
  to: string
  mailboxId: number
  content: OwnBody
}

/** Its thread is left out: the mail that it would answer never came to this address. */
async function insertTest(tx: Queries, { preview, to, mailboxId, content }: TestToInsert): Promise<number> {
  await nameActor(tx)
  const { campaign, lead, step, variant } = preview
  const { rows } = await sql<{ id: number }>`
    insert into goniec.message (kind, campaign_id, recipient, bound_mailbox_id, is_test, idempotency_key)
    values ('response', ${campaign.id}, ${to}, ${mailboxId}, true, ${`test:${randomUUID()}`})
    returning id`.execute(tx)
  const id = rows[0]?.id
  assert(id !== undefined, 'an insert returns its row')
  const digest = createHash('sha256')
    .update(JSON.stringify([to, content.subject, content.text, content.html]))
    .digest('hex')
  await sql`
    insert into goniec.message_material (message_id, subject, text, html, digest)
    values (${id}, ${content.subject}, ${content.text}, ${content.html}, ${digest})`.execute(tx)
  await sql`
    insert into goniec.event (type, message_id, campaign_id, mailbox_id, data)
    values ('campaign_test_queued', ${id}, ${campaign.id}, ${mailboxId}, ${JSON.stringify({ to, lead, step, variant })})`.execute(
    tx,
  )
  await sql`select pg_notify('goniec', 'plan')`.execute(tx)
  return id
}

/** A worker holds the lock on its name as long as it lives (namespace 20201, see the first migration). */
async function outlook(
  database: Database,
  mailboxId: number,
): Promise<Pick<TestQueued, 'earliestAt' | 'workerIsRunning'>> {
  const [row] = await database.query<{ earliest: Instant; running: boolean }>(
    `select greatest(goniec.now(), g.free_from, g.last_fence_at + b.min_gap_ms * interval '1 millisecond',
                     case when d.campaign_taken + d.warmup_taken + d.response_taken >= d.daily_limit
                          then ((today.day + 1)::timestamp at time zone today.timezone) end) as earliest,
            exists (select from pg_locks l
                    where l.locktype = 'advisory' and l.classid = 20201 and l.objsubid = 2 and l.granted
                      and l.database = (select oid from pg_database where datname = current_database())) as running
     from goniec.mailbox b
     join goniec.mailbox_gate g on g.mailbox_id = b.id
     cross join (select i.timezone, (goniec.now() at time zone i.timezone)::date as day from goniec.installation i) as today
     left join goniec.mailbox_day d on d.mailbox_id = b.id and d.day = today.day
     where b.id = $1`,
    [mailboxId],
  )
  assert(row, 'the mailbox is there')
  return { earliestAt: row.earliest, workerIsRunning: row.running }
}
