/**
 * The proof's record, `docs/proof.json`: what each invocation ran, and what came of it. Invocations on several machines or clones are
 * merged by putting them side by side; no run stands in two of them.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { format, resolveConfig } from 'prettier'
import type { Run } from './cell.ts'

export interface ProofRecord {
  /** In the order of their beginnings. */
  invocations: Invocation[]
}

export interface Invocation {
  /** The time of its beginning, and some letters that no other one has. */
  id: string
  startedAt: string
  commit: string
  /** Nothing was changed in the tree: the commit is what ran. */
  clean: boolean
  machine: string
  versions: Record<'node' | 'postgres' | 'goniec', string>
  arguments: string[]
  /** By the cell's name, sorted. */
  cells: Record<string, CellCount>
}

/** What one invocation's runs of one cell came to. */
export interface CellCount {
  /** Ranges: `1-40,42`. */
  seeds: string
  runs: number
  /** Runs whose fault happened: only they count. */
  hit: number
  /** Seeds of the others. */
  missed: string
  accepted: number
  doubts: number
  broken: { seed: number; violations: string[] }[]
  /** How the first hit was known. */
  evidence: string
}

/** The record in this file; an empty one where there is none. */
export function readRecord(path: string): ProofRecord {
  if (!existsSync(path)) return { invocations: [] }
  return JSON.parse(readFileSync(path, 'utf8')) as ProofRecord
}

/** Writes it whole: who is killed meanwhile leaves the one before. */
export async function writeRecord(path: string, record: ProofRecord): Promise<void> {
  await writeFormatted(path, JSON.stringify(record, null, 2))
}

/** Writes a file as `npm run format` wants it. */
export async function writeFormatted(path: string, text: string): Promise<void> {
  const formatted = await format(text, { ...(await resolveConfig(path)), filepath: path })
  writeFileSync(`${path}.new`, formatted)
  renameSync(`${path}.new`, path)
}

/** Both records' invocations, each once. Of one that stands in both, the one that has gone further. */
export function mergeRecords(one: ProofRecord, other: ProofRecord): ProofRecord {
  const byId = new Map<string, Invocation>()
  for (const invocation of [...one.invocations, ...other.invocations]) {
    const known = byId.get(invocation.id)
    if (!known || runsOf(invocation) >= runsOf(known)) byId.set(invocation.id, invocation)
  }
  return { invocations: [...byId.values()].sort((a, b) => a.id.localeCompare(b.id)) }
}

/** Adds runs of a cell to an invocation. */
export function addRuns(invocation: Invocation, cell: string, runs: readonly Run[]): void {
  const before = invocation.cells[cell] ?? NOTHING
  const missed = runs.filter(({ hit }) => hit === null).map(({ seed }) => seed)
  const broken = runs.filter(({ violations }) => violations.length > 0)
  const after: CellCount = {
    seeds: toRanges([...fromRanges(before.seeds), ...runs.map(({ seed }) => seed)]),
    runs: before.runs + runs.length,
    hit: before.hit + runs.length - missed.length,
    missed: toRanges([...fromRanges(before.missed), ...missed]),
    accepted: before.accepted + sum(runs.map(({ accepted }) => accepted)),
    doubts: before.doubts + sum(runs.map(({ doubts }) => doubts)),
    broken: [
      ...before.broken,
      ...broken.map(({ seed, violations }) => ({ seed, violations: violations.map(withoutMachine) })),
    ].sort((a, b) => a.seed - b.seed),
    evidence: before.evidence || (runs.find(({ hit }) => hit !== null)?.hit ?? ''),
  }
  const all = { ...invocation.cells, [cell]: after }
  invocation.cells = Object.fromEntries(Object.entries(all).sort(([a], [b]) => a.localeCompare(b)))
}

/** Paths of the machine that ran it say nothing to anybody else, and would stand in the record for ever. */
export function withoutMachine(text: string): string {
  return text.replaceAll(/(?:file:\/\/)?(?<!\w)\/[\w.@+/-]*?\/(?=(?:node_modules|src|proof|tests)\/)/g, '')
}

/** The first seed of a cell that no invocation has run, nor any above it. */
export function nextSeed({ invocations }: ProofRecord, cell: string): number {
  const seeds = invocations.flatMap(({ cells }) => fromRanges(cells[cell]?.seeds ?? ''))
  return seeds.reduce((most, seed) => Math.max(most, seed), 0) + 1
}

/**
 * What counts of a record, since the mending of these runs: of their cells only invocations behind the last one in which one of them broke.
 * A run that broke something and is none of them counts for ever.
 */
export function sinceMended(
  { invocations }: ProofRecord,
  mended: readonly { cell: string; seed: number }[],
): ProofRecord {
  const seedsOf = Map.groupBy(mended, ({ cell }) => cell)
  const from = new Map(
    [...seedsOf].map(([cell, runs]) => {
      const seeds = new Set(runs.map(({ seed }) => seed))
      return [
        cell,
        invocations.findLastIndex(({ cells }) => cells[cell]?.broken.some(({ seed }) => seeds.has(seed))) + 1,
      ]
    }),
  )
  return {
    invocations: invocations.map((invocation, index) => ({
      ...invocation,
      cells: Object.fromEntries(Object.entries(invocation.cells).filter(([cell]) => index >= (from.get(cell) ?? 0))),
    })),
  }
}

/** What all invocations' runs of a cell came to. */
export function totalOf({ invocations }: ProofRecord, cell: string): Omit<CellCount, 'seeds' | 'missed'> {
  const counts = invocations.flatMap(({ cells }) => cells[cell] ?? [])
  return {
    runs: sum(counts.map(({ runs }) => runs)),
    hit: sum(counts.map(({ hit }) => hit)),
    accepted: sum(counts.map(({ accepted }) => accepted)),
    doubts: sum(counts.map(({ doubts }) => doubts)),
    broken: counts.flatMap(({ broken }) => broken),
    evidence: counts.find(({ evidence }) => evidence !== '')?.evidence ?? '',
  }
}

/** `1-3,7` of 3, 1, 2 and 7. */
export function toRanges(seeds: readonly number[]): string {
  const ranges: [number, number][] = []
  for (const seed of [...new Set(seeds)].sort((a, b) => a - b)) {
    const last = ranges.at(-1)
    if (last && last[1] + 1 === seed) last[1] = seed
    else ranges.push([seed, seed])
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',')
}

/** The seeds of `1-3,7`. */
export function fromRanges(ranges: string): number[] {
  return ranges
    .split(',')
    .filter((range) => range !== '')
    .flatMap((range) => {
      const [from = 0, to = from] = range.split('-').map(Number)
      return Array.from({ length: to - from + 1 }, (_, index) => from + index)
    })
}

const NOTHING: CellCount = { seeds: '', runs: 0, hit: 0, missed: '', accepted: 0, doubts: 0, broken: [], evidence: '' }

function runsOf({ cells }: Invocation): number {
  return sum(Object.values(cells).map(({ runs }) => runs))
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
