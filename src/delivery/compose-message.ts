/**
 * A message's mail, from what is known about the message: the one place where it is decided what goes out. Real sending, previews
 * and tests compose here, so that what a person was shown is what a lead gets. Pure: material.ts reads what it needs.
 */
import { GoniecError } from '../errors.ts'
import type { Instant } from '../time.ts'
import { compose, replySubject, type Attachment, type ComposedMail } from './compose.ts'
import { toHeaderText } from './header-text.ts'
import { rfcMessageId, type MessageIdentity } from './message-id.ts'
import { renderTemplate, type Fields, type Template } from './templates.ts'

/** Everything that a message's mail is made of. */
export interface MessageMaterial {
  /** Message-ID that an earlier attempt gave it; null: it is made from `identity`. */
  rfcMessageId: string | null
  identity: MessageIdentity
  recipient: string
  sender: Sender
  /** Null: its text is gone (a step left without variants, a row typed by hand). Composing it is an error. */
  body: CampaignBody | OwnBody | null
  /** Whether the recipient is offered to unsubscribe: campaign mail, and tests of it. */
  unsubscribable: boolean
  isTest: boolean
  /** For the `Date` header. */
  date: Instant
}

/** What a mailbox gives to its mails. */
export interface Sender {
  address: string
  name: string | null
  signatureText: string | null
  signatureHtml: string | null
  /** Where requests to unsubscribe go; null: to `address`. */
  unsubscribeAddress: string | null
}

/** Campaign mail: a variant's templates with an enrollment's fields in them. */
export interface CampaignBody {
  kind: 'campaign'
  templates: VariantTemplates
  fields: Fields
  /** The mail of the step before, which a variant without a subject answers; null: there is none. */
  previous: PreviousMail | null
}

export interface VariantTemplates {
  stepKey: string
  letter: string
  /** Null: a reply in the thread of the step before. */
  subject: string | null
  text: string | null
  html: string | null
}

export interface PreviousMail {
  /** As the recipient's server knows it; null: not known (imported history may lack it). */
  messageId: string | null
  subject: string | null
  /** Message-IDs that it referred to itself, oldest first. */
  references: readonly string[]
}

/** A response, a test or a warm-up mail: finished text. */
export interface OwnBody {
  kind: 'own'
  subject: string | null
  text: string | null
  html: string | null
  inReplyTo: string | null
  references: readonly string[]
  attachments: readonly Attachment[]
}

/** The mail as it goes out. Throws a GoniecError that says what is missing, where it cannot be composed. */
export async function composeFor(material: MessageMaterial): Promise<ComposedMail> {
  const { sender, recipient, isTest } = material
  const content = contentOf(material)
  return await compose({
    messageId: messageIdOf(material),
    from: { name: sender.name ?? '', address: sender.address },
    to: { address: recipient },
    subject: content.subject ?? '',
    text: content.text,
    html: content.html,
    signature: { text: sender.signatureText, html: sender.signatureHtml },
    inReplyTo: content.inReplyTo,
    references: content.references,
    listUnsubscribe: material.unsubscribable
      ? { mailto: sender.unsubscribeAddress ?? sender.address, subject: 'unsubscribe' }
      : null,
    date: material.date,
    attachments: content.attachments,
    ...(isTest ? { headers: { 'X-Goniec-Test': 'yes' } } : {}),
  })
}

/** Its Message-ID: the one that an earlier attempt gave it, else made from what makes the message the one it is. */
export function messageIdOf({ rfcMessageId: given, identity, sender }: MessageMaterial): string {
  return given ?? rfcMessageId({ ...identity, domain: sender.address.slice(sender.address.lastIndexOf('@') + 1) })
}

/** What of a mail is kept with the message (goniec.fence's `p_contents`); names of headers in lower case. */
export function keptContent({ subject, text, html, headers }: ComposedMail): KeptContent {
  return {
    subject,
    text,
    html,
    headers: Object.fromEntries(headers.map(({ name, value }) => [name.toLowerCase(), value])),
  }
}

export interface KeptContent {
  subject: string
  text: string | null
  html: string | null
  headers: Record<string, string>
}

/** A variant's templates, named as people know them. */
export function templatesOf({ stepKey, letter, ...parts }: VariantTemplates): Template[] {
  const kinds = ['subject', 'text', 'html'] as const
  return kinds.flatMap((kind) => {
    const source = parts[kind]
    return source === null ? [] : [{ name: `step ${stepKey}, variant ${letter}, ${kind}`, kind, source }]
  })
}

/** Campaign mail with the fields put in, and its place in the thread. */
export function rendered({ templates, fields, previous }: CampaignBody): OwnBody {
  const parts = new Map(templatesOf(templates).map((template) => [template.kind, renderTemplate(template, fields)]))
  const thread = templates.subject === null ? threadAfter(templates, previous) : null
  return {
    kind: 'own',
    subject: thread ? replySubject(thread.subject) : subjectOf(templates, parts.get('subject') ?? ''),
    text: parts.get('text') ?? null,
    html: parts.get('html') ?? null,
    inReplyTo: thread ? thread.messageId : null,
    references: thread ? [...thread.references, thread.messageId] : [],
    attachments: [],
  }
}

/** A lead who came into a running campaign was not checked before; with a field missing its mail is set aside, and so it is with no subject. */
function subjectOf({ stepKey, letter }: VariantTemplates, subject: string): string {
  if (toHeaderText(subject) !== '') return subject
  throw new GoniecError('subject_empty', `step ${stepKey}, variant ${letter}: the subject is empty`, {
    hint: 'Fill in what it is made of, or say what stands there without it: {{ field | default: "…" }}.',
  })
}

function contentOf({ body, recipient }: MessageMaterial): OwnBody {
  if (body === null) {
    throw new GoniecError('material_missing', `there is no text for the mail to ${recipient}`, {
      hint: 'Cancel it with goniec message cancel, or give its step a variant again and apply the definition file.',
    })
  }
  return body.kind === 'campaign' ? rendered(body) : body
}

/** RFC 5322 §3.6.4: the answered mail's references, and then itself. A `Re:` that answers nothing would be a fake one, so both are needed. */
function threadAfter(
  { stepKey, letter }: VariantTemplates,
  previous: PreviousMail | null,
): { messageId: string; subject: string; references: readonly string[] } {
  const where = `step ${stepKey}, variant ${letter}`
  if (previous === null) {
    throw new GoniecError(
      'thread_has_no_beginning',
      `${where} has no subject, and there is no earlier mail to answer`,
      {
        hint: 'Give it a subject of its own, and apply the definition file.',
      },
    )
  }
  const { messageId, subject, references } = previous
  if (messageId === null || subject === null) {
    const missing = messageId === null ? 'Message-ID' : 'subject'
    throw new GoniecError(
      'thread_unknown',
      `${where} has no subject, and the ${missing} of the mail before is not known`,
      {
        hint: 'Give the step a subject of its own; or import the history with message_id and subject.',
      },
    )
  }
  return { messageId, subject, references }
}
