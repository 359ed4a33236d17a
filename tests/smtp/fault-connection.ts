/** One connection of the fault server: speaks SMTP by its plan, and keeps every byte the client sent. */
import type net from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import tls from 'node:tls'
import type { Fault, FaultServerOptions, FaultStage, Plan } from './fault-server.ts'

export class RecordedMail {
  from = ''
  recipients: string[] = []
  /** The final dot has come. */
  complete = false
  /** …and was answered 2xx. */
  accepted = false

  #pieces: string[] = []
  #tail = ''

  get hasBegun(): boolean {
    return this.#pieces.length > 0
  }

  /** Every byte behind the 354, dots and all. */
  get raw(): string {
    return this.#pieces.join('')
  }

  /** Takes what belongs to this mail; returns what follows its end, or null while that has not come. */
  take(came: string): string | null {
    // The end may lie across two pieces; what has been looked at is not looked at again.
    const seen = this.#pieces.length === 0 ? '\r\n' : this.#tail
    const at = (seen + came).indexOf('\r\n.\r\n')
    const length = at < 0 ? came.length : at + 5 - seen.length
    this.#pieces.push(came.slice(0, length))
    this.#tail = (seen + came).slice(-4)
    this.complete = at >= 0
    return at < 0 ? null : came.slice(length)
  }

  /** The content as a receiver keeps it: without the dot-stuffing and the final dot. */
  content(): Buffer {
    const body = this.complete ? this.raw.replace(/\.\r\n$/, '') : this.raw
    return Buffer.from(body.replace(/(^|\r\n)\./g, '$1'), 'latin1')
  }
}

export class FaultConnection {
  /** The TCP socket, or the TLS one around it after STARTTLS. */
  socket: net.Socket
  index: number
  /** The same as command lines, content left out. */
  commands: string[] = []
  mails: RecordedMail[] = []
  /** How the client ended it. */
  endedBy: 'fin' | 'rst' | null = null
  /** The socket is gone. */
  closed: Promise<void>
  #options: FaultServerOptions
  #rest = ''
  /** The recipient that RCPT named last. */
  #asked = ''
  #mode: 'command' | 'handshake' | 'content' | 'user' | 'password' | 'ignoring' = 'command'
  /** What TCP itself is, below TLS. */
  #wire: net.Socket
  #chunks: string[] = []
  #reached = new Map<FaultStage, { promise: Promise<void>; resolve: () => void }>()
  #work: Promise<void> = Promise.resolve()

  constructor(socket: net.Socket, options: FaultServerOptions, index: number) {
    this.socket = socket
    this.#wire = socket
    this.index = index
    this.#options = options
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()))
    this.#listen(socket)
    this.#work = this.#stage('greeting', '220 fault.example ESMTP')
  }

  /** All that the client sent, decrypted, as one character a byte. */
  get bytes(): string {
    return this.#chunks.join('')
  }

  /** Resolves when the dialogue has come to this stage. */
  reached(stage: FaultStage): Promise<void> {
    return this.#signal(stage).promise
  }

  write(bytes: string): void {
    if (this.socket.writable) this.socket.write(Buffer.from(bytes, 'utf8'))
  }

  reset(): void {
    this.#wire.resetAndDestroy()
    this.socket.destroy()
  }

  /** The port at the client's end. */
  get clientPort(): number {
    return this.#wire.remotePort ?? 0
  }

  /** The port at the server's end. */
  get serverPort(): number {
    return this.#wire.localPort ?? 0
  }

  #listen(socket: net.Socket): void {
    const onData = (chunk: Buffer): void => this.#read(chunk)
    socket.on('data', onData)
    socket.on('end', () => {
      this.endedBy ??= 'fin'
      socket.end()
    })
    socket.on('error', () => {
      this.endedBy ??= 'rst'
    })
  }

  #read(chunk: Buffer): void {
    const text = chunk.toString('latin1')
    this.#chunks.push(text)
    this.#rest += text
    this.#work = this.#work.then(() => this.#consume())
  }

  async #consume(): Promise<void> {
    while (this.#mode !== 'ignoring' && this.#rest !== '') {
      if (this.#mode === 'content') await this.#readContent()
      else if (this.#mode === 'handshake') await this.#takeHandshake()
      else if (this.#rest.includes('\r\n')) await this.#takeLine()
      else return
    }
  }

  async #takeLine(): Promise<void> {
    const end = this.#rest.indexOf('\r\n')
    const line = this.#rest.slice(0, end)
    this.#rest = this.#rest.slice(end + 2)
    this.commands.push(line)
    await this.#command(line)
  }

  async #readContent(): Promise<void> {
    const mail = this.mails.at(-1)
    if (!mail) throw new Error('content came without MAIL')
    const came = this.#rest
    this.#rest = ''
    const isFirst = !mail.hasBegun
    const following = mail.take(came)
    if (isFirst) await this.#stage('body', '')
    if (following === null) return
    this.#rest = following + this.#rest
    if (this.#mode === 'content') this.#mode = 'command'
    if (!this.#plan().dot) this.accept()
    await this.#stage('dot', '250 2.0.0 Ok: queued as FAULT1')
  }

  async #command(line: string): Promise<void> {
    const verb = line.toUpperCase()
    if (this.#mode === 'user' || this.#mode === 'password') return this.#login()
    if (/^(EHLO|HELO) /.test(verb)) return this.#stage('ehlo', this.#ehlo())
    if (verb === 'STARTTLS') return this.#startTls()
    if (verb.startsWith('AUTH ')) return this.#beginLogin(line)
    if (verb.startsWith('MAIL FROM:')) return this.#mail(line)
    if (verb.startsWith('RCPT TO:')) return this.#recipient(line)
    if (verb === 'DATA') return this.#data()
    if (verb === 'RSET') return this.#stage('rset', '250 2.0.0 Ok')
    if (verb === 'QUIT') return this.#quit()
    this.write('500 5.5.2 Error: command not recognized\r\n')
  }

  #ehlo(): string {
    const { pipelining, certificate, stripStartTls, auth, extensions } = this.#options
    const lines = ['fault.example', ...(extensions ?? [])]
    if (pipelining) lines.push('PIPELINING')
    if (certificate && !stripStartTls && !(this.socket instanceof tls.TLSSocket)) lines.push('STARTTLS')
    if (auth) lines.push('AUTH PLAIN LOGIN XOAUTH2')
    return lines.map((line, i) => `250${i === lines.length - 1 ? ' ' : '-'}${line}`).join('\r\n')
  }

  async #startTls(): Promise<void> {
    const { certificate } = this.#options
    if (!certificate) return this.#stage('starttls', '502 5.5.1 Error: command not implemented')
    const { starttls: instead, tls: broken } = this.#plan()
    if (broken) this.#mode = 'handshake'
    await this.#stage('starttls', '220 2.0.0 Ready to start TLS')
    if (instead || broken) return
    this.socket.removeAllListeners('data')
    this.socket.removeAllListeners('end')
    const secure = new tls.TLSSocket(this.socket, { isServer: true, ...certificate })
    this.#rest = ''
    this.socket = secure
    this.#listen(secure)
  }

  /** The client's side of a handshake that will not be: nobody reads it. */
  async #takeHandshake(): Promise<void> {
    this.#mode = 'ignoring'
    await this.#stage('tls', '')
  }

  async #beginLogin(line: string): Promise<void> {
    if (/^AUTH (PLAIN|XOAUTH2) \S/i.test(line)) return this.#stage('auth', LOGGED_IN)
    this.#mode = 'user'
    this.write('334 VXNlcm5hbWU6\r\n')
  }

  async #login(): Promise<void> {
    if (this.#mode === 'password') {
      this.#mode = 'command'
      return this.#stage('auth', LOGGED_IN)
    }
    this.#mode = 'password'
    this.write('334 UGFzc3dvcmQ6\r\n')
  }

  async #mail(line: string): Promise<void> {
    const mail = new RecordedMail()
    mail.from = /<([^>]*)>/.exec(line)?.[1] ?? ''
    this.mails.push(mail)
    return this.#stage('mail', '250 2.1.0 Ok')
  }

  async #recipient(line: string): Promise<void> {
    this.#asked = /<([^>]*)>/.exec(line)?.[1] ?? ''
    if (!this.#plan().rcpt) this.takeRecipient()
    return this.#stage('rcpt', '250 2.1.5 Ok')
  }

  async #data(): Promise<void> {
    const plan = this.#plan()
    const isRefused = plan.data === undefined && (this.mails.at(-1)?.recipients.length ?? 0) === 0
    if (isRefused) return this.#stage('data', '554 5.5.1 Error: no valid recipients')
    if (!plan.data) this.#mode = 'content'
    return this.#stage('data', '354 End data with <CR><LF>.<CR><LF>')
  }

  async #quit(): Promise<void> {
    await this.#stage('quit', '221 2.0.0 Bye')
    if (!this.#plan().quit) this.socket.end()
  }

  /** Takes the mail whose dot has come; the answer is another matter. */
  accept(): void {
    const mail = this.mails.at(-1)
    if (!mail?.complete) throw new Error('only a complete mail can be accepted')
    mail.accepted = true
    this.#options.onAccept?.({ from: mail.from, to: mail.recipients, raw: mail.content() })
  }

  /** Takes the recipient that was asked about; for a fault at RCPT that comes to the usual end after all, by itself. */
  takeRecipient(): void {
    this.mails.at(-1)?.recipients.push(this.#asked)
  }

  /** For a fault at DATA that comes to the usual end after all: 354, and what follows is content. */
  takeContent(): void {
    this.#mode = 'content'
    this.write('354 End data with <CR><LF>.<CR><LF>\r\n')
  }

  /** Records what comes, and answers nothing of it. */
  ignoreTheRest(): void {
    this.#mode = 'ignoring'
  }

  async #stage(stage: FaultStage, usual: string): Promise<void> {
    const fault: Fault | undefined = this.#plan()[stage]
    this.#signal(stage).resolve()
    if (fault) await fault(this)
    else if (usual !== '') await this.#say(`${usual}\r\n`)
  }

  async #say(usual: string): Promise<void> {
    for (const { bytes, afterMs } of this.#options.pieces?.(usual) ?? [{ bytes: usual, afterMs: 0 }]) {
      if (afterMs > 0) await delay(afterMs)
      this.write(bytes)
    }
  }

  #plan(): Plan {
    const { plan } = this.#options
    return typeof plan === 'function' ? plan(this.index, Math.max(0, this.mails.length - 1)) : (plan ?? {})
  }

  #signal(stage: FaultStage): { promise: Promise<void>; resolve: () => void } {
    let signal = this.#reached.get(stage)
    if (!signal) {
      const { promise, resolve } = Promise.withResolvers<void>()
      signal = { promise, resolve }
      this.#reached.set(stage, signal)
    }
    return signal
  }
}

const LOGGED_IN = '235 2.7.0 Authentication successful'
