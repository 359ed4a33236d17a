/**
 * A forecast as a page that is shown in a meeting: one file, no scripts, nothing loaded from anywhere, and on paper A4 with nothing cut
 * off. One campaign fills a page or some; of several there is an overview first.
 */
import { describeNever } from '../../reports/reason-words.ts'
import { toLocalTime } from '../../time.ts'
import { version } from '../../version.ts'
import { bindingWords, fasterWords } from './binding-words.ts'
import { drawMonths, shadeRanges } from './calendar.ts'
import { drawCurve, finishWords } from './curve.ts'
import { grouped, longDay, mailsOf, shortDay, spanOf, weekday } from './day-words.ts'
import type { Drawn, DrawnCampaign, DrawnDay } from './drawn.ts'
import { drawLeads } from './leads-part.ts'
import { markup, type Markup } from './markup.ts'
import { mondayOf, prevailing, sumOf } from './rows.ts'
import { drawOverview } from './overview.ts'
import { STYLE } from './style.ts'

/** How every page begins: by it an older page of ours is known from a file that is not. */
export const PAGE_START = '<!DOCTYPE html>\n<!-- A forecast by goniec. -->\n'

/** The page, whole. */
export function drawPage(drawn: Drawn): string {
  const { campaigns, leads, madeAt, timeZone } = drawn
  const [only] = campaigns.length === 1 ? campaigns : []
  const title = only === undefined ? 'All campaigns' : only.campaign
  const kind = leads === undefined ? 'Forecast' : 'Rehearsal'
  const made = `${kind} of ${toLocalTime(madeAt, timeZone)} (${timeZone})`
  const page = markup`<html lang="en">
<head>
<meta charset="utf-8" />
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<meta name="generator" content="goniec ${version}" />
<title>${title}: when the mails go out</title>
<style>${STYLE_PIECE}</style>
</head>
<body>
<header><h1>${title}: when the mails go out</h1>
<p class="faint">${made}. Days are those of each campaign’s own time zone.${leads === undefined ? null : ' Nothing was written and nothing was sent.'}</p></header>
<main>
${campaigns.length === 0 ? markup`<p>No campaign has mails to send.</p>` : null}
${only === undefined && campaigns.length > 0 ? drawOverview(campaigns) : null}
${campaigns.map((campaign, i) => drawCampaign(campaign, `c${i + 1}`, { alone: only !== undefined }))}
${leads === undefined ? null : drawLeads(leads)}
</main>
<footer><p>Reckoned by goniec ${version} with the schedule that it sends by: windows, weekdays, holidays, delays, limits, warm-up and what other campaigns need of the same mailboxes. A forecast holds as long as these stay as they are.</p></footer>
</body>
</html>
`
  return PAGE_START + page.text
}

/** It is ours: CSS holds `>` and quotes, which are not to be escaped. */
const STYLE_PIECE = markup([STYLE] as unknown as TemplateStringsArray)

function drawCampaign(campaign: DrawnCampaign, id: string, { alone }: { alone: boolean }): Markup {
  const { days, never } = campaign
  return markup`<section class="campaign">
${alone ? null : markup`<h2>${campaign.campaign}</h2>`}
${figures(campaign)}
${never.map(({ reason, mails }) => markup`<p class="warning">${mailsOf(mails)} will not go out as things stand: ${describeNever(reason)}.</p>`)}
${days.length === 0 ? markup`<p>No mail of it will go out.</p>` : chartParts(campaign, id)}
</section>
`
}

function chartParts(campaign: DrawnCampaign, id: string): Markup {
  return markup`<h3>How many are out by when</h3>
${drawCurve(campaign, id)}
<p class="faint">${finishWords(campaign)} ${campaign.finish === null ? null : RANGE_WORDS}</p>
<div class="legend"><h3>The calendar</h3>
${shades(campaign)}</div>
<div class="months">${drawMonths(campaign, id)}</div>
<h3>What holds it up</h3>
${limits(campaign)}
<h3>Week by week</h3>
${weeks(campaign)}`
}

const RANGE_WORDS =
  'The range says how late this installation was with what it had forecast before; as long as little is on record, it is a careful guess.'

function figures(campaign: DrawnCampaign): Markup {
  const { mails, sent, days, firstMailsEnd, followUpsEnd, finish, never, calendar } = campaign
  const { from, to, days: weekdays } = calendar.window
  const entries: [string, string][] = [
    ['finished', finish === null ? (never.length === 0 ? '–' : 'never') : longDay(finish.likely)],
    ['80 % range', finish === null ? '–' : spanOf(finish.earliest, finish.latest)],
    ['first mails end', firstMailsEnd === null ? '–' : longDay(firstMailsEnd)],
    ['follow-ups end', followUpsEnd === null ? '–' : longDay(followUpsEnd)],
    ['to go', mailsOf(mails)],
    ['sent before', mailsOf(sent)],
    ['fullest day', mailsOf(Math.max(0, ...days.map((day) => day.mails)))],
    ['window', `${from}–${to} ${daysWords(weekdays)}`],
  ]
  return markup`<dl class="figures">${entries.map(([name, value]) => markup`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`
}

function daysWords(days: readonly string[]): string {
  return days.join(' ') === 'mon tue wed thu fri'
    ? 'Mon–Fri'
    : days.map((day) => day.slice(0, 1).toUpperCase() + day.slice(1)).join(' ')
}

function shades(campaign: DrawnCampaign): Markup {
  const entries = shadeRanges(campaign).map(
    ({ shade, from, to }) =>
      markup`<li><svg viewBox="0 0 12 12" aria-hidden="true"><rect width="12" height="12" fill="${shade}"/></svg>${from === to ? grouped(from) : `${grouped(from)}–${grouped(to)}`} mails</li>`,
  )
  return markup`<ul class="shades">${entries}<li>◇ holiday or skipped date</li><li>thick frame: likely the last day; dashed: its 80 % range</li></ul>`
}

function limits({ days }: DrawnCampaign): Markup {
  const sending = days.filter(({ mails }) => mails > 0)
  const codes = [...new Set(sending.map(({ binding }) => binding))]
  const rows = codes
    .map((code) => ({ code, days: sending.filter(({ binding }) => binding === code) }))
    .toSorted((a, b) => b.days.length - a.days.length)
  return markup`<table>
<thead><tr><th scope="col">limit that binds</th><th scope="col" class="number">days</th><th scope="col" class="number">mails</th><th scope="col">what would be faster</th></tr></thead>
<tbody>
${rows.map(({ code, days: of }) => markup`<tr><td>${bindingWords(code)}</td><td class="number">${of.length}</td><td class="number">${grouped(sumOf(of).mails)}</td><td>${fasterWords(code)}</td></tr>\n`)}</tbody>
</table>`
}

function weeks({ days, sent }: DrawnCampaign): Markup {
  const groups = new Map<string, DrawnDay[]>()
  for (const day of days) groups.set(mondayOf(day.day), [...(groups.get(mondayOf(day.day)) ?? []), day])
  let total = sent
  const rows = [...groups].map(([monday, of]) => {
    const { firstMails, followUps, mails } = sumOf(of)
    total += mails
    const { binding, mixed } = prevailing(of.filter((day) => day.mails > 0))
    return markup`<tr><td class="date">${weekday(monday)} ${shortDay(monday, { year: true })}</td><td class="number">${grouped(firstMails)}</td><td class="number">${grouped(followUps)}</td><td class="number">${grouped(mails)}</td><td class="number">${grouped(total)}</td><td>${mixed ? 'mostly ' : ''}${bindingWords(binding)}</td></tr>\n`
  })
  return markup`<table>
<thead><tr><th scope="col">week from</th><th scope="col" class="number">first mails</th><th scope="col" class="number">follow-ups</th><th scope="col" class="number">together</th><th scope="col" class="number">out by then</th><th scope="col">limit</th></tr></thead>
<tbody>
${rows}</tbody>
</table>`
}
