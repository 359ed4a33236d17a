/** Whether what refuses a mistake is there and on: the audit's checks of triggers, constraints and the table of allowed changes. */
import type { Database } from '../../database/pool.ts'
import { audit } from '../audit/audit.ts'
import { guardChecks } from '../audit/guards.ts'
import { ok, problem, type Checked } from './checked.ts'

const MOST = 5

/** Under the names that the audit gives them. */
export async function checkGuards(database: Pick<Database, 'transaction'>): Promise<Checked[]> {
  const results = await audit(database, { only: guardChecks.map(({ name }) => name), rows: MOST })
  return results.map(({ name, ok: holds, says, total, violations, todo }) => {
    if (holds) return ok(name, says)
    const rows = violations.map((row) =>
      Object.values(row)
        .filter((value) => typeof value === 'string')
        .join(' '),
    )
    return problem(name, `${rows.join('; ')}${total > MOST ? `; and ${total - MOST} more` : ''}`, todo)
  })
}
