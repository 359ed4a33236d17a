/** The public holidays of all campaigns' regions, for every year in which something was sent or is planned: SQL does not know them. */
import { dayNumber, dayText } from '../../schedule/days.ts'
import { isPublicHoliday } from '../../schedule/holidays.ts'
import type { Ask } from './check.ts'

/** Codes and days side by side, as the checks are given them. */
export async function readHolidays(ask: Ask): Promise<[codes: string[], days: string[]]> {
  const rows = await ask<{ code: string; first: string; last: string }>(
    `select c.holidays as code, min(d.day) as first, max(d.day) + 31 as last
     from goniec.campaign c join goniec.campaign_day d on d.campaign_id = c.id
     where c.holidays is not null
     group by c.holidays`,
    [],
  )
  const holidays = rows.flatMap(({ code, first, last }) => holidaysOf(code, dayNumber(first), dayNumber(last)))
  return [holidays.map(({ code }) => code), holidays.map(({ day }) => day)]
}

function holidaysOf(code: string, first: number, last: number): { code: string; day: string }[] {
  const days: { code: string; day: string }[] = []
  for (let day = first; day <= last; day += 1) {
    if (isPublicHoliday(code, day)) days.push({ code, day: dayText(day) })
  }
  return days
}
