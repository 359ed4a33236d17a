/**
 * Postgres' wire protocol, as far as a proxy needs it: where a message ends, which statement it asks for, what the server said to it.
 * See "Frontend/Backend Protocol" in Postgres' manual. Without TLS, which would hide all of it.
 */

/** One message. `type` is its letter; the first one of a client has none. */
export interface Message {
  type: string
  body: Buffer
  raw: Buffer
}

/** Cuts a stream of bytes into messages. */
export class Splitter {
  #rest: Buffer = Buffer.alloc(0)
  #untyped: boolean

  /** `untyped`: the first message has no letter, as the start-up of a client. */
  constructor({ untyped }: { untyped: boolean }) {
    this.#untyped = untyped
  }

  /** The messages that are complete with this chunk. */
  take(chunk: Buffer): Message[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const messages: Message[] = []
    for (;;) {
      const head = this.#untyped ? 0 : 1
      if (this.#rest.length < head + 4) return messages
      const end = head + this.#rest.readInt32BE(head)
      if (this.#rest.length < end) return messages
      const raw = this.#rest.subarray(0, end)
      messages.push({ type: raw.subarray(0, head).toString(), body: raw.subarray(head + 4), raw })
      this.#rest = this.#rest.subarray(end)
      this.#untyped = false
    }
  }
}

/** The parameters of a start-up message: `user`, `database`, `application_name`. */
export function readStartup({ body }: Message): Map<string, string> {
  const words = body.subarray(4).toString().split('\0')
  const parameters = new Map<string, string>()
  for (let at = 0; at + 1 < words.length && words[at] !== ''; at += 2)
    parameters.set(words[at] ?? '', words[at + 1] ?? '')
  return parameters
}

/** Remembers what a client has prepared, and tells which statement a message asks for; undefined: none. */
export class Prepared {
  #texts = new Map<string, string>()

  textOf({ type, body }: Message): string | undefined {
    const [first = '', second = ''] = body.toString().split('\0', 2)
    if (type === 'Q') return first
    if (type === 'P') this.#texts.set(first, second)
    // A portal's name, then that of the statement it is made from.
    if (type === 'B') return this.#texts.get(second) ?? ''
    return undefined
  }
}

/** The process that serves this session, as BackendKeyData names it. */
export function readBackendPid({ body }: Message): number {
  return body.readInt32BE(0)
}

/** SQLSTATE and words of an ErrorResponse or a NoticeResponse. */
export function readComplaint({ body }: Message): { code: string; text: string } {
  const fields = new Map(
    body
      .toString()
      .split('\0')
      .map((field) => [field.slice(0, 1), field.slice(1)]),
  )
  return { code: fields.get('C') ?? '', text: fields.get('M') ?? '' }
}
