/**
 * The shapes of the proof: a cell is one fault at one place, a run is one try of it. What a run came to is decided by the mail server's
 * own record of what it accepted, and by the ledger; never by what the worker says of itself.
 */
import type { TestServer } from '../tests/support/server.ts'

export type BlockName = 'A' | 'B' | 'C' | 'D' | 'E' | 'F' | 'G'

export interface Cell {
  /** Block, place and fault: `A/fence-committed/SIGKILL`. It stands in the record, and `--cell` takes it. */
  name: string
  block: BlockName
  /** How many runs the proof wants. */
  runs: number
  /** The most seeds of one call: they may share a database, a server, or a chain of restarts. */
  atOnce: number
  /** One run for each seed, in their order. Rejects only where the proof itself is at fault. */
  run(seeds: readonly number[], ground: Ground): Promise<Run[]>
}

/** What cells stand on. */
export interface Ground {
  /** A Postgres of this proof's own, for databases that a cell makes. */
  server: TestServer
  /** An empty directory for records and logs; gone afterwards unless a run broke something. */
  directory: string
}

export interface Run {
  seed: number
  /** How it is known that the fault happened; null where it did not: such a run proves nothing, and does not count. */
  hit: string | null
  /** What was broken, a sentence each. */
  violations: readonly string[]
  /** Mails that the server accepted, by its own record. */
  accepted: number
  /** Mails that nobody can know about, each listed as a doubt. */
  doubts: number
}
