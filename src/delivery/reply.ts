/**
 * Reads a server's replies from the bytes of its side of the connection (RFC 5321 §4.2). Nodemailer reads them as well, for its
 * own part; this reader exists because nodemailer also reports a reply that was cut off in its middle, and that is no reply.
 * A reply counts when its last line has ended. A server that never ends one is stopped by size here, and by time elsewhere.
 */

export interface Reply {
  code: number
  /** The enhanced status code of RFC 3463, `5.1.1`, where the text begins with one. */
  enhanced: string | null
  /** The text of all lines without codes, on one line, without control characters. */
  text: string
}

/** What has come: a reply, or a sentence about bytes that are none. */
export type Heard = { reply: Reply; problem: null } | { reply: null; problem: string }

const LONGEST_LINE = 8 * 1024
const MOST_LINES = 200
/** Empty lines say nothing, and nodemailer works on each for longer than a server takes to send it. */
const MOST_EMPTY_LINES = 20
const LONGEST_TEXT = 1000

export class ReplyReader {
  #rest = ''
  #lines: string[] = []
  #emptyLines = 0

  /** Takes the next bytes and returns what they complete. */
  read(chunk: Buffer): Heard[] {
    const heard: Heard[] = []
    const pieces = (this.#rest + chunk.toString('latin1')).split('\n')
    this.#rest = pieces.pop() ?? ''
    for (const piece of pieces) {
      const complete = this.#line(piece.replace(/\r$/, ''))
      if (complete) heard.push(complete)
    }
    if (this.#rest.length > LONGEST_LINE) heard.push(nonsense('a reply line without an end'))
    return heard
  }

  #line(line: string): Heard | null {
    if (line.trim() === '' && this.#lines.length === 0) {
      this.#emptyLines += 1
      return this.#emptyLines > MOST_EMPTY_LINES ? nonsense('nothing but empty lines') : null
    }
    this.#emptyLines = 0
    if (!/^[2-5]\d\d([ -]|$)/.test(line) || (this.#lines[0] ?? line).slice(0, 3) !== line.slice(0, 3)) {
      this.#lines = []
      return nonsense(`not an SMTP reply: ${JSON.stringify(printable(line).slice(0, 100))}`)
    }
    this.#lines.push(line)
    if (this.#lines.length > MOST_LINES) return nonsense('a reply of more lines than any server sends')
    if (line.charAt(3) === '-') return null
    const lines = this.#lines
    this.#lines = []
    return { reply: toReply(lines), problem: null }
  }
}

/** A reply as a server wrote it, in one line for logs and people: `550 5.1.1 No such user`. */
export function showReply({ code, enhanced, text }: Reply): string {
  return [code, enhanced, text].filter((part) => part !== null && part !== '').join(' ')
}

function nonsense(problem: string): Heard {
  return { reply: null, problem: `the server sent ${problem}` }
}

function toReply(lines: string[]): Reply {
  const code = Number((lines[0] ?? '').slice(0, 3))
  const texts = lines.map((line) => line.slice(4))
  const enhanced = /^\s*([245]\.\d{1,3}\.\d{1,3})(?=\s|$)/.exec(texts[0] ?? '')?.[1] ?? null
  const bare = texts.map((text) =>
    (enhanced !== null && text.startsWith(enhanced) ? text.slice(enhanced.length) : text).trim(),
  )
  return { code, enhanced, text: printable(bare.join(' ')).trim().slice(0, LONGEST_TEXT) }
}

/** Decoded as UTF-8, without controls. */
function printable(latin1: string): string {
  return withoutControls(Buffer.from(latin1, 'latin1').toString('utf8'))
}

/** With controls as spaces: a NUL would not even fit into Postgres. */
export function withoutControls(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ')
}
