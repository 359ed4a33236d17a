/** Before a test run: one Postgres server, one migrated template database, one login for each role. After it: nothing but what failed. */
import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import type { TestProject } from 'vitest/node'
import { migrate } from '../../src/database/migrate.ts'
import { clientConfig } from '../../src/database/pool.ts'
import { startTestServer, type TestServer } from './server.ts'

/** What test files are told about the server. */
export interface TestRun {
  /** The superuser's URL. */
  url: string
  /** Every database and login of this run begins with it. */
  prefix: string
}

declare module 'vitest' {
  interface ProvidedContext {
    testRun: TestRun
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startTestServer()
  const run: TestRun = { url: server.url, prefix: `goniec_test_${randomBytes(3).toString('hex')}` }
  try {
    await prepare(run)
  } catch (error) {
    await server.stop({ keep: false })
    throw error
  }
  project.provide('testRun', run)
  return () => finish(server, run)
}

async function prepare({ url, prefix }: TestRun): Promise<void> {
  const template = `${prefix}_template`
  await asSuperuser(url, async (client) => {
    await client.query(`create database ${template}`)
    await migrate(withDatabase(url, template))
    // A clone is another database than its template: it shall take itself for at home, and not for a copy.
    await asSuperuser(withDatabase(url, template), (inside) => inside.query('delete from goniec.home'))
    for (const role of ['worker', 'reporter']) {
      const { rowCount } = await client.query('select from pg_roles where rolname = $1', [`goniec_${role}`])
      if (rowCount === 0) await client.query(`create role goniec_${role}`)
      await client.query(`create role ${prefix}_${role} login password '${prefix}' in role goniec_${role}`)
    }
  })
}

/** Databases that are still there belong to tests that failed. They are kept on the machine of a person. */
async function finish(server: TestServer, { url, prefix }: TestRun): Promise<void> {
  const kept: string[] = []
  const keep = !process.env['CI']
  await asSuperuser(url, async (client) => {
    await client.query(`drop database ${prefix}_template with (force)`)
    const { rows } = await client.query<{ name: string }>(
      `select datname as name from pg_database where datname like $1 order by 1`,
      [`${prefix}\\_%`],
    )
    for (const { name } of rows) {
      if (keep) kept.push(name)
      else await client.query(`drop database ${name} with (force)`)
    }
    if (kept.length === 0) await client.query(`drop role ${prefix}_worker, ${prefix}_reporter`)
  })
  await server.stop({ keep: kept.length > 0 })
  if (kept.length > 0) process.stderr.write(describeKept(kept, server.directory))
}

function describeKept(kept: string[], directory: string | undefined): string {
  const where =
    directory === undefined
      ? 'on the server'
      : `start it with: goniec database url --with-password --embedded=${directory}`
  return `\nKept for a look (${where}):\n${kept.map((name) => `  ${name}\n`).join('')}`
}

/** The same server, another database. */
export function withDatabase(url: string, database: string): string {
  return Object.assign(new URL(url), { pathname: `/${database}` }).href
}

async function asSuperuser(url: string, work: (client: Client) => Promise<unknown>): Promise<void> {
  const client = new Client(clientConfig(url))
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}
