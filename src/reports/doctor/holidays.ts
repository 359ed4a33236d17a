/** Whether the public holidays of every region in use are known, for this year and the next. */
import type { Database } from '../../database/pool.ts'
import { dayNumber } from '../../schedule/days.ts'
import { isHolidayCode, isPublicHoliday } from '../../schedule/holidays.ts'
import { ok, problem, warning, type Checked } from './checked.ts'

/** Of campaigns that are not over. */
export async function checkHolidays(database: Pick<Database, 'query'>): Promise<Checked[]> {
  const name = 'public holidays'
  const regions = await database.query<{ code: string; year: number }>(
    `select distinct c.holidays as code, extract(year from goniec.now())::integer as year
     from goniec.campaign c
     where c.holidays is not null and c.status not in ('completed', 'cancelled')
     order by 1`,
  )
  const flaws = regions.flatMap(({ code, year }) => flawOf(code, year))
  if (flaws.length > 0) return flaws
  if (regions.length === 0) return [ok(name, 'no campaign keeps any')]
  const year = regions[0]?.year ?? 0
  return [ok(name, `those of ${regions.map(({ code }) => code).join(', ')} are known for ${year} and ${year + 1}`)]
}

function flawOf(code: string, year: number): Checked[] {
  const name = `public holidays of ${code}`
  if (!isHolidayCode(code)) {
    const todo =
      'correct holidays in the definition file and goniec apply it, or install a goniec that knows the region'
    return [problem(name, 'goniec knows no such country or region, so nothing of its campaigns can be planned', todo)]
  }
  const empty = [year, year + 1].filter((year) => !hasHolidays(code, year))
  if (empty.length === 0) return []
  const todo = 'name the days under skip_dates in the definition file'
  return [warning(name, `none is known for ${empty.join(' and ')}: mails would go out on all of them`, todo)]
}

function hasHolidays(code: string, year: number): boolean {
  const [first, after] = [dayNumber(`${year}-01-01`), dayNumber(`${year + 1}-01-01`)]
  for (let day = first; day < after; day += 1) if (isPublicHoliday(code, day)) return true
  return false
}
