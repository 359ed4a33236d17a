/**
 * The library of public holidays, loaded when it is first asked for: with the calendars of all countries it takes a tenth of a second and up to 30 MB
 * in each thread, and a plan needs it only for years that no plan before it has asked of.
 */
import type Holidays from 'date-holidays'
import { createRequire } from 'node:module'

/** The class of calendars, as `date-holidays` has it. */
export function holidayLibrary(): typeof Holidays {
  return load('date-holidays') as typeof Holidays
}

const load = createRequire(import.meta.url)
