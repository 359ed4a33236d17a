/** `security: tls` where the server begins without it: a usual mistake, told in words that lead out of it. */
import { expect, test } from 'vitest'
import { openSocket, type Failure } from '../../src/delivery/connection.ts'
import { startFaultServer } from '../smtp/fault-server.ts'

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
