/** A sample of block C where the database forgets: one run of each way to forget. */
import { expect, test } from 'vitest'
import { RESTORE_CELLS } from '../../proof/postgres/restore.ts'
import { expectToHold, serverOfTests } from './sample.ts'

const server = serverOfTests()

test.each(RESTORE_CELLS)(
  '$name: nobody is mailed twice, and nothing is in doubt',
  { timeout: 240_000 },
  async (cell) => {
    await expect(expectToHold(cell, [1], server)).resolves.toBeUndefined()
  },
)
