/** Files with passwords and tokens, by the references of the mailboxes: whether everybody on this machine may read them. */
import { resolve } from 'node:path'
import type { Database } from '../../database/pool.ts'
import { isOpenToAll } from '../../mailboxes/credentials.ts'
import { notTried, ok, warning, type Checked } from './checked.ts'

/** Nothing where no mailbox has one. Those that are not here are of a worker's machine: there it is asked. */
export async function checkSecrets(database: Pick<Database, 'query'>): Promise<Checked[]> {
  const name = 'secret files'
  const files = await database.query<{ path: string; mailboxes: string[] }>(FILES)
  const checks: Checked[] = []
  const elsewhere: string[] = []
  for (const { path, mailboxes } of files) {
    const isOpen = await lookAt(resolve(path))
    if (isOpen === undefined) elsewhere.push(path)
    if (isOpen !== true) continue
    const text = `every user of this machine may read ${path}, which has a secret of ${mailboxes.join(', ')}`
    checks.push(warning(name, text, `chmod 600 ${resolve(path)}; then change the password`))
  }
  const closed = files.length - checks.length - elsewhere.length
  if (closed > 0 && checks.length === 0) checks.push(ok(name, `${closed} of ${files.length}, closed to others`))
  if (elsewhere.length > 0) checks.push(notTried(name, `not to be seen from here: ${elsewhere.join(', ')}`, ELSEWHERE))
  return checks
}

const ELSEWHERE = 'run it where the worker runs, as its user'

/** Undefined: it is not here, or in a directory that this user may not enter. */
async function lookAt(path: string): Promise<boolean | undefined> {
  try {
    return await isOpenToAll(path)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return undefined
    throw error
  }
}

const FILES = `
  select substr(r.reference, 6) as path, array_agg(distinct b.address order by b.address) as mailboxes
  from goniec.mailbox b
  cross join lateral unnest(array[b.smtp_password_ref, b.smtp_oauth2 ->> 'clientSecret', b.smtp_oauth2 ->> 'refreshToken']) as r (reference)
  where r.reference like 'file:%'
  group by 1
  order by 1`
