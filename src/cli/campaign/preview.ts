import { writeFile } from 'node:fs/promises'
import { previewMail, type Preview } from '../../campaigns/preview.ts'
import { keptContent } from '../../delivery/compose-message.ts'
import { GoniecError } from '../../errors.ts'
import { toLocalTime } from '../../time.ts'
import type { Cli } from '../cli.ts'

export interface PreviewOptions {
  lead?: string
  step?: string
  html?: string
}

/** Prints a lead's mail as it will go out. */
export async function runPreview(cli: Cli, name: string, { lead, step, html }: PreviewOptions): Promise<void> {
  const preview = await cli.withDatabase((database) => previewMail(database, { campaign: name, lead, step }))
  if (html !== undefined) await writeHtml(preview, html)
  cli.output.data(previewJson(preview), () => printMail(cli, preview))
  cli.output.say(remark(preview))
  if (html !== undefined) cli.output.say(`The HTML part is in ${html}.`)
}

async function writeHtml({ mail, step, variant }: Preview, file: string): Promise<void> {
  if (mail.html === null) {
    throw new GoniecError('preview_without_html', `step ${step}, variant ${variant} has no HTML part`, {
      hint: 'leave --html out: the text is printed',
    })
  }
  // The mark at the front tells a browser that a fragment without a charset is UTF-8.
  await writeFile(file, `\uFEFF${mail.html}`)
}

function previewJson({ campaign, lead, step, variant, mailbox, mailboxIsDecided, message, mail }: Preview): unknown {
  const { headers, subject, text, html } = keptContent(mail)
  return {
    campaign: campaign.name,
    lead,
    step,
    variant,
    mailbox,
    mailbox_is_decided: mailboxIsDecided,
    id: message?.id ?? null,
    status: message?.status ?? null,
    scheduled_at: message?.scheduledAt ?? null,
    rfc_message_id: headers['message-id'],
    subject,
    text,
    html,
    headers,
  }
}

/** Headers that people look for, as they will be read; then the text. */
function printMail({ output }: Cli, { material, mail }: Preview): void {
  const { headers } = keptContent(mail)
  const { name, address } = material.sender
  const shown: [string, string | undefined][] = [
    ['From', name === null ? address : `${name} <${address}>`],
    ['To', material.recipient],
    ['Subject', mail.subject],
    ['Message-ID', headers['message-id']],
    ['In-Reply-To', headers['in-reply-to']],
    ['References', headers['references']],
    ['List-Unsubscribe', headers['list-unsubscribe']],
  ]
  for (const [header, value] of shown) if (value !== undefined) output.line(`${header}: ${withoutControls(value)}`)
  output.line('')
  for (const line of (mail.text ?? '').split(/\r\n|\r|\n/)) output.line(withoutControls(line))
}

/** What stands in a lead's field must not draw on the terminal. */
function withoutControls(text: string): string {
  return text.replaceAll(/[^\P{Cc}\t]/gu, ' ')
}

function remark({ campaign, step, variant, mailboxIsDecided, message, mail }: Preview): string {
  const parts = [`Step ${step}, variant ${variant}${mail.html === null ? '' : ', with an HTML part (--html FILE)'}.`]
  if (message?.sentAt)
    parts.push(`It was sent already: goniec message show ${message.id} --content shows what went out.`)
  else if (message?.scheduledAt)
    parts.push(`Planned for ${toLocalTime(message.scheduledAt, campaign.calendar.timeZone)}.`)
  else parts.push('It has no time yet.')
  if (!mailboxIsDecided) parts.push('No mailbox is decided yet; shown from the first one.')
  return parts.join(' ')
}
