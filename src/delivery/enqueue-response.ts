/**
 * Asks for a response: `goniec.enqueue_response` (migrations/000010_other_programs.sql), with names checked before it, and with the answer to
 * whether it was asked for already.
 */
import { sql } from 'kysely'
import { nameActor } from '../database/actor.ts'
import type { Database, Queries } from '../database/pool.ts'
import { transactOrRehearse } from '../database/rehearse.ts'
import { assert } from '../errors.ts'
import type { Instant } from '../time.ts'
import { refuseIfOut } from './out-of-reach.ts'

export interface ResponseRequest {
  /** The lead's address, in its one form. */
  to: string
  /** Names the request: the same key and content is the same response. */
  key: string
  subject?: string | undefined
  text?: string | undefined
  html?: string | undefined
  /** The address of the mailbox it leaves from. By default the one that mailed the lead last. */
  from?: string | undefined
  /** Not before. By default as soon as it may. */
  at?: Instant | undefined
  campaign?: string | undefined
  attachments?: readonly EncodedAttachment[] | undefined
  /** Although the lead has got one of this campaign today. */
  again?: boolean | undefined
}

/** As the queue keeps it. */
export interface EncodedAttachment {
  filename: string
  contentType: string
  /** Base64. */
  content: string
}

export interface EnqueuedResponse {
  id: number
  status: string
  scheduled_at: Instant | null
  /** False: it was asked for before, and nothing was changed. */
  created: boolean
  subject: string | null
  mailbox: string
  campaign: string | null
  not_before: Instant | null
  sent_at: Instant | null
}

/** Queues a response, once per key. With `dryRun` it says what would be, and queues nothing. */
export async function enqueueResponse(
  database: Database,
  request: ResponseRequest,
  { dryRun = false }: { dryRun?: boolean } = {},
): Promise<EnqueuedResponse> {
  return transactOrRehearse(database, { dryRun }, async (tx) => {
    await nameActor(tx)
    const wasThere = await lockKey(tx, request.key)
    const id = await enqueue(tx, request)
    // One that was asked for stays as it is, whatever has become of its lead since.
    if (!wasThere) await refuseIfOut(tx, id)
    return { ...(await read(tx, id)), created: !wasThere }
  })
}

/** The same lock that the function takes, so that the answer is still true when it runs. */
async function lockKey(tx: Queries, key: string): Promise<boolean> {
  await sql`select pg_advisory_xact_lock(hashtextextended('response:' || ${key}, 20201))`.execute(tx)
  const { rows } = await sql`
    select from goniec.message m where m.kind = 'response' and m.idempotency_key = ${key}`.execute(tx)
  return rows.length > 0
}

async function enqueue(tx: Queries, request: ResponseRequest): Promise<number> {
  const { to, key, text, subject, html, from, at, campaign, attachments = [], again = false } = request
  const { rows } = await sql<{ id: number }>`
    select goniec.enqueue_response(
      "to" => ${to}::text, key => ${key}::text, text => ${text ?? null}::text, subject => ${subject ?? null}::text,
      html => ${html ?? null}::text, "from" => ${from ?? null}::text, at => ${at ?? null}::timestamptz,
      campaign => ${campaign ?? null}::text, attachments => ${JSON.stringify(attachments)}::jsonb, again => ${again}::boolean) as id`.execute(
    tx,
  )
  const [row] = rows
  assert(row, 'a response that is queued has an id')
  return row.id
}

async function read(tx: Queries, id: number): Promise<Omit<EnqueuedResponse, 'created'>> {
  const { rows } = await sql<Omit<EnqueuedResponse, 'created'>>`
    select m.id, m.status, m.scheduled_at, n.subject, b.address as mailbox, c.name as campaign, m.not_before, m.sent_at
    from goniec.message m
    join goniec.message_material n on n.message_id = m.id
    join goniec.mailbox b on b.id = m.bound_mailbox_id
    left join goniec.campaign c on c.id = m.campaign_id
    where m.id = ${id}`.execute(tx)
  const [row] = rows
  assert(row, 'the response is there')
  return row
}
