/**
 * Access tokens for mailboxes that log in with XOAUTH2: asked for before a dialogue, never within one, and kept until shortly before they
 * expire.
 *
 * Owns       the tokens in memory. Promises that an error names the mailbox's way out and never a secret; that a token is asked for once,
 *            however many want it; that asking ends within a bound; and that a server which wants to be left alone for a while is.
 * Leaves     reading the secrets to `credentials.ts`, and what a refusal means for the mailbox to whoever asked.
 *
 * A server may answer with a new refresh token (Microsoft does each time; the old one ends after ninety days). The new one is used from then
 * on and, where the reference is a file, written into it. RFC 6749 §§ 4.4, 5, 6.
 */
import type { Environment } from '../config.ts'
import { messageOf } from '../errors.ts'
import { replaceCredentialFile, resolveCredential } from './credentials.ts'
import type { TokenAnswer } from './token-request.ts'

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
  /** By the monotonic clock: no new connection uses it from then on. */
  usedUntilMs: number
}

/** A token that expires sooner is not used for a new connection: a dialogue before its login may take so long. */
const LEAST_MARGIN_MS = 2 * 60_000

/** Of one that is good for an hour. Of one that lives for minutes (Keycloak's, for five) half its life, or it could be used for one mail only. */
const MARGIN_MS = 5 * 60_000

export interface AccessTokensOptions {
  environment: Environment
  onWarning: (text: string) => void
}

export class AccessTokens {
  readonly #options: AccessTokensOptions
  readonly #asked = new Map<string, Promise<AccessToken>>()
  readonly #renewed = new Map<string, { insteadOf: string; token: string }>()
  /** By server and client: until when, by the monotonic clock, it is not asked, and what it answered. */
  readonly #rests = new Map<string, { untilMs: number; words: string }>()
  /** References that were told to be open to all: each once, however often it is read. */
  readonly #told = new Set<string>()

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

  /** The secret behind a reference, a password's as well; of a file that everybody may read a warning is given, once. */
  async read(reference: string): Promise<string> {
    const { environment, onWarning } = this.#options
    return resolveCredential(reference, environment, {
      onWarning: (text) => {
        if (!this.#told.has(reference)) onWarning(text)
        this.#told.add(reference)
      },
    })
  }

  async #ask(source: TokenSource): Promise<AccessToken> {
    const stored = source.refreshToken === null ? null : await this.read(source.refreshToken)
    const refreshToken = stored === null ? null : this.#newest(source.refreshToken ?? '', stored)
    const askedAtMs = performance.now()
    const answer = await this.#request(source, {
      grant_type: refreshToken === null ? 'client_credentials' : 'refresh_token',
      client_id: source.clientId,
      ...(source.clientSecret === null ? {} : { client_secret: await this.read(source.clientSecret) }),
      ...(refreshToken === null ? {} : { refresh_token: refreshToken }),
      ...(source.scope === null ? {} : { scope: source.scope }),
    })
    if (stored !== null && answer.refresh_token !== undefined && answer.refresh_token !== refreshToken)
      await this.#keep(source.refreshToken ?? '', stored, answer.refresh_token)
    return { token: answer.access_token, usedUntilMs: askedAtMs + usedMs(answer.expires_in * 1000) }
  }

  /** Asks the server, unless it wants to be left alone: by any of the mailboxes whose client it counts the requests of. */
  async #request({ tokenUrl, clientId }: TokenSource, form: Record<string, string>): Promise<TokenAnswer> {
    // Loaded when a mailbox needs it: most workers have none that does.
    const { requestToken, TokenUnavailable } = await import('./token-request.ts')
    const client = `${tokenUrl} ${clientId}`
    const { untilMs = 0, words = '' } = this.#rests.get(client) ?? {}
    const restMs = untilMs - performance.now()
    if (restMs > 0) throw new TokenUnavailable(tokenUrl, words, { restMs })
    try {
      return await requestToken(tokenUrl, form)
    } catch (error) {
      if (error instanceof TokenUnavailable)
        this.#rests.set(client, { untilMs: performance.now() + error.restMs, words: error.words })
      throw error
    }
  }

  /** The one that came instead of what stands there; what a person has put there since goes before it. */
  #newest(reference: string, stored: string): string {
    const renewed = this.#renewed.get(reference)
    return renewed?.insteadOf === stored ? renewed.token : stored
  }

  async #keep(reference: string, insteadOf: string, token: string): Promise<void> {
    this.#renewed.set(reference, { insteadOf, token })
    try {
      // A person may have put another one there while the server was asked.
      if ((await this.read(reference)) === insteadOf) await replaceCredentialFile(reference, token)
    } catch (error) {
      this.#options.onWarning(
        `the token server has renewed ${reference}, and it could not be stored (${messageOf(error)}); the old one may end after some months`,
      )
    }
  }
}

function isGood({ usedUntilMs }: AccessToken): boolean {
  return performance.now() < usedUntilMs
}

function usedMs(lifeMs: number): number {
  return lifeMs - Math.max(LEAST_MARGIN_MS, Math.min(MARGIN_MS, lifeMs / 2))
}
