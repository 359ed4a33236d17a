/** The curve of a campaign: how many mails are out by the end of each day, first mails and follow-ups, and when it will likely end. */
import { dayNumber, dayText } from '../../schedule/days.ts'
import { FAINT, FIRST_MAILS, FOLLOW_UPS, INK, LINE } from './colours.ts'
import { grouped, longDay, mailsOf, shortDay, spanOf } from './day-words.ts'
import type { DrawnCampaign } from './drawn.ts'
import { markup, type Markup } from './markup.ts'

const WIDTH = 720
const HEIGHT = 300
const PLOT = { left: 56, right: 704, top: 44, bottom: 256 }

interface Scale {
  x: (day: number) => number
  y: (mails: number) => number
  first: number
  last: number
  most: number
}

/** The picture; `id` is unique on its page. Null where no mail will go out. */
export function drawCurve(campaign: DrawnCampaign, id: string): Markup | null {
  const points = pointsOf(campaign)
  const end = points.at(-1)
  if (end === undefined) return null
  const scale = scaleOf(campaign, points)
  const describe = `${mailsOf(end.all)} from ${longDay(dayText((points[0]?.day ?? 0) + 1))} to ${longDay(dayText(end.day))}: ${mailsOf(end.first)} of them first mails, ${mailsOf(end.all - end.first)} follow-ups.`
  return markup`<svg xmlns="http://www.w3.org/2000/svg" class="curve" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="${id}-title ${id}-desc" font-family="sans-serif" font-size="12">
<title id="${id}-title">Mails out by day: ${campaign.campaign}</title>
<desc id="${id}-desc">${describe} ${finishWords(campaign)}</desc>
<defs><pattern id="${id}-hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" fill="${FOLLOW_UPS}"/><path d="M0 0V6" stroke="#ffffff" stroke-width="2"/></pattern></defs>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>
${grid(scale)}
${band(campaign, scale)}
<path d="${area(points, scale, 'all', 'first')}" fill="url(#${id}-hatch)" stroke="none"/>
<path d="${area(points, scale, 'first', null)}" fill="${FIRST_MAILS}" stroke="none"/>
<path d="${line(points, scale)}" fill="none" stroke="${INK}" stroke-width="2" stroke-linejoin="round"/>
${legend(id, end.all > end.first)}
</svg>`
}

interface Point {
  day: number
  first: number
  all: number
}

/** The evening before the first day has none. */
function pointsOf({ days }: DrawnCampaign): Point[] {
  const start = days.find(({ mails }) => mails > 0)
  if (start === undefined) return []
  const points: Point[] = [{ day: dayNumber(start.day) - 1, first: 0, all: 0 }]
  let [first, all] = [0, 0]
  for (const { day, firstMails, mails } of days) {
    if (mails === 0) continue
    const before = dayNumber(day) - 1
    // Flat over the days between, on which nothing goes out.
    if (before > (points.at(-1)?.day ?? before)) points.push({ day: before, first, all })
    first += firstMails
    all += mails
    points.push({ day: dayNumber(day), first, all })
  }
  return points
}

function scaleOf({ finish }: DrawnCampaign, points: readonly Point[]): Scale {
  const first = points[0]?.day ?? 0
  const end = points.at(-1)
  const last = Math.max(
    end?.day ?? first,
    finish === null || finish.extrapolated ? first : dayNumber(finish.latest),
    first + 1,
  )
  const most = niceAbove(end?.all ?? 1)
  return {
    first,
    last,
    most,
    x: (day) => round(PLOT.left + ((day - first) / (last - first)) * (PLOT.right - PLOT.left)),
    y: (mails) => round(PLOT.bottom - (mails / most) * (PLOT.bottom - PLOT.top)),
  }
}

/** Up to four steps of 1, 2 or 5 times a power of ten. */
function niceStep(most: number): number {
  const rough = most / 4
  const power = 10 ** Math.floor(Math.log10(Math.max(1, rough)))
  return Math.max(1, ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power)
}

function niceAbove(most: number): number {
  const step = niceStep(most)
  return Math.ceil(most / step) * step
}

function grid({ x, y, first, last, most }: Scale): Markup {
  const step = niceStep(most)
  const levels = Array.from({ length: Math.round(most / step) + 1 }, (_, i) => i * step)
  return markup`${levels.map(
    (mails) =>
      markup`<path d="M${PLOT.left} ${y(mails)}H${PLOT.right}" stroke="${LINE}" stroke-width="1"/><text x="${PLOT.left - 6}" y="${y(mails) + 4}" text-anchor="end" fill="${FAINT}">${grouped(mails)}</text>`,
  )}${ticks(first, last).map((day, i, all) => {
    const anchor = x(day) < PLOT.left + 20 ? 'start' : x(day) > PLOT.right - 20 ? 'end' : 'middle'
    const year = i === 0 || dayText(day).slice(0, 4) !== dayText(all[i - 1] ?? day).slice(0, 4)
    return markup`<path d="M${x(day)} ${PLOT.bottom}v5" stroke="${FAINT}"/><text x="${x(day)}" y="${PLOT.bottom + 18}" text-anchor="${anchor}" fill="${FAINT}">${shortDay(dayText(day))}</text>${year ? markup`<text x="${x(day)}" y="${PLOT.bottom + 33}" text-anchor="${anchor}" fill="${FAINT}">${dayText(day).slice(0, 4)}</text>` : null}`
  })}`
}

/** About eight dates: every so many days, or first days of months. */
function ticks(first: number, last: number): number[] {
  const span = last - first
  const days = Array.from({ length: span }, (_, i) => first + 1 + i)
  if (span <= 70) {
    const every = Math.max(1, span > 16 ? Math.ceil(span / 8 / 7) * 7 : Math.ceil(span / 8))
    return days.filter((day) => (day - first - 1) % every === 0)
  }
  const months = days.filter((day) => dayText(day).endsWith('-01'))
  const every = Math.ceil(months.length / 9)
  return months.filter((_, i) => i % every === 0)
}

/** Where the last mail falls in four of five cases, behind the curve, with its dates above. */
function band({ finish }: DrawnCampaign, { x }: Scale): Markup | null {
  if (finish === null) return null
  const [from, likely, to] = [finish.earliest, finish.likely, finish.latest].map((day) => x(dayNumber(day)))
  const [left, middle, right] = [from ?? 0, likely ?? 0, to ?? 0]
  const range = finish.earliest === finish.latest ? '' : `; 80 %: ${spanOf(finish.earliest, finish.latest)}`
  const words = `finished ${shortDay(finish.likely, { year: range === '' })}${range}`
  const text = markup`<text x="${PLOT.right}" y="${PLOT.top - 16}" text-anchor="end" fill="${INK}" font-weight="bold">${words}</text>`
  // Behind the days that were reckoned there is no place for it.
  if (finish.extrapolated) return text
  return markup`<rect x="${left}" y="${PLOT.top - 8}" width="${round(Math.max(2, right - left))}" height="${PLOT.bottom - PLOT.top + 8}" fill="#d9ead3" stroke="#6a9a5b" stroke-dasharray="3 3"/><path d="M${middle} ${PLOT.top - 8}V${PLOT.bottom}" stroke="#2d6a1f" stroke-width="2"/>${text}`
}

function area(points: readonly Point[], { x, y }: Scale, upper: 'all' | 'first', lower: 'first' | null): string {
  const there = points.map((point) => `${x(point.day)} ${y(point[upper])}`)
  const back = points.toReversed().map((point) => `${x(point.day)} ${y(lower === null ? 0 : point[lower])}`)
  return `M${there.join('L')}L${back.join('L')}Z`
}

function line(points: readonly Point[], { x, y }: Scale): string {
  return `M${points.map(({ day, all }) => `${x(day)} ${y(all)}`).join('L')}`
}

function legend(id: string, followUps: boolean): Markup {
  const hatched = followUps ? legendEntry(PLOT.left + 110, `url(#${id}-hatch)`, 'follow-ups') : null
  return markup`${legendEntry(PLOT.left, FIRST_MAILS, 'first mails')}${hatched}`
}

function legendEntry(at: number, fill: string, words: string): Markup {
  return markup`<rect x="${at}" y="10" width="14" height="12" fill="${fill}" stroke="${INK}" stroke-width="0.5"/><text x="${at + 20}" y="20" fill="${INK}">${words}</text>`
}

/** A sentence on when it ends. */
export function finishWords({ finish }: DrawnCampaign): string {
  if (finish === null) return 'It does not end.'
  const pace = finish.extrapolated
    ? ' What lies behind the last day shown is reckoned by the pace of those before.'
    : ''
  if (finish.earliest === finish.latest) return `It likely ends on ${longDay(finish.likely)}.${pace}`
  return `It likely ends on ${longDay(finish.likely)}; in four of five cases from ${longDay(finish.earliest)} to ${longDay(finish.latest)}.${pace}`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
