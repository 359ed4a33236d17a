/** Whether the database is where it may send from: one that was restored, copied or promoted sends nothing before a person has said so. */
import type { Database } from '../../database/pool.ts'
import { readRestoration, unreported, type Restoration } from '../restoration.ts'
import { ok, problem, warning, type Checked } from './checked.ts'

/** One line; what waits for whom stands in it. */
export async function checkRestored(database: Pick<Database, 'query'>): Promise<Checked[]> {
  const name = 'restored'
  const restoration = await readRestoration(database)
  if (restoration) return [problem(name, textOf(restoration), 'goniec resume --after-restore --dry-run')]
  const [here] = await database.query<{ system_identifier: string | null; timeline: number | null }>(
    'select h.system_identifier, h.timeline from goniec.here() h',
  )
  const { system_identifier: system = null, timeline = null } = here ?? {}
  const hidden = [system === null && 'its system identifier', timeline === null && 'its timeline'].filter(
    (part) => part !== false,
  )
  if (hidden.length === 0) {
    return [ok(name, `no: it is where it was, in cluster ${system} on timeline ${timeline}`)]
  }
  const text = `this server does not tell ${hidden.join(' and ')}, so that a copy or a failover is noticed by the workers’ logbooks only`
  return [warning(name, text, 'after a restore or a failover: goniec pause --all before any worker is started')]
}

function textOf(restoration: Restoration): string {
  return `${restoration.explanation}; nothing is sent (${waitingFor(restoration)})`
}

function waitingFor(restoration: Restoration): string {
  if (restoration.id === null) return 'no worker has noticed it yet, nor reported'
  const silent = unreported(restoration).map(({ worker }) => worker)
  return silent.length === 0 ? 'every worker has reported' : `not reported: ${silent.join(', ')}`
}
