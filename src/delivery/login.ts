/**
 * Logging in to a mail server, once; and hiding from what it says what it was told. Servers that do not know a command, sendmail's kind among
 * them, repeat it in their answer, and answers stand in the database, in logs and on screens.
 */
import type SMTPConnection from 'nodemailer/lib/smtp-connection'
import XOAuth2 from 'nodemailer/lib/xoauth2'
import { GoniecError } from '../errors.ts'
import type { SmtpAccount } from './connection.ts'

type Login = NonNullable<SmtpAccount['auth']>

/** With a password, or an access token. */
export function logIn(smtp: SMTPConnection, auth: Login, done: (error?: Error | null) => void): void {
  if ('pass' in auth) smtp.login({ credentials: { user: auth.user, pass: auth.pass } }, done)
  else smtp.login({ user: auth.user, oauth2: new OneToken({ user: auth.user, accessToken: auth.accessToken }) }, done)
}

/**
 * Google's servers refuse a token in two steps (334, and 535 behind an empty line), upon which nodemailer wants another token, and would send
 * the same one again: on a connection that its server may have closed by then, so that the reason would be lost.
 */
class OneToken extends XOAuth2 {
  override getToken(...[renew, callback]: Parameters<XOAuth2['getToken']>): void {
    if (renew) callback(new GoniecError('token_not_taken', 'the server did not take the access token'), '')
    else super.getToken(renew, callback)
  }
}

/** A shorter word could be any, and hiding it would tell that it is the password. */
const SHORTEST = 8

/** The text without the password or the token, as it is or as it went over the wire; of the latter also a piece. */
export function hideLogin(text: string, auth: SmtpAccount['auth']): string {
  if (auth === null) return text
  const secret = 'pass' in auth ? auth.pass : auth.accessToken
  const sent = [secret, `\0${auth.user}\0${secret}`, `user=${auth.user}\u0001auth=Bearer ${secret}\u0001\u0001`]
  const forms = sent.map((form) => Buffer.from(form).toString('base64'))
  if ('accessToken' in auth) forms.push(secret)
  const isSent = (word: string): boolean => word.length >= SHORTEST && forms.some((form) => form.includes(word))
  const bare = secret.length >= SHORTEST ? text.replaceAll(secret, HIDDEN) : text
  return bare.replaceAll(WORD, (word) => (isSent(word) ? HIDDEN : word))
}

const HIDDEN = '***'

/** Of base64 or of a token, which may have single dots in it; several stand for what was cut. */
const WORD = /[\w+/=~-]+(?:\.[\w+/=~-]+)*/g
