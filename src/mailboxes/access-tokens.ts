/**
 * Access tokens for mailboxes that log in with XOAUTH2: asked for before a dialogue, never within one, and kept until shortly before they
 * expire.
 *
 * Owns       the tokens in memory. Promises that an error names the mailbox's way out and never a secret; that a token is asked for once,
 *            however many want it; and that asking ends within a bound.
 * Leaves     reading the secrets to `credentials.ts`, and what a refusal means for the mailbox to whoever asked.
 *
 * A server may answer with a new refresh token (Microsoft does each time; the old one ends after ninety days). The new one is used from then
 * on and, where the reference is a file, written into it. RFC 6749 §§ 4.4, 5, 6.
 */
import { z } from 'zod'
import type { Environment } from '../config.ts'
import { GoniecError, messageOf } from '../errors.ts'
import { replaceCredentialFile, resolveCredential } from './credentials.ts'

/** How tokens are had, as `mailbox.smtp_oauth2` holds it. */
export interface TokenSource {
  tokenUrl: string
  clientId: string
  clientSecret: string | null
  refreshToken: string | null
  scope: string | null
}

export interface AccessToken {
  token: string
  /** By the monotonic clock. */
  expiresAtMs: number
}

/** A token that expires sooner is not used for a new connection: a dialogue before its login may take so long. */
const MARGIN_MS = 5 * 60_000

const ANSWER_MS = 15_000

/** A token is a few kilobytes; a page of a proxy is not. */
const MOST_CHARACTERS = 65_536

export interface AccessTokensOptions {
  environment: Environment
  onWarning: (text: string) => void
}

export class AccessTokens {
  readonly #options: AccessTokensOptions
  readonly #asked = new Map<string, Promise<AccessToken>>()
  readonly #renewed = new Map<string, { insteadOf: string; token: string }>()

  constructor(options: AccessTokensOptions) {
    this.#options = options
  }

  /** A token that is good for a while. Rejects with `token_refused` where a person has to act, with `token_unavailable` where time may help. */
  async of(source: TokenSource): Promise<AccessToken> {
    const key = JSON.stringify(source)
    const known = this.#asked.get(key)
    if (known && (await known.then(isGood, () => false))) return known
    // Whoever waited for the same one may have begun to ask meanwhile.
    const begun = this.#asked.get(key)
    if (begun && begun !== known) return begun
    const asked = this.#ask(source)
    this.#asked.set(key, asked)
    return asked
  }

  /** The server did not take it: the next one is asked for anew. */
  forget(source: TokenSource): void {
    this.#asked.delete(JSON.stringify(source))
  }

  async #ask(source: TokenSource): Promise<AccessToken> {
    const stored = source.refreshToken === null ? null : await this.#read(source.refreshToken)
    const refreshToken = stored === null ? null : this.#newest(source.refreshToken ?? '', stored)
    const askedAtMs = performance.now()
    const answer = await requestToken(source, {
      grant_type: refreshToken === null ? 'client_credentials' : 'refresh_token',
      client_id: source.clientId,
      ...(source.clientSecret === null ? {} : { client_secret: await this.#read(source.clientSecret) }),
      ...(refreshToken === null ? {} : { refresh_token: refreshToken }),
      ...(source.scope === null ? {} : { scope: source.scope }),
    })
    if (stored !== null && answer.refresh_token !== undefined && answer.refresh_token !== refreshToken)
      await this.#keep(source.refreshToken ?? '', stored, answer.refresh_token)
    return { token: answer.access_token, expiresAtMs: askedAtMs + answer.expires_in * 1000 }
  }

  async #read(reference: string): Promise<string> {
    const { environment, onWarning } = this.#options
    return resolveCredential(reference, environment, { onWarning })
  }

  /** The one that came instead of what stands there; what a person has put there since goes before it. */
  #newest(reference: string, stored: string): string {
    const renewed = this.#renewed.get(reference)
    return renewed?.insteadOf === stored ? renewed.token : stored
  }

  async #keep(reference: string, insteadOf: string, token: string): Promise<void> {
    this.#renewed.set(reference, { insteadOf, token })
    try {
      await replaceCredentialFile(reference, token)
    } catch (error) {
      this.#options.onWarning(
        `the token server has renewed ${reference}, and it could not be stored (${messageOf(error)}); the old one may end after some months`,
      )
    }
  }
}

function isGood({ expiresAtMs }: AccessToken): boolean {
  return expiresAtMs - performance.now() > MARGIN_MS
}

const ANSWER = z.object({
  access_token: z.string().min(1),
  // Recommended, not required; an hour is what all of them give.
  expires_in: z.coerce.number().positive().default(3600),
  refresh_token: z.string().min(1).optional(),
})

const REFUSAL = z.object({ error: z.string(), error_description: z.string().optional() })

async function requestToken({ tokenUrl }: TokenSource, form: Record<string, string>): Promise<z.output<typeof ANSWER>> {
  const { status, text } = await post(tokenUrl, form)
  const data = parseJson(text)
  const answer = ANSWER.safeParse(data)
  if (status === 200 && answer.success) return answer.data
  const refusal = REFUSAL.safeParse(data)
  const words = refusal.success ? describeRefusal(refusal.data, form) : `it answered ${status}, and no token`
  const isFinal = refusal.success && status >= 400 && status < 500 && status !== 429 && !isPassing(refusal.data.error)
  throw isFinal ? refused(tokenUrl, words) : unavailable(tokenUrl, words)
}

async function post(url: string, form: Record<string, string>): Promise<{ status: number; text: string }> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      body: new URLSearchParams(form),
      headers: { accept: 'application/json' },
      // It would be sent the secrets.
      redirect: 'error',
      signal: AbortSignal.timeout(ANSWER_MS),
    })
    return { status: response.status, text: await readText(response) }
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    throw unavailable(url, messageOf(cause) || 'no answer', error)
  }
}

async function readText({ body }: Response): Promise<string> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of body ?? []) {
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
  { error, error_description: words = '' }: z.output<typeof REFUSAL>,
  form: Record<string, string>,
): string {
  let text = `${error} ${words}`.replaceAll(/\s+/g, ' ').trim().slice(0, 500)
  for (const secret of [form['client_secret'], form['refresh_token']]) if (secret) text = text.replaceAll(secret, '***')
  return text
}

function refused(url: string, words: string): GoniecError {
  return new GoniecError('token_refused', `${new URL(url).host} gives no access token: ${words}`, {
    hint: 'give consent anew and replace the refresh token, or correct client_id and client_secret; then: goniec mailbox test ADDRESS',
  })
}

function unavailable(url: string, words: string, cause?: unknown): GoniecError {
  return new GoniecError('token_unavailable', `${new URL(url).host} could not be asked for an access token: ${words}`, {
    hint: 'it is tried again; see that the worker’s machine reaches it',
    cause,
  })
}
