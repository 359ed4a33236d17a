/** A mailbox's signature, put under a mail's text and HTML; and the text of a mail that has only HTML. */
import { createRequire } from 'node:module'

export interface Signature {
  text?: string | null
  html?: string | null
}

/** A mail's parts; at least one is there. */
export interface Parts {
  text: string | null
  html: string | null
}

/** Both parts with the signature under them, in the form that each part needs. */
export function sign({ text, html }: Parts, signature: Signature | null): Parts {
  const signatureText = signature?.text ?? (signature?.html ? toPlainText(signature.html) : null)
  const signatureHtml = signature?.html ?? (signature?.text ? toHtml(signature.text) : null)
  return {
    text: text === null || !signatureText ? text : `${text.trimEnd()}\n\n-- \n${signatureText}`,
    html:
      html === null || !signatureHtml
        ? html
        : underBody(html, `<div class="signature">-- <br>\n${signatureHtml}</div>`),
  }
}

/** HTML as the text of a mail: links in brackets, no images, long lines left to the reader's program. */
export function toPlainText(html: string): string {
  // Loaded when a mail needs it: few have HTML alone, and it takes 14 MB.
  convert ??= (load('html-to-text') as typeof import('html-to-text')).compile(OPTIONS)
  return convert(html)
}

let convert: ((html: string) => string) | undefined
const load = createRequire(import.meta.url)

const OPTIONS = {
  wordwrap: false as const,
  selectors: [
    { selector: 'img', format: 'skip' },
    { selector: 'a', options: { ignoreHref: false, hideLinkHrefIfSameAsText: true } },
    ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({ selector, options: { uppercase: false } })),
  ],
}

function toHtml(text: string): string {
  return text
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;')
    .replace(/\r\n|\r|\n/g, '<br>\n')
}

function underBody(html: string, addition: string): string {
  const end = html.search(/<\/body\s*>(?![\s\S]*<\/body\s*>)/i)
  if (end >= 0) return `${html.slice(0, end)}${addition}\n${html.slice(end)}`
  return `${html.trimEnd()}\n${addition}`
}
