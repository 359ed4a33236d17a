/** A sample of block D of the proof: clocks that jump, and a process that is stopped while its clocks stand still. */
import { expect, test } from 'vitest'
import { cells } from '../../proof/time/cells.ts'
import { libfaketime } from '../support/faked-clock.ts'
import { expectToHold, serverOfTests } from './sample.ts'

const server = serverOfTests()

const SAMPLE = ['D/database/+1d/claimed', 'D/stopped/suspended/fenced']

test.skipIf(libfaketime === undefined).each(SAMPLE)('%s breaks nothing', { timeout: 240_000 }, async (name) => {
  const cell = cells.find((one) => one.name === name)
  expect(cell).toBeDefined()
  if (cell) await expectToHold(cell, [1], server)
})
