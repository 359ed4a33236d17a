/**
 * Proves that queue, ledger, counters, plan and record agree: every check on one snapshot, so that what is going on meanwhile is seen whole or not
 * at all. It reads, takes no lock that anybody waits for, and ends no sending; on a large database it takes as long as reading it a few times.
 */
import { CompiledQuery, sql } from 'kysely'
import type { Database } from '../../database/pool.ts'
import { GoniecError } from '../../errors.ts'
import { didYouMean } from '../../nearest.ts'
import type { Ask, Check } from './check.ts'
import { CHECKS } from './checks.ts'
import { readHolidays } from './holidays.ts'

export interface CheckResult {
  name: string
  ok: boolean
  /** So many rows break it; `violations` are the first of them. */
  total: number
  violations: Record<string, unknown>[]
  proves: readonly string[]
  says: string
  todo: string
  duration_ms: number
}

export interface AuditOptions {
  /** Names of checks; without it all. */
  only?: readonly string[]
  /** So many rows are shown of a broken check; 20 by default. */
  rows?: number
  /** Told before each check. */
  onCheck?: (check: Check, place: { number: number; of: number }) => void
}

/** Runs the checks on one snapshot of the database. */
export async function audit(
  database: Pick<Database, 'transaction'>,
  options: AuditOptions = {},
): Promise<CheckResult[]> {
  const checks = chooseChecks(options.only)
  return database.transaction(async (tx) => {
    await sql`set transaction isolation level repeatable read, read only`.execute(tx)
    // Compiling pays off for none of them, and is paid for by small databases; sorting a million rows wants memory; the other cores are for sending.
    await sql`select set_config('jit', 'off', true), set_config('work_mem', '64MB', true),
                     set_config('max_parallel_workers_per_gather', '0', true)`.execute(tx)
    const ask: Ask = async <Row>(text: string, values: readonly unknown[]) =>
      (await tx.executeQuery(CompiledQuery.raw(text, [...values]))).rows as Row[]
    return runChecks(ask, checks, options)
  })
}

/** The checks of these names, or all; an unknown name is an error with the nearest one. */
export function chooseChecks(only: readonly string[] | undefined): readonly Check[] {
  if (only === undefined || only.length === 0) return CHECKS
  const names = CHECKS.map(({ name }) => name)
  const unknown = only.find((name) => !names.includes(name))
  if (unknown !== undefined) {
    throw new GoniecError('check_unknown', `there is no check "${unknown}"${didYouMean(unknown, names)}`, {
      hint: 'goniec audit --list',
      exitCode: 2,
    })
  }
  return CHECKS.filter(({ name }) => only.includes(name))
}

/** Runs these checks one after the other, on whatever snapshot `ask` sees. */
export async function runChecks(
  ask: Ask,
  checks: readonly Check[],
  { rows = 20, onCheck }: AuditOptions = {},
): Promise<CheckResult[]> {
  const holidays = checks.some(({ givenHolidays }) => givenHolidays) ? await readHolidays(ask) : []
  const results: CheckResult[] = []
  for (const [index, check] of checks.entries()) {
    onCheck?.(check, { number: index + 1, of: checks.length })
    const { name, proves, says, todo } = check
    const startedMs = performance.now()
    const found = await ask<Record<string, unknown> & { total_rows: number }>(
      `select count(*) over () as total_rows, broken.* from (${check.sql}) as broken limit ${Math.max(1, Math.floor(rows))}`,
      check.givenHolidays ? holidays : [],
    )
    const violations = found.map(({ total_rows: _, ...row }) => row)
    const total = found[0]?.total_rows ?? 0
    const durationMs = Math.round(performance.now() - startedMs)
    results.push({ name, ok: total === 0, total, violations, proves, says, todo, duration_ms: durationMs })
  }
  return results
}
