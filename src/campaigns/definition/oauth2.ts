/**
 * `smtp.oauth2`: how a mailbox's access tokens are had (RFC 6749). For Google and Microsoft the provider's name is enough, for others the
 * address of the token server is given.
 *
 * With a `refresh_token` a person has consented once, and it is exchanged for access tokens (§ 6). Without one the client asks in its own
 * right (§ 4.4), which Microsoft grants to an application that was given `SMTP.SendAsApp`.
 *
 * Sources: learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth,
 * developers.google.com/identity/protocols/oauth2.
 */
import type { OAuth2 } from './definition.ts'
import { expected, keyed, leaf, Mistake, rule } from './keyed.ts'
import { line, oneOf, passwordReference } from './values.ts'

/** The keys of `oauth2`. */
export function oauth2() {
  return keyed({
    provider: oneOf(['google', 'microsoft']).optional(),
    tenant: line('a tenant').optional(),
    token_url: tokenUrl().optional(),
    client_id: line('a client id'),
    client_secret: passwordReference().optional(),
    refresh_token: passwordReference().optional(),
    scope: line('a scope', 1000).optional(),
  })
    .check(
      rule<Partial<Record<'provider' | 'tenant' | 'token_url' | 'refresh_token' | 'client_secret', unknown>>>(
        (given, report) => {
          if ((given.provider === undefined) === (given.token_url === undefined))
            report([], 'takes a provider (google, microsoft) or a token_url, one of the two')
          if (given.tenant !== undefined && given.provider !== 'microsoft')
            report(['tenant'], 'is a word of Microsoft’s; other providers have none')
          if (given.refresh_token === undefined && given.client_secret === undefined)
            report([], 'has neither a refresh_token nor a client_secret; one of them is needed to ask for access')
          if (given.refresh_token === undefined && given.provider === 'google')
            report([], 'has no refresh_token; Google gives access to a mailbox only by one')
          if (
            given.client_secret !== undefined &&
            given.refresh_token === undefined &&
            given.provider === 'microsoft' &&
            given.tenant === undefined
          )
            report(
              [],
              'has neither a refresh_token nor a tenant; an application asks in its own right at its own tenant',
            )
        },
      ),
    )
    .transform((given): OAuth2 => {
      const byPerson = given.refresh_token !== undefined
      const microsoft = given.provider === 'microsoft'
      return {
        tokenUrl: given.token_url ?? (microsoft ? microsoftUrl(given.tenant ?? 'common') : GOOGLE_URL),
        clientId: given.client_id,
        clientSecret: given.client_secret ?? null,
        refreshToken: given.refresh_token ?? null,
        scope: given.scope ?? (microsoft ? (byPerson ? MICROSOFT_PERSON : MICROSOFT_APPLICATION) : null),
      }
    })
}

const GOOGLE_URL = 'https://oauth2.googleapis.com/token'
const MICROSOFT_PERSON = 'https://outlook.office.com/SMTP.Send offline_access'
const MICROSOFT_APPLICATION = 'https://outlook.office365.com/.default'

function microsoftUrl(tenant: string): string {
  return `https://login.microsoftonline.com/${encodeURIComponent(tenant)}/oauth2/v2.0/token`
}

/** Secrets go there: never in the clear, but to this machine. */
function tokenUrl() {
  const what = 'an address such as https://login.firma.example/token'
  return leaf((value) => {
    if (typeof value !== 'string' || !URL.canParse(value)) return expected(what, value)
    const { protocol, hostname, username } = new URL(value)
    const isHere = ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
    if (username !== '')
      return new Mistake('a token_url holds no login; client_id and client_secret have keys of their own')
    if (protocol === 'https:' || (protocol === 'http:' && isHere)) return value
    return new Mistake('a token_url begins with https://, since secrets are sent to it')
  })
}
