/** Runs cells, some at a time, and hands out what came of each handful of seeds. It writes nothing but the directories that runs stand on. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestServer } from '../tests/support/server.ts'
import type { Cell, Run } from './cell.ts'

export interface Gathering {
  server: TestServer
  /** Which seeds of which cells. */
  wanted: readonly { cell: Cell; seeds: readonly number[] }[]
  /** So many handfuls at the same time. */
  together: number
  /** No handful begins later than this (by `performance.now()`). */
  untilMs?: number
  /** Told of each handful that is over; the next one of its place begins when this has resolved. */
  onRuns: (cell: Cell, runs: readonly Run[], seconds: number) => void | Promise<void>
  /** The proof itself was at fault: these seeds say nothing. */
  onFault: (cell: Cell, seeds: readonly number[], error: unknown) => void
}

/** Resolves when all is run, or time is up. */
export async function gather({
  server,
  wanted,
  together,
  untilMs = Infinity,
  onRuns,
  onFault,
}: Gathering): Promise<void> {
  const handfuls = wanted.flatMap(({ cell, seeds }) =>
    inHandfuls(seeds, cell.atOnce).map((some) => ({ cell, seeds: some })),
  )
  const next = async (): Promise<void> => {
    for (;;) {
      const handful = performance.now() < untilMs ? handfuls.shift() : undefined
      if (!handful) return
      const { cell, seeds } = handful
      const startedMs = performance.now()
      try {
        const runs = await onGround(server, (ground) => cell.run(seeds, ground))
        await onRuns(cell, runs, (performance.now() - startedMs) / 1000)
      } catch (error) {
        onFault(cell, seeds, error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.max(1, together) }, next))
}

/** The directory goes with the runs, unless they broke something: then it is there for a look. */
export async function onGround(
  server: TestServer,
  work: (ground: { server: TestServer; directory: string }) => Promise<Run[]>,
): Promise<Run[]> {
  const directory = mkdtempSync(join(tmpdir(), 'goniec-proof-'))
  const runs = await work({ server, directory })
  if (runs.every(({ violations }) => violations.length === 0)) rmSync(directory, { recursive: true, force: true })
  return runs
}

function inHandfuls(seeds: readonly number[], most: number): number[][] {
  const count = Math.ceil(seeds.length / Math.max(1, most))
  return Array.from({ length: count }, (_, index) => seeds.slice(index * most, (index + 1) * most))
}
