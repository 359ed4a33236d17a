/**
 * A peer's own process: it says that it is ready, is told by a line which leads to mail (`{"from", "to"}`), and answers by a line when the
 * last one has been accepted. It stays for the next round, so that nobody is measured cold.
 */
import { createInterface } from 'node:readline'
import { Liquid } from 'liquidjs'
import { leadOf, TEMPLATES, type BenchLead } from './content.ts'

/** A mail as nodemailer takes it. */
export interface PeerMail {
  from: { name: string; address: string }
  to: string
  subject: string
  text: string
  html: string
  headers: Record<string, string>
}

const plain = new Liquid()
const html = new Liquid({ outputEscape: 'escape' })
const parsed = {
  subject: plain.parse(TEMPLATES.subject),
  text: plain.parse(TEMPLATES.text),
  html: html.parse(TEMPLATES.html),
}

/** The lead's mail, its templates filled. */
export function renderMail({ email, mailbox, fields }: BenchLead): PeerMail {
  return {
    from: { name: 'Anna Nowak', address: mailbox },
    to: email,
    subject: String(plain.renderSync(parsed.subject, fields)),
    text: String(plain.renderSync(parsed.text, fields)),
    html: String(html.renderSync(parsed.html, fields)),
    headers: { 'List-Unsubscribe': `<mailto:${mailbox}?subject=unsubscribe>` },
  }
}

/** Serves rounds until the one who started it is gone. */
export function servePeer(sendAll: (leads: BenchLead[]) => Promise<void>): void {
  createInterface({ input: process.stdin })
    .on('line', (line) => {
      const { from, to } = JSON.parse(line) as { from: number; to: number }
      const leads = Array.from({ length: to - from + 1 }, (_, index) => leadOf(from + index))
      void sendAll(leads).then(() => process.stdout.write('{"done":true}\n'))
    })
    .on('close', () => process.exit(0))
  process.stdout.write('{"ready":true}\n')
}
