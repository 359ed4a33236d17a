/** A sample of block E of the proof: fewer mails, and everything that befalls two thousand. */
import { expect, test } from 'vitest'
import { cellOf } from '../../proof/many/cells.ts'
import { expectToHold, serverOfTests } from './sample.ts'

const server = serverOfTests()

test('three workers, and everything at once that can befall them, break nothing', { timeout: 240_000 }, async () => {
  // What it finds stands in the error itself.
  expect.assertions(1)
  await expectToHold(cellOf({ workers: 3, leads: 100, runs: 1 }), [1], server)
})
