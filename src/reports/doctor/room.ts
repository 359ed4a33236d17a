/** Room on disk: of this host for goniec's own database. A server tells how much it has, and nobody tells how much more it could take. */
import { statfs } from 'node:fs/promises'
import type { DatabaseChoice } from '../../database/choice.ts'
import type { Database } from '../../database/pool.ts'
import { notTried, ok, problem, warning, type Checked } from './checked.ts'

const PROBLEM_BYTES = 1e9
const WARNING_BYTES = 5e9

/** Sizes are in powers of ten, as disks are sold. */
export async function checkRoom(database: Pick<Database, 'query'>, choice: DatabaseChoice): Promise<Checked[]> {
  const [row] = await database.query<{ bytes: number }>(
    'select pg_database_size(current_database())::double precision as bytes',
  )
  const size = row?.bytes ?? 0
  if (choice.kind === 'url') {
    const text = `the database takes ${inWords(size)}; how much the server’s disk still has, a server does not tell`
    return [notTried('room on disk', text, 'df -h on the server')]
  }
  const { bavail, bsize } = await statfs(choice.directory)
  return [judgeRoom({ free: bavail * bsize, size, directory: choice.directory })]
}

/** In bytes. */
export function judgeRoom({ free, size, directory }: { free: number; size: number; directory: string }): Checked {
  const name = 'room on disk'
  const text = `${inWords(free)} are free in ${directory}, and the database takes ${inWords(size)}`
  const todo = 'make room on this disk: a full one stops the database, and all sending with it'
  if (free < PROBLEM_BYTES) return problem(name, text, todo)
  return free < WARNING_BYTES ? warning(name, text, todo) : ok(name, text)
}

function inWords(bytes: number): string {
  if (bytes >= 1e12) return `${(bytes / 1e12).toFixed(1)} TB`
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.round(bytes / 1e6)} MB`
}
