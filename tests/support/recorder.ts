/**
 * An SMTP server that records what it accepted: real protocol, nothing delivered. A mail counts when its final dot has come and the
 * server is about to say 250; one that was cut off does not.
 *
 *     const recorder = await startRecorder({ refuse: { rcpt: ({ to }) => to === 'x@y.example' ? '550 5.1.1 no such user' : undefined } })
 *     const mail = await recorder.next()
 *     await recorder.until(12)
 *
 * What a hook returns is the reply in place of the good one; a promise that stays open is silence.
 */
import type { AddressInfo, Socket } from 'node:net'
import { SMTPServer, type SMTPServerDataStream, type SMTPServerOptions, type SMTPServerSession } from 'smtp-server'
import { assert } from '../../src/errors.ts'

export interface RecordedMail {
  /** The envelope, as it was spoken. */
  from: string
  to: string[]
  /** The content, byte for byte, dot-stuffing undone. */
  raw: Buffer
  /** Header fields by lower-case name, unfolded; the first of a name. */
  headers: ReadonlyMap<string, string>
  /** When the dot had come, in epoch milliseconds. */
  acceptedAtMs: number
  /** Which connection brought it: 1, 2, … */
  connection: number
  /** The login it came with. */
  user: string | undefined
}

/** What a hook sees: as much of the dialogue as has been spoken. */
export interface Dialogue {
  connection: number
  user: string | undefined
  from: string
  to: string
  /** At `dot` only. */
  raw: Buffer
}

/** `550 5.1.1 text` refuses; nothing accepts. */
export type Hook = (dialogue: Dialogue) => string | undefined | void | Promise<string | undefined | void>

export interface RecorderOptions {
  /** By stage: what is said instead of yes. `dot` decides about a whole mail. */
  refuse?: Partial<Record<'connect' | 'mail' | 'rcpt' | 'dot', Hook>>
  /** The one login that is taken; without it everybody may send. */
  login?: { user: string; password: string }
  port?: number
  /** Told of each mail that is accepted, before it is said. */
  onAccept?: (mail: RecordedMail) => void
  /** Further options of smtp-server, such as `key`, `cert` and `secure`. */
  server?: SMTPServerOptions
}

export interface Recorder extends AsyncDisposable {
  readonly host: '127.0.0.1'
  readonly port: number
  /** All accepted mails, in the order of their dots. */
  readonly mails: readonly RecordedMail[]
  /** The first accepted mail that nobody took with `next` before; waits for it. */
  next(): Promise<RecordedMail>
  /** All mails, as soon as there are so many. */
  until(count: number): Promise<readonly RecordedMail[]>
  /** Resolves as soon as one of the mails fits. */
  find(fits: (mail: RecordedMail) => boolean): Promise<RecordedMail>
  /** Breaks every connection and stops listening. */
  close(): Promise<void>
}

export async function startRecorder(options: RecorderOptions = {}): Promise<Recorder> {
  const mails: RecordedMail[] = []
  const waiting: (() => void)[] = []
  const record = (mail: RecordedMail): void => {
    options.onAccept?.(mail)
    mails.push(mail)
    for (const wake of waiting.splice(0)) wake()
  }
  const server = new SMTPServer(serverOptions(options, record))
  const sockets = new Set<Socket>()
  server.server.on('connection', (socket: Socket) => sockets.add(socket.on('close', () => sockets.delete(socket))))
  // A client that breaks off is what many tests are about.
  server.on('error', () => undefined)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })

  /** What `look` finds, looked for again after each accepted mail. */
  async function seen<Found>(look: () => Found | undefined): Promise<Found> {
    for (;;) {
      const found = look()
      if (found !== undefined) return found
      await new Promise<void>((resolve) => void waiting.push(resolve))
    }
  }

  let taken = 0
  async function close(): Promise<void> {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    for (const socket of sockets) socket.destroy()
    await closed
  }
  return {
    host: '127.0.0.1',
    port: (server.server.address() as AddressInfo).port,
    mails,
    next: () => {
      const place = taken++
      return seen(() => mails[place])
    },
    until: (count) => seen(() => (mails.length >= count ? mails : undefined)),
    find: (fits) => seen(() => mails.find(fits)),
    close,
    [Symbol.asyncDispose]: close,
  }
}

function serverOptions(
  { login, refuse = {}, server }: RecorderOptions,
  record: (mail: RecordedMail) => void,
): SMTPServerOptions {
  const connections = new Map<string, number>()
  const dialogueOf = (session: SMTPServerSession, to = '', raw: Buffer = Buffer.alloc(0)): Dialogue => {
    if (!connections.has(session.id)) connections.set(session.id, connections.size + 1)
    const { mailFrom } = session.envelope
    const from = mailFrom === false ? '' : mailFrom.address
    return { connection: connections.get(session.id) ?? 0, user: session.user, from, to, raw }
  }
  return {
    authOptional: login === undefined,
    allowInsecureAuth: true,
    disabledCommands: server?.key === undefined ? ['STARTTLS'] : [],
    hidePIPELINING: false,
    disableReverseLookup: true,
    logger: false,
    closeTimeout: 100,
    onAuth({ username, password }, _session, done) {
      const right = login === undefined || (username === login.user && password === login.password)
      done(right ? null : refusal('535 5.7.8 authentication failed'), right ? { user: username } : undefined)
    },
    onConnect: (session, done) => void decide(refuse.connect, dialogueOf(session), done),
    onMailFrom: ({ address }, session, done) =>
      void decide(refuse.mail, { ...dialogueOf(session), from: address }, done),
    onRcptTo: ({ address }, session, done) => void decide(refuse.rcpt, dialogueOf(session, address), done),
    onData(stream, session, done) {
      whenWhole(stream, (raw) => {
        const to = session.envelope.rcptTo.map(({ address }) => address)
        const dialogue = dialogueOf(session, to[0], raw)
        void decide(refuse.dot, dialogue, (error) => {
          const { from, connection, user } = dialogue
          if (!error) record({ from, to, raw, headers: readHeaders(raw), acceptedAtMs: Date.now(), connection, user })
          done(error)
        })
      })
    },
    ...server,
  }
}

/** `close` alone is a mail that was cut off. */
function whenWhole(stream: SMTPServerDataStream, take: (raw: Buffer) => void): void {
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  stream.on('end', () => take(Buffer.concat(chunks)))
}

/** A hook that throws is a defect of the test, and ends it as an unhandled rejection. */
async function decide(hook: Hook | undefined, dialogue: Dialogue, done: (error?: Error | null) => void): Promise<void> {
  const reply = await hook?.(dialogue)
  done(reply === undefined ? null : refusal(reply))
}

function refusal(reply: string): Error {
  const [, code, text] = /^(\d{3}) (.+)$/.exec(reply) ?? []
  assert(code !== undefined, `a reply begins with its code: ${reply}`)
  return Object.assign(new Error(text), { responseCode: Number(code) })
}

function readHeaders(raw: Buffer): ReadonlyMap<string, string> {
  const head = raw.toString('utf8').split('\r\n\r\n', 1)[0] ?? ''
  const fields = head.replaceAll(/\r\n[ \t]+/g, ' ').split('\r\n')
  const headers = new Map<string, string>()
  for (const field of fields) {
    const [, name = '', value = ''] = /^([^:]+):\s*(.*)$/.exec(field) ?? []
    if (!headers.has(name.toLowerCase())) headers.set(name.toLowerCase(), value)
  }
  return headers
}
