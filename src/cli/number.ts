import { GoniecError } from '../errors.ts'

/** A whole number as a flag or an argument gives it; anything else is wrong usage. */
export function parseWhole(
  text: string,
  what: string,
  { least = 0, most = Number.POSITIVE_INFINITY }: { least?: number; most?: number } = {},
): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (value >= least && value <= most) return value
  const range = most < Number.POSITIVE_INFINITY ? ` from ${least} to ${most}` : least > 0 ? ` from ${least}` : ''
  throw new GoniecError('usage', `${what} is a whole number${range}, not "${text}"`, { exitCode: 2 })
}
