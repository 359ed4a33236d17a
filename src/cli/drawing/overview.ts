/** All campaigns on one table, each with a bar on a common line of time. */
import { dayNumber } from '../../schedule/days.ts'
import { assert } from '../../errors.ts'
import { FIRST_MAILS, INK, LINE } from './colours.ts'
import { drawCurve } from './curve.ts'
import { grouped, longDay, spanOf } from './day-words.ts'
import type { DrawnCampaign } from './drawn.ts'
import { markup, type Markup } from './markup.ts'
import { sumOf } from './rows.ts'

const WIDTH = 200

/** The overview; for more campaigns than one. */
export function drawOverview(campaigns: readonly DrawnCampaign[]): Markup {
  const ends = campaigns.flatMap(({ days, finish }) => [
    days[0]?.day ?? '',
    days.at(-1)?.day ?? '',
    finish?.latest ?? '',
  ])
  const dates = ends.filter((day) => day !== '').toSorted()
  const span = { first: dates[0] ?? '', last: dates.at(-1) ?? '' }
  const time = span.first === '' ? null : spanOf(span.first, span.last)
  return markup`<section class="overview">
<table>
<thead><tr><th scope="col">campaign</th><th scope="col" class="number">to go</th><th scope="col">first mails end</th><th scope="col">finished (80 %)</th><th scope="col" class="span">${time}</th></tr></thead>
<tbody>
${campaigns.map((campaign, i) => row(campaign, span, `o${i + 1}`))}</tbody>
</table>
<h3>How many of all are out by when</h3>
${drawCurve(together(campaigns), 'all')}
</section>
`
}

/** All of them as one, as far as a curve goes. */
function together(campaigns: readonly DrawnCampaign[]): DrawnCampaign {
  const byDay = Map.groupBy(
    campaigns.flatMap(({ days }) => days),
    ({ day }) => day,
  )
  const days = Array.from(byDay, ([day, of]) => ({ day, ...sumOf(of), binding: 'all_planned' as const }))
  const [first] = campaigns
  assert(first, 'there is an overview of two campaigns and more')
  return {
    ...first,
    campaign: 'all campaigns',
    days: days.toSorted((a, b) => (a.day < b.day ? -1 : 1)),
    finish: campaigns.map(({ finish }) => finish).reduce(later),
  }
}

/** All have ended when the last one has. */
function later(a: DrawnCampaign['finish'], b: DrawnCampaign['finish']): DrawnCampaign['finish'] {
  if (a === null || b === null) return a ?? b
  return {
    earliest: lastOf(a.earliest, b.earliest),
    likely: lastOf(a.likely, b.likely),
    latest: lastOf(a.latest, b.latest),
    extrapolated: a.extrapolated || b.extrapolated,
  }
}

function lastOf(a: string, b: string): string {
  return a > b ? a : b
}

function row(campaign: DrawnCampaign, span: { first: string; last: string }, id: string): Markup {
  const { firstMailsEnd, finish, mails, never, status } = campaign
  const end =
    finish === null
      ? markup`${never.length === 0 ? '–' : 'never'}`
      : markup`<span class="date">${longDay(finish.likely)}</span> <span class="faint date">(${spanOf(finish.earliest, finish.latest)})</span>`
  return markup`<tr><td class="name">${campaign.campaign} <span class="faint">${status}</span></td><td class="number">${grouped(mails)}</td><td class="date">${firstMailsEnd === null ? '–' : longDay(firstMailsEnd)}</td><td>${end}</td><td class="span">${bar(campaign, span, id)}</td></tr>
`
}

function bar(
  { campaign, days, finish }: DrawnCampaign,
  span: { first: string; last: string },
  id: string,
): Markup | null {
  const [from, to] = [days[0]?.day, days.at(-1)?.day]
  if (from === undefined || to === undefined) return null
  const length = Math.max(1, dayNumber(span.last) - dayNumber(span.first) + 1)
  const x = (day: string): number => Math.round(((dayNumber(day) - dayNumber(span.first)) / length) * WIDTH * 10) / 10
  const one = WIDTH / length
  const range =
    finish === null
      ? null
      : markup`<path d="M${x(finish.earliest)} 12V20M${x(finish.earliest)} 16H${x(finish.latest) + one}M${x(finish.latest) + one} 12V20" stroke="${INK}" stroke-width="1.5" fill="none"/>`
  return markup`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} 24" preserveAspectRatio="none" role="img" aria-labelledby="${id}"><title id="${id}">${campaign}: mails from ${longDay(from)} to ${longDay(to)}</title><path d="M0 16H${WIDTH}" stroke="${LINE}"/><rect x="${x(from)}" y="4" width="${Math.max(2, x(to) - x(from) + one)}" height="10" fill="${FIRST_MAILS}"/>${range}</svg>`
}
