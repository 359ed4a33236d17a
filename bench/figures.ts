/** What a benchmark is, and how figures are printed. */
import { availableParallelism, loadavg } from 'node:os'
import type { BenchServer } from './server.ts'

export interface Measured {
  /** What was measured, in a sentence. */
  what: string
  lines: readonly string[]
}

export interface BenchOptions {
  /** 1: as the figures are promised for. Less: so much of it, to see that it runs. */
  size: number
}

export type Benchmark = (server: BenchServer, options: BenchOptions) => Promise<Measured>

/** The value below which such a part of the values lies; NaN of none. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}

/** A table with its columns aligned: names to the left, figures to the right. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string[] {
  const texts = [head, ...rows.map((row) => row.map(show))]
  const widths = head.map((_, column) => Math.max(...texts.map((row) => row[column]?.length ?? 0)))
  return texts.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  '),
  )
}

/** The load beside the figures: on a busy machine they say little. */
export function describeMachine(): string {
  const [load = 0] = loadavg()
  return `${availableParallelism()} cores, load of the last minute before it began: ${load.toFixed(1)}, Node ${process.version}`
}

function show(value: string | number): string {
  if (typeof value === 'string') return value
  return value >= 100 ? value.toFixed(0) : value.toFixed(1)
}
