/** `security` other than what the server's port speaks: a usual mistake, told in words that lead out of it. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { openSocket, type Failure, type SmtpAccount } from '../../src/delivery/connection.ts'
import { MailboxConnection } from '../../src/delivery/dialogue.ts'
import { selfSignedCertificate, type Certificate } from '../smtp/certificate.ts'
import { both, raw, silence, startFaultServer } from '../smtp/fault-server.ts'
import { amplyLong } from './dialogue-mails.ts'

/** Servers that are waited for in vain. */
const SHORT_MS = 1500

test('a server that begins without TLS is told so, with the setting that fits, and not in the words of a library', async () => {
  const server = await startFaultServer()
  const failed = Promise.withResolvers<Failure>()
  openSocket(
    { host: '127.0.0.1', port: server.port, security: 'tls', auth: null },
    { onHandshake: () => undefined, onReady: () => undefined, onFailure: failed.resolve },
  )
  expect(await failed.promise).toEqual({
    kind: 'tls',
    text: 'the server begins without TLS: security is "starttls" there (port 587, as a rule; 465 is for "tls")',
  })
  await server.close()
})

const SILENT =
  'not a word within 1500 ms; the server may be waiting for TLS: security is "tls" then (port 465, as a rule; 587 is for "starttls")'

test.each(['starttls', 'none'] as const)(
  'a server that begins with TLS says nothing without it: with "%s" people are told of the setting that fits',
  async (security) => {
    const certificate = selfSignedCertificate()
    const port = await startTlsServer(certificate)
    expect(await tryLogin({ port, security })).toMatchObject({
      stage: 'greeting',
      failure: 'timeout',
      error: SILENT,
    })
    expect(await tryLogin({ port, security: 'tls', tls: { ca: certificate.cert } }, amplyLong.phaseMs)).toMatchObject({
      failure: null,
    })
  },
)

test('a server that has begun to greet does not wait for TLS', async () => {
  const server = await startFaultServer({ plan: { greeting: both(raw('220-slow'), silence) } })
  onTestFinished(() => server.close())
  const { error } = await tryLogin({ port: server.port, security: 'starttls' })
  expect(error).toBe('no end of greeting within 1500 ms')
})

test('a certificate of an authority that Node does not know is told with what lets the worker know it', async () => {
  const port = await startTlsServer(selfSignedCertificate())
  expect(await tryLogin({ port, security: 'tls' }, amplyLong.phaseMs)).toMatchObject({
    failure: 'certificate',
    error:
      'self-signed certificate; if an authority of your company’s own has signed it: start the worker with NODE_EXTRA_CA_CERTS=/path/to/ca.pem',
  })
})

test('a server whose TLS is too old is told so behind STARTTLS as well, without the numbers of a library', async () => {
  const old = { ...selfSignedCertificate(), minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' }
  const port = await startServer({ ...old, authOptional: true } as SMTPServerOptions)
  expect(await tryLogin({ port, security: 'starttls' }, amplyLong.phaseMs)).toMatchObject({
    failure: 'tls',
    error: 'tlsv1 alert protocol version',
  })
})

/** One that speaks TLS from the first byte, and nothing else. */
async function startTlsServer(certificate: Certificate): Promise<number> {
  return startServer({ secure: true, authOptional: true, ...certificate })
}

async function startServer(options: SMTPServerOptions): Promise<number> {
  const server = new SMTPServer(options)
  // A handshake that the client ends is an error to the server.
  server.on('error', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())))
  return (server.server.address() as AddressInfo).port
}

async function tryLogin(account: Pick<SmtpAccount, 'port' | 'security' | 'tls'>, phaseMs = SHORT_MS) {
  const connection = new MailboxConnection({ host: '127.0.0.1', auth: null, ...account }, { ...amplyLong, phaseMs })
  onTestFinished(() => connection.close())
  return connection.tryLogin()
}
