/** The task `check`: tries the logins that a command asked for, since only workers hold the passwords. */
import type { Database } from '../../database/pool.ts'
import type { Deadlines } from '../../delivery/deadlines.ts'
import { MailboxConnection, type DialogueResult } from '../../delivery/dialogue.ts'
import { showReply } from '../../delivery/reply.ts'
import { messageOf } from '../../errors.ts'
import type { AccessTokens } from '../../mailboxes/access-tokens.ts'
import { loadAccounts, toSmtpAccount, type MailboxAccount } from '../connections.ts'

export interface CheckOptions {
  database: Database
  deadlines: Deadlines
  worker: string
  tokens: AccessTokens
}

/** Answers these requests (rows of `login_check`), all at the same time. */
export async function checkLogins(
  { database, deadlines, worker, tokens }: CheckOptions,
  ids: readonly number[],
): Promise<void> {
  const requests = await database.query<{ id: number; mailbox_id: number }>(
    'update goniec.login_check set worker = $2 where id = any ($1) and answered_at is null returning id, mailbox_id',
    [ids, worker],
  )
  const accounts = await loadAccounts(
    database,
    requests.map(({ mailbox_id: mailbox }) => mailbox),
  )
  await Promise.all(
    requests.map(async ({ id, mailbox_id: mailbox }) => {
      const account = accounts.get(mailbox)
      const { ok, response } = account
        ? await tryLogin(account, { deadlines, tokens })
        : { ok: false, response: 'no such mailbox' }
      await database.query(
        'update goniec.login_check set answered_at = goniec.now(), ok = $2, response = $3 where id = $1',
        [id, ok, response],
      )
    }),
  )
  await database.query(`select pg_notify('goniec', 'check')`)
}

type Means = Pick<CheckOptions, 'deadlines' | 'tokens'>

async function tryLogin(account: MailboxAccount, means: Means): Promise<{ ok: boolean; response: string }> {
  const source = account.smtp_oauth2
  try {
    let result = await logIn(account, means)
    if (source && result.stage === 'auth' && result.failure === 'refused') {
      // The token at hand may be from before consent was given anew; whoever has just done so asks about that one.
      means.tokens.forget(source)
      result = await logIn(account, means)
    }
    const { failure, stage, error, reply } = result
    if (failure === null)
      return { ok: true, response: account.smtp_user === null ? 'connected' : 'connected and logged in' }
    return { ok: false, response: `${stage}: ${reply ? showReply(reply) : error}` }
  } catch (error) {
    return { ok: false, response: messageOf(error) }
  }
}

async function logIn(account: MailboxAccount, { deadlines, tokens }: Means): Promise<DialogueResult> {
  return new MailboxConnection(await toSmtpAccount(account, tokens), deadlines).tryLogin()
}
