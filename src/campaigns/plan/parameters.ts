/** Values of the plan's statements, as they are given: columns of a batch as arrays, instants as epoch milliseconds. */

/** A column of a batch as Postgres writes an array; the values are numbers, or words that need no quotes. */
export function listOf(values: readonly (number | string | null)[]): string {
  // The driver puts each value in quotes by itself, which was half of what a plan of a hundred thousand slots cost after it was reckoned.
  let list = '{'
  for (const value of values) list += `${list.length > 1 ? ',' : ''}${value ?? 'null'}`
  return `${list}}`
}

/** The instant of a column of epoch milliseconds. */
export function instant(column: string): string {
  return `to_timestamp(${column} / 1000.0)`
}

/** A slot as it was read: the same instant, or none. Stored slots are whole milliseconds. */
export const AS_READ = `m.scheduled_at is not distinct from ${instant('given.was_at')}`
