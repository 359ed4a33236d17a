/** Runs some seeds of a proof's cells in a test, by the code that `npm run proof` uses; nothing is recorded. */
import { afterAll, expect, inject } from 'vitest'
import { dropProofTemplate } from '../../proof/database.ts'
import { onGround } from '../../proof/gather.ts'
import type { Cell, Run } from '../../proof/cell.ts'
import { assert } from '../../src/errors.ts'
import type { TestServer } from '../support/server.ts'

/** The server of this test run, as a proof stands on it. To be called at the top of a file. */
export function serverOfTests(): TestServer {
  const server: TestServer = { url: inject('testRun').url, directory: undefined, stop: async () => undefined }
  afterAll(() => dropProofTemplate(server))
  return server
}

/** Expects that the cell's fault was hit in each of these runs, and that nothing was broken: else what was stands in the error. */
export async function expectToHold(cell: Cell, seeds: readonly number[], server: TestServer): Promise<void> {
  const runs = await onGround(server, (ground) => cell.run(seeds, ground))
  const broken = runs.flatMap(({ violations }) => violations)
  assert(broken.length === 0, broken.join('\n'))
  expect(runs.map(briefly)).toEqual(seeds.map((seed) => ({ cell: cell.name, seed, isHit: true })))

  function briefly({ seed, hit }: Run): unknown {
    return { cell: cell.name, seed, isHit: hit !== null }
  }
}
