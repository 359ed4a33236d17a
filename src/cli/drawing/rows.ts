/** The days of a campaign as rows of a chart, gaps named; folded by week or by month where there are too many. */
import type { BindingCode } from '../../schedule/binding.ts'
import { dayNumber, dayText, weekdayOf } from '../../schedule/days.ts'
import { dayOff } from '../../schedule/day-off.ts'
import { bindingWords } from './binding-words.ts'
import type { DrawnCampaign, DrawnDay } from './drawn.ts'

export type Fold = 'day' | 'week' | 'month'

/** A stretch of days: one that sends, or a gap with its reason in words. */
export type ChartRow = MailRow | GapRow

export interface MailRow {
  kind: 'mails'
  /** The first day of the stretch. */
  day: string
  firstMails: number
  followUps: number
  mails: number
  /** The limit that binds on most of its days, and whether others bind as well. */
  binding: BindingCode
  mixed: boolean
}

export interface GapRow {
  kind: 'gap'
  from: string
  to: string
  words: string
}

/** The finest rows of which no more than `most` are needed; months, however many they are. */
export function fittingRows(campaign: DrawnCampaign, most: number): { fold: Fold; rows: ChartRow[] } {
  for (const fold of ['day', 'week'] as const) {
    const rows = rowsOf(campaign, fold)
    if (rows.length <= most) return { fold, rows }
  }
  return { fold: 'month', rows: rowsOf(campaign, 'month') }
}

/** All rows, from the first day with mails to the last one. */
function rowsOf(campaign: DrawnCampaign, fold: Fold): ChartRow[] {
  return fold === 'day' ? dayRows(campaign) : folded(campaign.days, fold)
}

/** Every day from the first to the last, both included. */
export function eachDay(first: string, last: string): string[] {
  const days: string[] = []
  for (let day = dayNumber(first); day <= dayNumber(last); day++) days.push(dayText(day))
  return days
}

function dayRows({ days, calendar }: DrawnCampaign): ChartRow[] {
  const [first, last] = [days[0], days.at(-1)]
  if (first === undefined || last === undefined) return []
  const byDay = new Map(days.map((day) => [day.day, day]))
  const rows: ChartRow[] = []
  for (const day of eachDay(first.day, last.day)) {
    const there = byDay.get(day)
    if (there !== undefined && there.mails > 0) rows.push({ kind: 'mails', ...there, mixed: false })
    else addGap(rows, day, gapWords(calendar, day, there))
  }
  return rows
}

/** Days without mails that have the same reason are one row; each holiday has its own. */
function addGap(rows: ChartRow[], day: string, words: string): void {
  const before = rows.at(-1)
  if (before?.kind === 'gap' && before.words === words) before.to = day
  else rows.push({ kind: 'gap', from: day, to: day, words })
}

/** Why no mail goes out on a day; empty: it is a day of the week on which the campaign never sends. */
export function gapWords(calendar: DrawnCampaign['calendar'], day: string, there: DrawnDay | undefined): string {
  const off = dayOff(calendar, day)
  if (off === null) return there && there.binding !== 'all_planned' ? bindingWords(there.binding) : 'nothing is due'
  if (off.why === 'holiday') return off.name
  return {
    weekday: '',
    skipped: 'skipped date',
    before_start: 'not started yet',
    clock_change: 'clocks skip its window',
  }[off.why]
}

function folded(days: readonly DrawnDay[], fold: 'week' | 'month'): MailRow[] {
  const groups = new Map<string, DrawnDay[]>()
  for (const day of days) {
    if (day.mails === 0) continue
    const start = fold === 'month' ? `${day.day.slice(0, 7)}-01` : mondayOf(day.day)
    groups.set(start, [...(groups.get(start) ?? []), day])
  }
  return [...groups].map(([day, of]) => ({ kind: 'mails', day, ...sumOf(of), ...prevailing(of) }))
}

/** The Monday of the day's week. */
export function mondayOf(day: string): string {
  const number = dayNumber(day)
  return dayText(number - weekdayOf(number))
}

/** Mails of several days together. */
export function sumOf(days: readonly DrawnDay[]): Pick<DrawnDay, 'firstMails' | 'followUps' | 'mails'> {
  return days.reduce(
    (sum, { firstMails, followUps, mails }) => ({
      firstMails: sum.firstMails + firstMails,
      followUps: sum.followUps + followUps,
      mails: sum.mails + mails,
    }),
    { firstMails: 0, followUps: 0, mails: 0 },
  )
}

/** The limit that binds on most of these days; of two the one that comes first. */
export function prevailing(days: readonly DrawnDay[]): { binding: BindingCode; mixed: boolean } {
  const counts = new Map<BindingCode, number>()
  for (const { binding } of days) counts.set(binding, (counts.get(binding) ?? 0) + 1)
  const [first] = [...counts].toSorted(([, a], [, b]) => b - a)
  return { binding: first?.[0] ?? 'all_planned', mixed: counts.size > 1 }
}
