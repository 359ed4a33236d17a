/**
 * A world for every test of a file, in one transaction that is never committed: for tests that need no second session. A new database
 * for each would take longer than the tests. What is only checked at the end of a transaction is checked by `settled`.
 */
import type { Client } from 'pg'
import { afterEach, beforeAll, beforeEach } from 'vitest'
import { setClock } from './clock.ts'
import { createTestDatabase } from './database.ts'
import { NOON, World } from './world.ts'

export interface RolledBack {
  world: World
  session: Client
  /** An incarnation that is alive. */
  worker: number
  /** Does the work with every trigger switched off: what a restore, a defect or a clumsy superuser may have left. */
  asHistory: (work: () => Promise<unknown>) => Promise<void>
  /** Moves the clock to so long after noon; only this transaction sees it. */
  clockAt: (afterNoonMs: number) => Promise<void>
  /** Checks what is deferred to the end of the transaction. */
  settled: () => Promise<void>
  /** The message and the name of the constraint that the work was refused with; the transaction goes on without it. */
  refusal: (work: () => Promise<unknown>) => Promise<string>
}

/** To be called at the top of a file: what it returns is another world for each test. */
export function worldForEachTest(): RolledBack {
  let session: Client
  const state = {} as RolledBack
  beforeAll(async () => {
    const database = await createTestDatabase()
    await setClock(database, NOON)
    session = await database.session()
  })
  beforeEach(async () => {
    await session.query('begin')
    const world = new World(session)
    Object.assign(state, { world, session, worker: await world.worker(), ...actionsOf(session) })
  })
  afterEach(() => session.query('rollback'))
  return state
}

function actionsOf(session: Client): Pick<RolledBack, 'asHistory' | 'clockAt' | 'settled' | 'refusal'> {
  const settled = async (): Promise<void> => {
    await session.query('set constraints all immediate')
    await session.query('set constraints all deferred')
  }
  return {
    settled,
    async asHistory(work) {
      await session.query('set local session_replication_role = replica')
      await work()
      await session.query('set local session_replication_role = origin')
    },
    async clockAt(afterNoonMs) {
      await session.query('update goniec_test.clock set now = $1', [NOON.add({ milliseconds: afterNoonMs })])
    },
    async refusal(work) {
      await session.query('savepoint before')
      try {
        await work()
        await settled()
      } catch (error) {
        await session.query('rollback to savepoint before')
        const { constraint = '', message = '' } = error as { constraint?: string; message?: string }
        return `${constraint}: ${message}`
      }
      return 'not refused'
    },
  }
}
