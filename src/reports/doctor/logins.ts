/**
 * The mailboxes' logins, tried by a worker, since only workers hold the passwords. It is the one thing here that leaves a trace: a row in
 * `goniec.login_check` for each, as `goniec mailbox test` does.
 */
import type { Database } from '../../database/pool.ts'
import { requestLoginChecks } from '../../mailboxes/login-check.ts'
import { readWorkers } from '../status/workers.ts'
import { notTried, ok, problem, type Checked } from './checked.ts'

const NAME = 'mailbox logins'

/** Of all mailboxes that nobody has paused; those that work are one line together. */
export async function checkLogins(database: Database): Promise<Checked[]> {
  const mailboxes = await database.query<{ id: number; address: string }>(
    `select id, address from goniec.mailbox where status <> 'paused' order by address`,
  )
  if (mailboxes.length === 0) return [notTried(NAME, 'there is no mailbox that would send', 'goniec apply FILE')]
  const [login] = await database.query<{ may: boolean }>(
    `select has_table_privilege('goniec.login_check', 'insert') as may`,
  )
  if (!login?.may) {
    const todo = 'run it with the login that owns the schema'
    return [notTried(NAME, 'this login may not ask workers to log in', todo)]
  }
  const workers = await readWorkers(database)
  if (!workers.some(({ works }) => works)) {
    return [notTried(NAME, 'no worker is running, and only workers hold the passwords', 'goniec worker')]
  }
  return ask(database, mailboxes)
}

async function ask(database: Database, mailboxes: readonly { id: number; address: string }[]): Promise<Checked[]> {
  const answers = await requestLoginChecks(
    database,
    mailboxes.map(({ id }) => id),
  )
  const working = answers.filter((answer) => answer.ok === true).length
  const silent = answers.filter((answer) => answer.ok === null).length
  const refused = answers.flatMap(({ mailboxId, ok: works, response }) => {
    if (works !== false) return []
    const address = mailboxes.find(({ id }) => id === mailboxId)?.address ?? ''
    const todo = `correct smtp of the mailbox in the definition file and goniec apply it, or the password where the worker finds it; then goniec mailbox test ${address}`
    return [problem(`mailbox login of ${address}`, response ?? 'it does not work', todo)]
  })
  const sum: Checked[] = []
  if (working > 0) sum.push(ok(NAME, `${working} of ${mailboxes.length} work`))
  if (silent > 0) {
    const todo = 'goniec status: do workers hang? goniec mailbox test ADDRESS tries one'
    sum.push(notTried(NAME, `of ${silent}, no worker said anything in time`, todo))
  }
  return [...sum, ...refused]
}
