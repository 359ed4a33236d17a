import { expect, test } from 'vitest'
import { refuseTransactionPooler } from '../../src/database/pooler.ts'
import type { GoniecError } from '../../src/errors.ts'
import { createTestDatabase } from '../support/database.ts'
import { hasPgbouncer, startPgbouncer } from '../support/pgbouncer.ts'

const database = await createTestDatabase({ empty: true })

test('a direct connection is not taken for a pooler', async () => {
  await expect(refuseTransactionPooler(database.url)).resolves.toBe(undefined)
})

test.skipIf(!hasPgbouncer)(
  'a transaction pooler is refused, whichever idle connection it hands out; a session pooler is not (needs pgbouncer)',
  async () => {
    for (const [mode, inTurn, expected] of [
      ['transaction', 0, 'database_pooler'],
      ['transaction', 1, 'database_pooler'],
      ['session', 0, 'accepted'],
    ] as const) {
      const url = await startPgbouncer(database.url, { mode, inTurn })
      const answer = refuseTransactionPooler(url)
      const code = await answer.then(
        () => 'accepted',
        ({ code }: GoniecError) => code,
      )
      expect(code, `${mode} ${inTurn}`).toBe(expected)
    }
  },
)
