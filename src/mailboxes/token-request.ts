/** One question to a token server, and what its answer means. No secret that was sent stands in an error. */
import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import { addAbortSignal } from 'node:stream'
import { z } from 'zod'
import { sharedLookup } from '../delivery/shared-lookup.ts'
import { GoniecError, messageOf } from '../errors.ts'
import { formatDuration } from '../time.ts'

const ANSWER_MS = 15_000

/**
 * The longest rest that is granted to a server: a mailbox's mail is not held for a day by one number in a header, and a request each quarter of an
 * hour is a burden to nobody.
 */
const LONGEST_REST_MS = 15 * 60_000

/** A token is a few kilobytes; a page of a proxy is not. */
const MOST_CHARACTERS = 65_536

const ANSWER = z.object({
  access_token: z.string().min(1),
  // Recommended, not required; an hour is what all of them give. A token is not thrown away for what stands beside it.
  expires_in: z.coerce.number().positive().catch(3600),
  refresh_token: z.string().min(1).optional().catch(undefined),
})

/** What a server gives, as far as it is used. */
export type TokenAnswer = z.output<typeof ANSWER>

const REFUSAL = z.object({ error: z.string(), error_description: z.string().catch('') })

/** A failure that time may mend. */
export class TokenUnavailable extends GoniecError {
  /** How long the server wants to be left alone; 0: it did not say so. */
  readonly restMs: number
  /** What it answered, or why it did not. */
  readonly words: string

  constructor(url: string, words: string, { cause, restMs = 0 }: { cause?: unknown; restMs?: number } = {}) {
    const rest = restMs > 0 ? `; it wants to be left alone for another ${formatDuration(restMs)}` : ''
    super('token_unavailable', `${new URL(url).host} could not be asked for an access token: ${words}${rest}`, {
      hint: restMs > 0 ? 'it is tried again after that' : 'it is tried again; see that the worker’s machine reaches it',
      cause,
    })
    this.restMs = restMs
    this.words = words
  }
}

/** Asks once; `form` holds secrets. Throws `token_refused` where asking again would not help, else `TokenUnavailable`. */
export async function requestToken(tokenUrl: string, form: Record<string, string>): Promise<TokenAnswer> {
  const { status, text, restMs } = await post(tokenUrl, form)
  const data = parseJson(text)
  const answer = ANSWER.safeParse(data)
  if (status === 200 && answer.success) return answer.data
  const refusal = REFUSAL.safeParse(data)
  const words = refusal.success ? describeRefusal(refusal.data, form) : `it answered ${status}, and no token`
  const isFinal = refusal.success && status >= 400 && status < 500 && status !== 429 && !isPassing(refusal.data.error)
  throw isFinal ? refused(tokenUrl, words) : new TokenUnavailable(tokenUrl, words, { restMs })
}

async function post(
  url: string,
  form: Record<string, string>,
): Promise<{ status: number; text: string; restMs: number }> {
  const signal = AbortSignal.timeout(ANSWER_MS)
  try {
    const response = await ask(url, new URLSearchParams(form).toString(), signal)
    return { status: response.statusCode ?? 0, text: await readText(response), restMs: restMsOf(response) }
  } catch (error) {
    if (error instanceof TokenUnavailable) throw error
    const words = signal.aborted ? `no answer within ${formatDuration(ANSWER_MS)}` : messageOf(error)
    throw new TokenUnavailable(url, words, { cause: error })
  }
}

/**
 * Not by `fetch`, which asks for the server's addresses anew for each mailbox: where its name servers are silent, the mail servers of others could
 * not be found meanwhile. A redirect is not followed either: it would be sent the secrets.
 */
async function ask(url: string, body: string, signal: AbortSignal): Promise<IncomingMessage> {
  const { request } = new URL(url).protocol === 'https:' ? https : http
  const headers = {
    accept: 'application/json',
    'content-type': 'application/x-www-form-urlencoded;charset=UTF-8',
    'content-length': Buffer.byteLength(body),
    'user-agent': 'goniec',
    // The next question comes in an hour.
    connection: 'close',
  }
  const asked = request(url, { method: 'POST', headers, lookup: sharedLookup, signal })
  const answered = Promise.withResolvers<IncomingMessage>()
  asked.on('response', answered.resolve)
  asked.on('error', answered.reject)
  // Of an answer that is none of HTTP's usual ones (101) nothing else is told.
  asked.on('close', () => answered.reject(new TokenUnavailable(url, 'it answered nothing that could be read')))
  asked.end(body)
  return addAbortSignal(signal, await answered.promise)
}

/** Retry-After (RFC 9110 § 10.2.3) in seconds, as token servers give it; a date would be by a clock that nobody knows. */
function restMsOf({ statusCode, headers }: IncomingMessage): number {
  const wanted = statusCode === 429 || statusCode === 503 ? headers['retry-after'] : undefined
  const seconds = /^\d{1,9}$/.exec(wanted ?? '')?.[0]
  return Math.min(Number(seconds ?? 0) * 1000, LONGEST_REST_MS)
}

async function readText(response: IncomingMessage): Promise<string> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of response) {
    text += decoder.decode(chunk as Uint8Array, { stream: true })
    if (text.length > MOST_CHARACTERS) return ''
  }
  return text
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** RFC 6749 § 4.1.2.1 has these for times when the server cannot answer. */
function isPassing(error: string): boolean {
  return error === 'temporarily_unavailable' || error === 'server_error' || error === 'slow_down'
}

/** The server's words, without anything that was sent to it. */
function describeRefusal(
  { error, error_description: words }: z.output<typeof REFUSAL>,
  form: Record<string, string>,
): string {
  let text = `${error} ${words}`
  // Before anything is cut or joined: a piece of a secret would not be found.
  for (const secret of [form['client_secret'], form['refresh_token']]) {
    if (!secret) continue
    for (const sent of [secret, encodeURIComponent(secret), new URLSearchParams({ '': secret }).toString().slice(1)])
      text = text.replaceAll(sent, '***')
  }
  return text
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(0, 500)
}

function refused(url: string, words: string): GoniecError {
  return new GoniecError('token_refused', `${new URL(url).host} gives no access token: ${words}`, {
    hint: 'give consent anew and replace the refresh token, or correct client_id and client_secret; then: goniec mailbox test ADDRESS',
  })
}
