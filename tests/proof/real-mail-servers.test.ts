/**
 * Mail servers that people really run, killed while mails are handed to them: what stands in their queue is what the ledger calls sent, once.
 * A sample of the cells `B/postfix/` and `B/opensmtpd/`.
 */
import { afterEach, expect, test } from 'vitest'
import { realCells } from '../../proof/mail-server/cells.ts'
import { opensmtpdIsMissing } from '../../proof/mail-server/opensmtpd.ts'
import { postfixIsMissing } from '../../proof/mail-server/postfix.ts'
import { endWorkers } from '../support/worker-process.ts'
import { expectToHold, serverOfTests } from './sample.ts'

const SEEDS = [1, 2, 3]

const server = serverOfTests()

afterEach(endWorkers)

test.for([
  { name: 'B/postfix/killed', missing: postfixIsMissing() },
  { name: 'B/opensmtpd/killed', missing: opensmtpdIsMissing() },
])(
  '$name: each mail stands in the queue once, and is called sent',
  { timeout: 240_000 },
  async ({ name, missing }, context) => {
    context.skip(missing !== undefined, missing)
    const cell = realCells.find((candidate) => candidate.name === name)
    expect(cell).toBeDefined()
    if (cell) await expectToHold(cell, SEEDS, server)
  },
)
