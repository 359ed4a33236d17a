/** A token server on loopback that records what it is asked, and answers as a test says; what it gives is what a mail server may demand. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export interface TokenAnswer {
  status?: number
  headers?: Record<string, string>
  body: unknown
}

export interface TokenServer {
  readonly url: string
  /** What came in each request's form. */
  readonly asked: Record<string, string>[]
  /** The access tokens given, oldest first. */
  readonly given: string[]
  /** What it answers from now on; without it, or where it gives nothing, a new token each time. */
  answer: ((asked: Record<string, string>) => TokenAnswer | Promise<TokenAnswer | undefined> | undefined) | undefined
  close(): Promise<void>
}

/** Starts one; it is closed with the test. */
export async function startTokenServer(): Promise<TokenServer> {
  const asked: Record<string, string>[] = []
  const given: string[] = []
  const server = createServer((request, response) => {
    void (async () => {
      let text = ''
      for await (const chunk of request) text += String(chunk)
      const form = Object.fromEntries(new URLSearchParams(text))
      asked.push(form)
      const { status = 200, headers = {}, body } = (await self.answer?.(form)) ?? { body: give() }
      response.writeHead(status, { 'content-type': 'application/json', ...headers })
      response.end(typeof body === 'string' ? body : JSON.stringify(body))
    })()
  })
  const give = (): object => {
    given.push(`access-${given.length + 1}`)
    return { access_token: given.at(-1), token_type: 'Bearer', expires_in: 3600 }
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const self: TokenServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    asked,
    given,
    answer: undefined,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  onTestFinished(async () => {
    if (server.listening) await self.close()
  })
  return self
}
