/** The bytes of a mail, made again from what the ledger keeps of it: they must be the bytes that the server accepted. */
import { createHash } from 'node:crypto'
import { compose } from '../src/delivery/compose.ts'
import { instantAt } from '../src/time.ts'

/** What the ledger keeps, as `LEDGER` in invariants.ts reads it. */
export interface Kept {
  recipient: string
  is_test: boolean
  mailbox: string
  mailbox_name: string | null
  unsubscribe_address: string | null
  subject: string | null
  text: string | null
  html: string | null
  /** Names in lower case. */
  headers: Record<string, string>
  attachments: readonly { filename: string; contentType?: string; content: string }[] | null
}

/** Their SHA-256, as hexadecimal digits. */
export async function hashOfKept(kept: Kept): Promise<string> {
  const { headers, mailbox } = kept
  const { bytes } = await compose({
    messageId: headers['message-id'] ?? '',
    from: { name: kept.mailbox_name ?? '', address: mailbox },
    to: { address: kept.recipient },
    subject: kept.subject ?? '',
    text: kept.text,
    html: kept.html,
    signature: null,
    inReplyTo: headers['in-reply-to'] ?? null,
    references: headers['references']?.split(/\s+/) ?? [],
    listUnsubscribe: headers['list-unsubscribe']
      ? { mailto: kept.unsubscribe_address ?? mailbox, subject: 'unsubscribe' }
      : null,
    // date: a header has the time as RFC 5322 writes it
    date: instantAt(Date.parse(headers['date'] ?? '')),
    attachments: (kept.attachments ?? []).map(({ content, ...rest }) => ({
      ...rest,
      content: Buffer.from(content, 'base64'),
    })),
    ...(kept.is_test ? { headers: { 'X-Goniec-Test': 'yes' } } : {}),
  })
  return createHash('sha256').update(bytes).digest('hex')
}
