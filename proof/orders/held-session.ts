/**
 * A session of Postgres whose commits wait for their turn. The functions of goniec run on it as they are; between what they wrote and
 * its commit, others may move. A single statement that commits by itself becomes begin, statement, turn, commit.
 */
import { Kysely, PostgresDialect } from 'kysely'
import type { Client, Pool, QueryResult } from 'pg'
import type { Database } from '../../src/database/pool.ts'
import type { Schema } from '../../src/database/schema.ts'
import type { Turn } from './turns.ts'

/** Statements that write, and commit by themselves. */
const WRITES = /goniec\.(claim|fence|settle|recover)\(/

/** It follows a commit within one call, and is a step of its own; it writes nothing, and gives back what it takes at once. */
const BARRIER = /goniec\.pass_barrier\(/

export class HeldSession {
  /** Asked before each commit; undefined: nothing is held open. */
  beforeCommit: Turn | undefined
  #client: Client
  #isOpen = false

  constructor(client: Client) {
    this.#client = client
  }

  /** What goniec's functions want to be given. */
  get pool(): Pool {
    const session = {
      query: async (...given: Parameters<Client['query']>) => this.#query(...given),
      on: this.#client.on.bind(this.#client),
      removeListener: this.#client.removeListener.bind(this.#client),
      release: () => undefined,
    }
    return { ...session, connect: async () => session, end: async () => undefined } as unknown as Pool
  }

  get database(): Database {
    const { pool } = this
    const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) }).withSchema('goniec')
    return {
      url: '',
      pool,
      db,
      query: async <Row>(text: string, values: readonly unknown[] = []) =>
        (await pool.query(text, [...values])).rows as Row[],
      transaction: (work) => db.transaction().execute(work),
      close: async () => undefined,
    }
  }

  async #query(...given: Parameters<Client['query']>): Promise<QueryResult> {
    const asked: unknown = given[0]
    const text = typeof asked === 'string' ? asked : (asked as { text: string }).text
    if (text === 'begin') this.#isOpen = true
    if (text === 'rollback') this.#isOpen = false
    if (text === 'commit') {
      await this.beforeCommit?.()
      this.#isOpen = false
    }
    if (BARRIER.test(text)) await this.beforeCommit?.()
    if (this.#isOpen || !this.beforeCommit || !WRITES.test(text)) return this.#send(given)
    await this.#client.query('begin')
    try {
      const result = await this.#send(given)
      await this.beforeCommit()
      await this.#client.query('commit')
      return result
    } catch (error) {
      await this.#client.query('rollback')
      throw error
    }
  }

  async #send(given: Parameters<Client['query']>): Promise<QueryResult> {
    const send = this.#client.query.bind(this.#client) as unknown as (...args: unknown[]) => Promise<QueryResult>
    return await send(...given)
  }
}
