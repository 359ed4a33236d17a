import { GoniecError } from '../errors.ts'

/** A whole number as a flag or an argument gives it; anything else is wrong usage. */
export function parseWhole(text: string, what: string, { least = 0 }: { least?: number } = {}): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (value >= least) return value
  throw new GoniecError('usage', `${what} is a whole number${least > 0 ? ` from ${least}` : ''}, not "${text}"`, {
    exitCode: 2,
  })
}
