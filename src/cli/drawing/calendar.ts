/** The calendar of a campaign: a picture for each month with a cell for each day, shaded by its mails; days off have their reason. */
import { dayNumber, dayText, weekdayOf } from '../../schedule/days.ts'
import { dayOff } from '../../schedule/day-off.ts'
import { bindingWords } from './binding-words.ts'
import { FAINT, FREE, INK, inkOn, LINE, SHADES } from './colours.ts'
import { grouped, longDay, mailsOf, monthOf } from './day-words.ts'
import type { DrawnCampaign, DrawnDay } from './drawn.ts'
import { markup, type Markup } from './markup.ts'
import { eachDay, gapWords } from './rows.ts'

const CELL = { width: 30, height: 26 }
const TOP = 36

/** One figure a month, from the first day with mails to the latest likely end. */
export function drawMonths(campaign: DrawnCampaign, id: string): Markup[] {
  const [first, last] = [campaign.days[0]?.day, lastDay(campaign)]
  if (first === undefined || last === undefined) return []
  const months = [...new Set(eachDay(first, last).map((day) => day.slice(0, 7)))]
  const byDay = new Map(campaign.days.map((day) => [day.day, day]))
  const most = Math.max(...campaign.days.map(({ mails }) => mails))
  return months.map((month) => drawMonth({ campaign, month, byDay, most, first, last, id: `${id}-${month}` }))
}

/** The shades and what they stand for, beside the months. */
export function shadeRanges(campaign: DrawnCampaign): { shade: string; from: number; to: number }[] {
  const most = Math.max(0, ...campaign.days.map(({ mails }) => mails))
  return SHADES.map((shade, i) => ({
    shade,
    from: Math.floor((most * i) / SHADES.length) + 1,
    to: Math.floor((most * (i + 1)) / SHADES.length),
  })).filter(({ from, to }) => from <= to)
}

function lastDay({ days, finish }: DrawnCampaign): string | undefined {
  const last = days.at(-1)?.day
  if (last === undefined || finish === null || finish.extrapolated) return last
  return finish.latest < last ? last : finish.latest
}

interface Month {
  campaign: DrawnCampaign
  /** `2026-11` */
  month: string
  byDay: ReadonlyMap<string, DrawnDay>
  most: number
  first: string
  last: string
  id: string
}

function drawMonth(month: Month): Markup {
  const start = `${month.month}-01`
  const days = eachDay(start, lastOfMonth(start))
  const before = weekdayOf(dayNumber(start))
  const weeks = Math.ceil((before + days.length) / 7)
  const sum = days.reduce((total, day) => total + (month.byDay.get(day)?.mails ?? 0), 0)
  const [width, height] = [7 * CELL.width, TOP + weeks * CELL.height + 2]
  const cells = days.map((day, i) =>
    drawDay(month, day, { column: (before + i) % 7, row: Math.floor((before + i) / 7) }),
  )
  return markup`<figure class="month"><svg xmlns="http://www.w3.org/2000/svg" viewBox="-1 0 ${width + 2} ${height}" role="img" aria-labelledby="${month.id}" font-family="sans-serif">
<title id="${month.id}">${monthOf(start)}: ${mailsOf(sum)}</title>
<rect x="-1" width="${width + 2}" height="${height}" fill="#ffffff"/>
<text x="1" y="14" font-size="13" font-weight="bold" fill="${INK}">${monthOf(start)}</text><text x="${width - 1}" y="14" font-size="11" text-anchor="end" fill="${FAINT}">${mailsOf(sum)}</text>
${['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'].map((name, i) => markup`<text x="${(i + 0.5) * CELL.width}" y="30" font-size="9" text-anchor="middle" fill="${FAINT}">${name}</text>`)}
${cells}
</svg>${notes(month, days)}</figure>`
}

function lastOfMonth(start: string): string {
  let day = dayNumber(start) + 27
  while (dayText(day + 1).slice(0, 7) === start.slice(0, 7)) day++
  return dayText(day)
}

function drawDay(
  { campaign, byDay, most, first, last }: Month,
  day: string,
  at: { column: number; row: number },
): Markup {
  const [x, y] = [at.column * CELL.width, TOP + at.row * CELL.height]
  const there = byDay.get(day)
  const mails = there?.mails ?? 0
  const off = dayOff(campaign.calendar, day)
  const shade = Math.min(SHADES.length - 1, Math.floor(((mails - 1) / Math.max(1, most)) * SHADES.length))
  const fill = mails > 0 ? (SHADES[shade] ?? FREE) : off === null ? '#ffffff' : FREE
  const ink = mails > 0 ? inkOn(shade) : FAINT
  const isNamed = (off?.why === 'holiday' || off?.why === 'skipped') && day >= first && day <= last
  const frame = frameOf(campaign, day)
  return markup`<g data-day="${day}"><title>${dayWords(campaign, day, there)}</title><rect x="${x + 0.5}" y="${y + 0.5}" width="${CELL.width - 1}" height="${CELL.height - 1}" fill="${fill}" ${frame}/><text x="${x + 3}" y="${y + 9}" font-size="7.5" fill="${ink}">${Number(day.slice(8))}</text>${mails > 0 ? markup`<text x="${x + CELL.width / 2}" y="${y + 20.5}" font-size="${mails < 10_000 ? 11 : 8.5}" font-weight="bold" text-anchor="middle" fill="${ink}">${grouped(mails)}</text>` : null}${isNamed ? markup`<path d="M${x + 10} ${y + 18}l5 -5l5 5l-5 5Z" fill="none" stroke="${FAINT}" stroke-width="1.2"/>` : null}</g>`
}

/** A thick frame around the day on which it likely ends, a dashed one around the ends of its range. */
function frameOf({ finish }: DrawnCampaign, day: string): Markup {
  if (day === finish?.likely) return markup`stroke="${INK}" stroke-width="2.5"`
  if (day === finish?.earliest || day === finish?.latest)
    return markup`stroke="${INK}" stroke-width="1.5" stroke-dasharray="3 2"`
  return markup`stroke="${LINE}" stroke-width="0.7"`
}

/** What is known of a day, for whoever points at it or has it read out. */
function dayWords(campaign: DrawnCampaign, day: string, there: DrawnDay | undefined): string {
  if (there === undefined || there.mails === 0) {
    const words = gapWords(campaign.calendar, day, there)
    return `${longDay(day)}: ${words === '' ? 'not a sending day' : words}`
  }
  const { mails, firstMails, followUps, binding } = there
  return `${longDay(day)}: ${mailsOf(mails)} (${grouped(firstMails)} first, ${grouped(followUps)} follow-ups); limit: ${bindingWords(binding)}`
}

/** Holidays and skipped dates within the campaign's time, by name. */
function notes({ campaign, first, last }: Month, days: readonly string[]): Markup | null {
  const named = days.flatMap((day) => {
    const off = day < first || day > last ? null : dayOff(campaign.calendar, day)
    if (off?.why !== 'holiday' && off?.why !== 'skipped') return []
    return [markup`<li>${Number(day.slice(8))}: ${off.why === 'holiday' ? off.name : 'skipped date'}</li>`]
  })
  return named.length === 0 ? null : markup`<ul class="notes">${named}</ul>`
}
