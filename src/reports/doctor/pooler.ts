/** Whether sessions of this address are sessions of the server, as workers need them. */
import { refuseTransactionPooler } from '../../database/pooler.ts'
import { GoniecError } from '../../errors.ts'
import { ok, problem, type Checked } from './checked.ts'

/** Opens two sessions for a moment. */
export async function checkPooler(url: string): Promise<Checked[]> {
  const name = 'pooler'
  try {
    await refuseTransactionPooler(url)
    return [ok(name, 'sessions are the server’s own: no transaction pooler stands in between')]
  } catch (error) {
    if (!(error instanceof GoniecError && error.code === 'database_pooler')) throw error
    return [problem(name, error.message, error.hint ?? 'give workers the server’s direct address')]
  }
}
