/**
 * A mail's bytes from nodemailer's tree of MIME parts, without streams: headers and encodings are nodemailer's, only their joining is done
 * here. `build()` joins the same through some thirty streams, which costs four times as much, and a worker composes every mail that it sends.
 * Parts that are not short text (attachments) are left to it. That both give the same bytes is a property (tests/property/mime.test.ts).
 */
import * as base64 from 'nodemailer/lib/base64'
import type MimeNode from 'nodemailer/lib/mime-node'
import * as qp from 'nodemailer/lib/qp'

/** The bytes of the mail with this root. */
export async function mimeBytes(root: MimeNode): Promise<Buffer> {
  return isText(root) ? Buffer.from(textOf(root)) : await root.build()
}

/** Nodemailer encodes longer parts slice by slice. */
const LONGEST = 32_768

function isText({ content, childNodes }: MimeNode): boolean {
  return (
    (content === undefined || (typeof content === 'string' && content.length <= LONGEST)) && childNodes.every(isText)
  )
}

function textOf(node: MimeNode): string {
  const head = `${node.buildHeaders()}\r\n\r\n${encoded(node)}`
  if (!node.multipart) return head
  const parts = node.childNodes.map((child) => `--${node.boundary}\r\n${textOf(child)}`)
  return `${head}${parts.join('\r\n')}\r\n--${node.boundary}--\r\n`
}

function encoded(node: MimeNode): string {
  const content = typeof node.content === 'string' ? node.content : ''
  const encoding = node.getTransferEncoding()
  if (encoding === 'quoted-printable') return qp.wrap(qp.encode(content))
  return encoding === 'base64' ? base64.wrap(base64.encode(content)) : content
}
