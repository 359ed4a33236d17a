import type { MessageContent, MessageReport } from '../../reports/message.ts'
import type { Cli } from '../cli.ts'

/** Prints what was sent, or is to be. Control characters of a text stay out of the terminal, line breaks stay in. */
export function printContent({ output }: Cli, message: MessageReport, content: MessageContent | null): void {
  output.line('')
  if (!content) return output.say(whyNothing(message))
  if (content.of === 'material') output.say('To be sent:')
  for (const [name, value] of Object.entries(content.headers)) output.line(clean(`${name}: ${value}`))
  if (content.headers['subject'] === undefined) output.line(clean(`subject: ${content.subject ?? '–'}`))
  for (const { filename, content_type: type, bytes } of content.attachments) {
    output.line(clean(`attachment: ${filename} (${type ?? 'type by its name'}, ${bytes} bytes)`))
  }
  for (const part of [content.text, content.html]) if (part !== null) output.line(`\n${clean(part)}`)
}

function whyNothing({ status, id }: MessageReport): string {
  return status === 'pending' || status === 'cancelled'
    ? `Nothing was sent of message ${id} yet; goniec campaign preview shows what a campaign’s mails will be.`
    : `The content of message ${id} is not kept any more.`
}

function clean(text: string): string {
  return text.replaceAll('\r\n', '\n').replaceAll(/[^\P{Cc}\n\t]/gu, ' ')
}
