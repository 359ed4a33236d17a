/**
 * Reads what the mails of messages are made of: one query for a batch, whatever kinds are in it (migrations/000013_material.sql). It is
 * on the way of every mail that goes out, so texts of variants and settings of mailboxes are read once for each version of theirs.
 *
 * A text kept under a version may be younger than that version, never older: a change between the two queries has also moved the version
 * on, and then the fence refuses what was claimed before it.
 */
import type { Database } from '../database/pool.ts'
import type { Instant } from '../time.ts'
import type { Attachment } from './compose.ts'
import type { CampaignBody, MessageMaterial, OwnBody, Sender, VariantTemplates } from './compose-message.ts'
import type { MessageIdentity } from './message-id.ts'
import type { Fields } from './templates.ts'

type Source = Pick<Database, 'query'>

/**
 * The material of these messages, by message id. `mailboxByMessage` says which mailbox a mail leaves from; by default that of its slot,
 * else the one it is bound to. A message that is not there, or has no mailbox yet, is left out.
 */
export async function loadMaterial(
  database: Source,
  messageIds: readonly number[],
  mailboxByMessage: ReadonlyMap<number, number> = new Map(),
): Promise<Map<number, MessageMaterial>> {
  const mailboxes = messageIds.map((id) => mailboxByMessage.get(id) ?? null)
  const rows = await database.query<Row>('select * from goniec.material($1, $2)', [messageIds, mailboxes])
  const cache = cacheOf(database)
  await Promise.all([loadVariants(database, cache, rows), loadSenders(database, cache, rows)])
  return new Map(
    rows.flatMap((row) => {
      const sender = cache.senders.get(senderKey(row))
      return sender ? [[row.id, materialOf(row, sender, cache)] as const] : []
    }),
  )
}

/** An enrollment's fields as templates see them, with the address as `email`. */
export function templateFields(stored: Record<string, unknown>, email: string): Fields {
  const fields: Record<string, string> = {}
  for (const [name, value] of Object.entries(stored)) {
    if (value !== null) fields[name] = typeof value === 'string' ? value : JSON.stringify(value)
  }
  return { ...fields, email }
}

interface Row {
  id: number
  kind: 'response' | 'campaign' | 'warmup'
  is_test: boolean
  recipient: string
  idempotency_key: string | null
  rfc_message_id: string | null
  installation_id: string
  now: Instant
  mailbox_id: number | null
  mailbox_version: number
  campaign_name: string | null
  campaign_version: number
  step_id: number
  step_key: string
  letter: string | null
  fields: Record<string, unknown> | null
  previous: { message_id: string | null; subject: string | null; references: string | null } | null
  material: Material | null
}

interface Material {
  subject: string | null
  text: string | null
  html: string | null
  in_reply_to: string | null
  mail_references: string[]
  attachments: { filename: string; contentType?: string | null; content: string }[]
}

interface Cache {
  variants: Map<string, VariantTemplates>
  senders: Map<string, Sender>
}

const caches = new WeakMap<Source, Cache>()
const MOST_CACHED = 10_000

function cacheOf(database: Source): Cache {
  const known = caches.get(database)
  if (known && known.variants.size < MOST_CACHED && known.senders.size < MOST_CACHED) return known
  const cache: Cache = { variants: new Map(), senders: new Map() }
  caches.set(database, cache)
  return cache
}

async function loadVariants(database: Source, cache: Cache, rows: Row[]): Promise<void> {
  const missing = rows.filter((row) => row.kind === 'campaign' && !cache.variants.has(variantKey(row)))
  if (missing.length === 0) return
  const found = await database.query<VariantTemplates & { step_id: number }>(
    `select v.step_id, s.key as "stepKey", v.letter, v.subject, v.text, v.html
     from goniec.variant v
     join goniec.step s on s.id = v.step_id
     where v.step_id = any ($1::bigint[])`,
    [missing.map((row) => row.step_id)],
  )
  const byKey = new Map(found.map(({ step_id: step, ...templates }) => [`${step}:${templates.letter}`, templates]))
  for (const row of missing) {
    const templates = byKey.get(`${row.step_id}:${row.letter}`)
    if (templates) cache.variants.set(variantKey(row), templates)
  }
}

async function loadSenders(database: Source, cache: Cache, rows: Row[]): Promise<void> {
  const missing = rows.filter((row) => row.mailbox_id !== null && !cache.senders.has(senderKey(row)))
  if (missing.length === 0) return
  const found = await database.query<Sender & { id: number }>(
    `select id, address, name, signature_text as "signatureText", signature_html as "signatureHtml",
            unsubscribe_address as "unsubscribeAddress"
     from goniec.mailbox
     where id = any ($1::bigint[])`,
    [missing.map((row) => row.mailbox_id)],
  )
  const byId = new Map(found.map(({ id, ...sender }) => [id, sender]))
  for (const row of missing) {
    const sender = byId.get(row.mailbox_id ?? 0)
    if (sender) cache.senders.set(senderKey(row), sender)
  }
}

function variantKey({ step_id: step, letter, campaign_version: version }: Row): string {
  return `${step}:${letter}:${version}`
}

function senderKey({ mailbox_id: mailbox, mailbox_version: version }: Row): string {
  return `${mailbox}:${version}`
}

function materialOf(row: Row, sender: Sender, cache: Cache): MessageMaterial {
  return {
    rfcMessageId: row.rfc_message_id,
    identity: identityOf(row),
    recipient: row.recipient,
    sender,
    body: row.kind === 'campaign' ? campaignBody(row, cache) : ownBody(row),
    unsubscribable: row.kind === 'campaign' || row.is_test,
    isTest: row.is_test,
    date: row.now,
  }
}

function identityOf(row: Row): MessageIdentity {
  const installationId = row.installation_id
  if (row.kind !== 'campaign') return { installationId, idempotencyKey: row.idempotency_key ?? `message:${row.id}` }
  return { installationId, campaign: row.campaign_name ?? '', lead: row.recipient, stepKey: row.step_key }
}

function campaignBody(row: Row, cache: Cache): CampaignBody | null {
  const templates = cache.variants.get(variantKey(row))
  if (!templates) return null
  const { previous } = row
  return {
    kind: 'campaign',
    templates,
    fields: templateFields(row.fields ?? {}, row.recipient),
    previous: previous && {
      messageId: previous.message_id,
      subject: previous.subject,
      references: previous.references?.split(/\s+/).filter((id) => id !== '') ?? [],
    },
  }
}

function ownBody({ material }: Row): OwnBody | null {
  if (!material) return null
  return {
    kind: 'own',
    subject: material.subject,
    text: material.text,
    html: material.html,
    inReplyTo: material.in_reply_to,
    references: material.mail_references,
    attachments: material.attachments.map(attachmentOf),
  }
}

function attachmentOf({ filename, contentType, content }: Material['attachments'][number]): Attachment {
  return { filename, ...(contentType ? { contentType } : {}), content: Buffer.from(content, 'base64') }
}
