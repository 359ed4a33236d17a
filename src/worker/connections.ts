/**
 * The SMTP connections of this worker: one for each mailbox, made with the settings and the login of the moment.
 *
 * A connection is replaced when the mailbox's settings have a new version. Logins are read each time a connection is made, also after one that
 * was idle for too long, so that a rotated password is taken up without a restart, and without a login that fails.
 */
import type { Database } from '../database/pool.ts'
import type { SmtpAccount } from '../delivery/connection.ts'
import type { Deadlines } from '../delivery/deadlines.ts'
import { MailboxConnection } from '../delivery/dialogue.ts'
import { assert } from '../errors.ts'
import type { AccessTokens, TokenSource } from '../mailboxes/access-tokens.ts'

/** A mailbox as its server sees it. */
export interface MailboxAccount {
  id: number
  address: string
  version: number
  smtp_host: string
  smtp_port: number
  smtp_security: SmtpAccount['security']
  smtp_user: string | null
  smtp_password_ref: string | null
  smtp_oauth2: TokenSource | null
}

interface Kept {
  version: number
  connection: MailboxConnection
  mailbox: MailboxAccount
  /** The access token it logs in with; a password has none. */
  token: string | undefined
}

export class Connections {
  readonly #deadlines: Deadlines
  readonly #tokens: AccessTokens
  readonly #open = new Map<number, Kept>()

  constructor(deadlines: Deadlines, tokens: AccessTokens) {
    this.#deadlines = deadlines
    this.#tokens = tokens
  }

  /** The connection of this mailbox. Throws a GoniecError that names the way out where its login cannot be had. */
  async of(mailbox: MailboxAccount): Promise<MailboxConnection> {
    const known = this.#open.get(mailbox.id)
    const token = mailbox.smtp_oauth2 ? (await this.#tokens.of(mailbox.smtp_oauth2)).token : undefined
    if (known?.version === mailbox.version && known.token === token && known.connection.isKept) return known.connection
    if (known) await known.connection.close()
    const connection = new MailboxConnection(await toSmtpAccount(mailbox, this.#tokens), this.#deadlines)
    this.#open.set(mailbox.id, { version: mailbox.version, connection, mailbox, token })
    return connection
  }

  /** Forgets a mailbox's connection, so that the next one reads the login anew. */
  async forget(mailboxId: number): Promise<void> {
    const known = this.#open.get(mailboxId)
    this.#open.delete(mailboxId)
    if (known?.mailbox.smtp_oauth2) this.#tokens.forget(known.mailbox.smtp_oauth2)
    await known?.connection.close()
  }

  async close(): Promise<void> {
    const all = [...this.#open.values()]
    this.#open.clear()
    await Promise.all(all.map(({ connection }) => connection.close()))
  }
}

/** What the SMTP dialogue needs of a mailbox, its login read. */
export async function toSmtpAccount(mailbox: MailboxAccount, tokens: AccessTokens): Promise<SmtpAccount> {
  const { smtp_user: user, smtp_password_ref: reference, smtp_oauth2: source } = mailbox
  const account = { host: mailbox.smtp_host, port: mailbox.smtp_port, security: mailbox.smtp_security }
  if (user === null) return { ...account, auth: null }
  if (source !== null) return { ...account, auth: { user, accessToken: (await tokens.of(source)).token } }
  assert(reference !== null, 'a mailbox with a user has a password or a source of tokens')
  return { ...account, auth: { user, pass: await tokens.read(reference) } }
}

/** The accounts of these mailboxes, by id. */
export async function loadAccounts(
  database: Pick<Database, 'query'>,
  mailboxIds: readonly number[],
): Promise<Map<number, MailboxAccount>> {
  const rows = await database.query<MailboxAccount & Record<string, unknown>>(
    `select id, address, version, smtp_host, smtp_port, smtp_security, smtp_user, smtp_password_ref, smtp_oauth2
     from goniec.mailbox
     where id = any ($1)`,
    [mailboxIds],
  )
  return new Map(rows.map((row) => [row.id, row]))
}
