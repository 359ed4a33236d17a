/**
 * A forecast for the terminal: the dates, and a bar for each sending day. First mails are full blocks and follow-ups shaded ones, so
 * that they are told apart without colour. In a narrow window the limits stand on lines of their own.
 */
import { describeNever } from '../../reports/reason-words.ts'
import { bindingWords } from './binding-words.ts'
import { grouped, isoDay, mailsOf, monthOf, shortDay, spanOf, weekday } from './day-words.ts'
import type { Drawn, DrawnCampaign } from './drawn.ts'
import { fittingRows, type ChartRow, type Fold, type GapRow, type MailRow } from './rows.ts'

export interface Screen {
  columns: number
  /** Rows of days that are shown before they are folded. */
  mostRows: number
  /** Makes a text faint, where colours are wanted. */
  dim: (text: string) => string
}

/** In a pipe: a width that fits everywhere, and days as long as a quarter. */
const PIPE = { columns: 80, mostRows: 100 }
/** Fewer columns cannot hold a date, a count and a bar. */
const LEAST_COLUMNS = 36
/** From here on the limit stands beside the bar. */
const WIDE_COLUMNS = 80

/** The screen that output goes to. */
export function screenOf(
  stream: Pick<NodeJS.WriteStream, 'isTTY' | 'columns' | 'rows'>,
  dim: (text: string) => string,
): Screen {
  if (!stream.isTTY) return { ...PIPE, dim }
  // A screen of bars and one more is read at a glance; beyond that weeks tell more than days.
  return { columns: Math.max(LEAST_COLUMNS, stream.columns), mostRows: Math.max(20, stream.rows * 2), dim }
}

/** The lines of a whole forecast: one part for each campaign. */
export function drawBars({ campaigns }: Drawn, screen: Screen): string[] {
  return campaigns.flatMap((campaign, i) => [...(i === 0 ? [] : ['']), ...campaignLines(campaign, screen)])
}

function campaignLines(campaign: DrawnCampaign, screen: Screen): string[] {
  const { fold, rows } = fittingRows(campaign, screen.mostRows)
  return [...headLines(campaign, screen), ...(rows.length === 0 ? [] : ['', ...chart(rows, fold, screen)])]
}

function headLines(campaign: DrawnCampaign, { columns }: Screen): string[] {
  const { mails, sent, days, firstMailsEnd, followUpsEnd, finish, never } = campaign
  const entries: [string, string][] = [
    ['to go', mailsOf(mails)],
    ...(sent === 0 ? [] : [['sent before', mailsOf(sent)] as [string, string]]),
  ]
  const first = days.find((day) => day.mails > 0)
  if (first !== undefined) entries.push(['first day', isoDay(first.day)])
  if (firstMailsEnd !== null) entries.push(['first mails end', isoDay(firstMailsEnd)])
  if (followUpsEnd !== null) entries.push(['follow-ups end', isoDay(followUpsEnd)])
  if (never.length > 0 || finish !== null) entries.push(['finished', finish === null ? 'never' : isoDay(finish.likely)])
  if (finish !== null && finish.earliest !== finish.latest) entries.push(['80 % range', rangeWords(finish, columns)])
  if (finish?.extrapolated === true)
    entries.push(['days shown', `up to ${isoDay(days.at(-1)?.day ?? '')}; beyond, by their pace`])
  const width = Math.max(...entries.map(([name]) => name.length))
  const warnings = never.map(
    ({ reason, mails: count }) => `${mailsOf(count)} will not go out as things stand: ${describeNever(reason)}`,
  )
  return [clean(campaign.campaign), ...entries.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`), ...warnings]
}

function rangeWords({ earliest, latest }: { earliest: string; latest: string }, columns: number): string {
  return columns < WIDE_COLUMNS ? spanOf(earliest, latest) : `${isoDay(earliest)} to ${isoDay(latest)}`
}

function chart(rows: readonly ChartRow[], fold: Fold, screen: Screen): string[] {
  const wide = screen.columns >= WIDE_COLUMNS
  const labels = rows.map((row) => labelOf(row, fold, wide))
  const most = Math.max(1, ...rows.map((row) => (row.kind === 'mails' ? row.mails : 0)))
  const layout: Layout = {
    label: Math.max(...labels.map(widthOf)),
    count: grouped(most).length,
    limit: wide ? Math.max(...rows.map((row) => (row.kind === 'mails' ? limitWords(row).length : 0))) : 0,
    most,
    screen,
    wide,
  }
  const lines: string[] = [legend(rows, fold, wide)]
  let limit: string | undefined
  for (const [i, row] of rows.entries()) {
    const label = labels[i] ?? ''
    if (row.kind === 'gap') {
      lines.push(gapLine(row, label, layout))
      continue
    }
    if (!wide && limitWords(row) !== limit) lines.push(screen.dim(`  ${limitWords(row)}:`))
    limit = limitWords(row)
    lines.push(mailLine(row, label, layout))
  }
  return lines
}

interface Layout {
  label: number
  count: number
  limit: number
  most: number
  screen: Screen
  wide: boolean
}

const FIRST_MAIL = '█'
const FOLLOW_UP = '░'

function legend(rows: readonly ChartRow[], fold: Fold, wide: boolean): string {
  const has = (what: 'firstMails' | 'followUps'): boolean => rows.some((row) => row.kind === 'mails' && row[what] > 0)
  const folds = { day: [], week: [wide ? 'weeks from Monday' : 'weeks'], month: ['months'] }
  return [
    ...folds[fold],
    ...(has('firstMails') ? [`${FIRST_MAIL} first mails`] : []),
    ...(has('followUps') ? [`${FOLLOW_UP} follow-ups`] : []),
    ...(wide ? ['right: the limit that binds'] : []),
  ].join(wide ? ' · ' : ', ')
}

function labelOf(row: ChartRow, fold: Fold, wide: boolean): string {
  const day = row.kind === 'mails' ? row.day : row.from
  if (row.kind === 'gap' && row.from !== row.to) return `${weekday(row.from)}–${weekday(row.to)}`
  if (fold === 'month') return wide ? monthOf(day) : shortDay(day, { year: true }).slice(2)
  if (fold === 'week') return wide ? day : shortDay(day)
  return wide ? isoDay(day) : `${weekday(day)} ${shortDay(day)}`
}

/** A dot where counts stand, and where bars begin why nothing goes out; a day of the week on which nothing ever does needs no words. */
function gapLine({ from, to, words }: GapRow, label: string, { label: width, count, screen }: Layout): string {
  const span = from !== to && words !== '' ? ` (${shortDay(from)} to ${shortDay(to)})` : ''
  const line = `${label.padEnd(width)}  ${'·'.padStart(count)}  ${words}${span}`.trimEnd()
  return screen.dim(line.length > screen.columns ? `${line.slice(0, screen.columns - 1)}…` : line)
}

function mailLine(row: MailRow, label: string, layout: Layout): string {
  const { screen, most } = layout
  const before = `${label.padEnd(layout.label)}  ${grouped(row.mails).padStart(layout.count)}  `
  const space = screen.columns - before.length - (layout.limit === 0 ? 0 : layout.limit + 2)
  const [first, follow] = cells(row, Math.max(1, space), most)
  const bar = FIRST_MAIL.repeat(first) + FOLLOW_UP.repeat(follow)
  if (!layout.wide) return before + bar
  return `${before}${bar.padEnd(space)}  ${screen.dim(limitWords(row))}`
}

/** What is there is seen: the smallest share has one cell, as long as there are two. */
function cells({ mails, followUps }: MailRow, space: number, most: number): [first: number, follow: number] {
  const all = Math.max(1, Math.round((mails / most) * space))
  if (followUps === 0) return [all, 0]
  if (followUps === mails) return [0, all]
  if (all === 1) return followUps * 2 > mails ? [0, 1] : [1, 0]
  const follow = Math.min(all - 1, Math.max(1, Math.round((followUps / mails) * all)))
  return [all - follow, follow]
}

function limitWords({ binding, mixed }: MailRow): string {
  return mixed ? `mostly ${bindingWords(binding)}` : bindingWords(binding)
}

/** A control character in a name must not draw on the terminal. */
function clean(name: string): string {
  return name.replaceAll(/\p{Cc}+/gu, ' ')
}

function widthOf(text: string): number {
  return Array.from(text).length
}
