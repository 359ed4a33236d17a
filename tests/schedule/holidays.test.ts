/** What was reckoned of holidays, handed from thread to thread. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { dayNumber } from '../../src/schedule/days.ts'
import { holidayName, isPublicHoliday, knownHolidays, rememberHolidays } from '../../src/schedule/holidays.ts'

test('a year that another thread has reckoned is not reckoned again', () => {
  expect(isPublicHoliday('PL', dayNumber('2026-12-25'))).toBe(true)
  expect(knownHolidays().get('PL 2026')?.get(dayNumber('2026-12-25'))).toContain('Bożego Narodzenia')
  rememberHolidays(new Map([['PL 2031', new Map([[dayNumber('2031-12-24'), 'told']])]]))
  expect(holidayName('PL', dayNumber('2031-12-24'))).toBe('told')
  expect(isPublicHoliday('PL', dayNumber('2031-12-25'))).toBe(false)
})

test('what plans loads the library of holidays for a year that it does not know, and not before', () => {
  const program = `
    import { createRequire } from 'node:module'
    const { runPlan } = await import(${sourceOf('campaigns/plan/run.ts')})
    const { isPublicHoliday, rememberHolidays } = await import(${sourceOf('schedule/holidays.ts')})
    const loaded = () => Object.keys(createRequire(import.meta.url).cache).some((name) => name.includes('date-holidays'))
    const seen = [typeof runPlan, loaded()]
    rememberHolidays(new Map([['PL 2026', new Map()]]))
    seen.push(isPublicHoliday('PL', 20600), loaded(), isPublicHoliday('PL', 20819), loaded())
    console.log(JSON.stringify(seen))`
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', program]
  // 2026-05-27, and 2027-01-01.
  expect(JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }))).toEqual([
    'function',
    false,
    false,
    false,
    true,
    true,
  ])
})

/** The path of a source as a text of JavaScript. */
function sourceOf(name: string): string {
  return JSON.stringify(join(import.meta.dirname, '../../src', name))
}
