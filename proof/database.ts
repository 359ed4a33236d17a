/** Databases of the proof's own: clones of a template that is migrated once a server. */
import { openDatabase, type Database } from '../src/database/pool.ts'
import { migrate } from '../src/database/migrate.ts'
import { withDatabase } from '../tests/support/global-setup.ts'
import type { TestServer } from '../tests/support/server.ts'

export interface ProofDatabase extends Database {
  name: string
  /** The URL of a user who is goniec_worker and no more: what a worker of the proof gets. */
  workerUrl: string
  /** Ends every session and drops it. */
  drop(): Promise<void>
}

const templates = new Map<string, Promise<string>>()
let count = 0

/** A machine that has twenty other things to do forks a session when it comes to it. */
const PATIENCE_MS = 120_000

/** A migrated, empty database; or a copy of another one of the proof's, which nobody is connected to. */
export async function createProofDatabase(
  { url }: Pick<TestServer, 'url'>,
  { copyOf }: { copyOf?: string } = {},
): Promise<ProofDatabase> {
  let making = templates.get(url)
  if (!making) {
    making = makeTemplate(url)
    templates.set(url, making)
  }
  const template = await making
  count += 1
  const name = `${template}_${count}`
  await onServer(url, `create database ${name} template ${copyOf ?? template} strategy file_copy`)
  const database = openDatabase(withDatabase(url, name), { connectTimeoutMs: PATIENCE_MS })
  // It is where it belongs, and an installation of its own, though it was cloned from another one.
  await database.query('delete from goniec.home; update goniec.installation set id = gen_random_uuid()')
  return {
    ...database,
    name,
    workerUrl: Object.assign(new URL(withDatabase(url, name)), { username: `${template}_worker`, password: template })
      .href,
    async drop() {
      await database.close()
      await onServer(url, `drop database if exists ${name} with (force)`)
    },
  }
}

/** For whoever used a server that goes on: drops the template and its login. Its databases are dropped by then. */
export async function dropProofTemplate({ url }: Pick<TestServer, 'url'>): Promise<void> {
  const template = await templates.get(url)
  templates.delete(url)
  if (template === undefined) return
  await onServer(url, `drop database if exists ${template} with (force)`)
  await onServer(url, `drop role if exists ${template}_worker`)
}

async function makeTemplate(url: string): Promise<string> {
  const template = `goniec_proof_${process.pid}`
  await onServer(url, `create database ${template}`)
  await migrate(withDatabase(url, template))
  await onServer(url, `create role ${template}_worker login password '${template}' in role goniec_worker`)
  return template
}

async function onServer(url: string, statement: string): Promise<void> {
  const database = openDatabase(url, { size: 1, connectTimeoutMs: PATIENCE_MS })
  try {
    await database.query(statement)
  } finally {
    await database.close()
  }
}
