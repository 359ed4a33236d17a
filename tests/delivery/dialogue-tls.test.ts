import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import { describe, expect, it, onTestFinished } from 'vitest'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { MailboxConnection } from '../../src/delivery/dialogue.ts'
import type { SmtpAccount } from '../../src/delivery/connection.ts'
import { outcomeOf } from '../../src/delivery/outcomes.ts'
import { selfSignedCertificate } from '../smtp/certificate.ts'
import { both, fin, raw, reply, rst, silence } from '../smtp/fault-server.ts'
import { amplyLong, shortDeadlines, smallMail } from './dialogue-mails.ts'
import { against, type AgainstOptions } from './dialogue-with.ts'

const certificate = selfSignedCertificate()
const elsewhere = selfSignedCertificate(['other.example'])
const GRANTED = '220 2.0.0 Ready to start TLS'
const trusted = { ca: certificate.cert }
const envelope = { from: 'anna@firma.example', to: 'jan@klient.example', mail: smallMail }
const fence = (): Promise<{ passed: true }> => Promise.resolve({ passed: true })

describe('starttls', () => {
  it('encrypts before it logs in, and what was said before that counts no more', async () => {
    const { send, server } = await against({ certificate, auth: true, account: { security: 'starttls', tls: trusted } })
    expect(await send()).toMatchObject({ failure: null })
    const { commands } = await server.connection(0)
    expect(commands.map((line) => line.split(' ')[0])).toEqual([
      'EHLO',
      'STARTTLS',
      'EHLO',
      'AUTH',
      'MAIL',
      'RCPT',
      'DATA',
    ])
    expect(server.accepted()[0]?.equals(smallMail)).toBe(true)
  })

  it('works with PIPELINING, and on a connection that is kept', async () => {
    const { send, server } = await against({
      certificate,
      pipelining: true,
      account: { security: 'starttls', tls: trusted },
    })
    for (let i = 0; i < 3; i++) expect(await send()).toMatchObject({ failure: null })
    expect(server.connections).toHaveLength(1)
    expect(server.accepted()).toHaveLength(3)
  })

  it('is asked for although a man in the middle took it out of EHLO', async () => {
    const { send, server } = await against({
      certificate,
      stripStartTls: true,
      account: { security: 'starttls', tls: trusted },
    })
    expect(await send()).toMatchObject({ failure: null })
    expect((await server.connection(0)).commands).toContain('STARTTLS')
  })

  const refusals: [string, AgainstOptions][] = [
    ['does not know it', {}],
    ['refuses it', { plan: { starttls: reply('454 4.7.0 TLS not available') }, certificate }],
    ['grants it and goes on in plain text', { plan: { starttls: reply(GRANTED, '250 fault.example') }, certificate }],
    ['grants it and slips in a reply', { plan: { starttls: reply(GRANTED, '250-x', '250 AUTH PLAIN') }, certificate }],
    ['grants it and ends the connection', { plan: { starttls: both(reply(GRANTED), fin) }, certificate }],
    ['grants it and resets the connection', { plan: { starttls: both(reply(GRANTED), rst) }, certificate }],
    ['grants it and says nothing more', { plan: { starttls: both(reply(GRANTED), silence) }, certificate }],
    ['grants it and speaks no TLS', { plan: { starttls: reply(GRANTED) }, certificate }],
    ['knows only HELO', { plan: { ehlo: reply('502 5.5.1 No EHLO here') }, certificate }],
  ]

  it.each(refusals)('is never done without: a server that %s gets neither login nor mail', async (_, options) => {
    const { send, server } = await against({
      ...options,
      auth: true,
      deadlines: shortDeadlines,
      account: { security: 'starttls', tls: trusted },
    })
    const result = await send()
    await (
      await server.connection(0)
    ).closed
    expect(result).toMatchObject({ offered: false, fence: 'not_reached' })
    expect(['ehlo', 'starttls', 'tls']).toContain(result.stage)
    expect(outcomeOf(result)).toMatchObject({ kind: 'mailbox_fault', giveBack: true })
    expect((await server.connection(0)).bytes).not.toMatch(/AUTH|MAIL/)
  })

  it('that is refused for good is a permanent fault, and for now none', async () => {
    const without = await against({ account: { security: 'starttls' } })
    expect(outcomeOf(await without.send())).toMatchObject({ permanentFault: true })
    const busy = await against({
      plan: { starttls: reply('454 4.7.0 TLS not available') },
      certificate,
      account: { security: 'starttls' },
    })
    expect(outcomeOf(await busy.send())).toMatchObject({ permanentFault: false })
  })

  it.each([
    ['of an unknown authority', { certificate }, {}],
    ['of another name', { certificate: elsewhere }, { host: 'localhost', tls: { ca: elsewhere.cert } }],
  ])('with a certificate %s sends nothing, and a person has to look', async (_, options, account) => {
    const { send, server } = await against({ ...options, auth: true, account: { security: 'starttls', ...account } })
    const result = await send()
    expect(result).toMatchObject({ stage: 'tls', failure: 'certificate', offered: false })
    expect(outcomeOf(result)).toMatchObject({ kind: 'mailbox_fault', permanentFault: true, giveBack: true })
    expect(server.connections[0]?.bytes).not.toMatch(/AUTH|MAIL/)
  })
})

describe('none', () => {
  it('never upgrades, though the server offers it', async () => {
    const { send, server } = await against({ certificate, account: { security: 'none' } })
    expect(await send()).toMatchObject({ failure: null })
    expect((await server.connection(0)).commands).not.toContain('STARTTLS')
  })
})

describe('tls', () => {
  it('encrypts from the first byte', async () => {
    const server = await startSmtpServer({ secure: true, ...certificate })
    expect(await sendTo({ port: server.port, security: 'tls', tls: trusted })).toMatchObject({ failure: null })
    expect(server.mails.map((mail) => mail.equals(smallMail))).toEqual([true])
  })

  it('to a server that speaks plain text fails in the handshake', async () => {
    const { send } = await against({ account: { security: 'tls' } })
    expect(await send()).toMatchObject({ stage: 'tls', failure: 'tls', offered: false })
  })

  it('to a server that says nothing ends in time', async () => {
    const { send } = await against({
      plan: { greeting: silence },
      deadlines: shortDeadlines,
      account: { security: 'tls' },
    })
    expect(await send()).toMatchObject({ stage: 'tls', failure: 'timeout' })
  })

  it('to a server that ends the handshake is lost', async () => {
    const { send } = await against({ plan: { greeting: both(raw(''), fin) }, account: { security: 'tls' } })
    expect(await send()).toMatchObject({ stage: 'tls', failure: 'lost' })
  })

  it('below 1.2 is not spoken', async () => {
    const old = tls.createServer({
      ...certificate,
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    })
    old.on('tlsClientError', () => undefined)
    old.listen(0, '127.0.0.1')
    await once(old, 'listening')
    onTestFinished(() => void old.close())
    const { port } = old.address() as net.AddressInfo
    expect(await sendTo({ port, security: 'tls', tls: trusted })).toMatchObject({ stage: 'tls', failure: 'tls' })
  })

  it('of an unknown authority sends nothing', async () => {
    const server = await startSmtpServer({ secure: true, ...certificate })
    expect(await sendTo({ port: server.port, security: 'tls' })).toMatchObject({ stage: 'tls', failure: 'certificate' })
    expect(server.mails).toEqual([])
  })
})

describe('against smtp-server, with STARTTLS and login', () => {
  it('the mail arrives as it was', async () => {
    const server = await startSmtpServer({ ...certificate, onAuth: passwordIs('secret') })
    const auth = { user: 'anna', pass: 'secret' }
    expect(await sendTo({ port: server.port, security: 'starttls', auth, tls: trusted })).toMatchObject({
      failure: null,
    })
    expect(server.mails.map((mail) => mail.equals(smallMail))).toEqual([true])
  })

  it('a wrong password is a permanent fault of the mailbox', async () => {
    const server = await startSmtpServer({ ...certificate, onAuth: passwordIs('secret') })
    const auth = { user: 'anna', pass: 'wrong' }
    const result = await sendTo({ port: server.port, security: 'starttls', auth, tls: trusted })
    expect(result).toMatchObject({ stage: 'auth', failure: 'refused', reply: { code: 535 } })
    expect(outcomeOf(result)).toMatchObject({ kind: 'mailbox_fault', permanentFault: true })
  })
})

function passwordIs(password: string): NonNullable<SMTPServerOptions['onAuth']> {
  return (auth, _session, callback) => {
    if (auth.password === password) callback(null, { user: auth.username })
    else callback(Object.assign(new Error('5.7.8 Authentication credentials invalid'), { responseCode: 535 }))
  }
}

async function startSmtpServer(options: SMTPServerOptions): Promise<{ port: number; mails: Buffer[] }> {
  const mails: Buffer[] = []
  const server = new SMTPServer({
    authOptional: options.onAuth === undefined,
    ...options,
    onData: (stream, _session, callback) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        mails.push(Buffer.concat(chunks))
        callback()
      })
    },
  })
  // A handshake that the client ends is an error to the server.
  server.on('error', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())))
  return { port: (server.server.address() as net.AddressInfo).port, mails }
}

async function sendTo(account: Pick<SmtpAccount, 'port' | 'security'> & Partial<SmtpAccount>) {
  const connection = new MailboxConnection({ host: '127.0.0.1', auth: null, ...account }, amplyLong)
  onTestFinished(() => connection.close())
  return await connection.send({ ...envelope, fence })
}
