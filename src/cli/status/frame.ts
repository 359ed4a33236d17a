/**
 * The full screen as lines, exactly as many as the window has: what it is at the top, then the parts, each with the rows it is given, at
 * the bottom what can be done. Pure.
 */
import { findingsOf } from '../../reports/status/findings.ts'
import type { Status } from '../../reports/status/read.ts'
import { toLocalTime, type Instant } from '../../time.ts'
import { cutTo, displayWidth, harmless } from '../text-width.ts'
import { grouped } from './moments.ts'
import { campaignRows, eventRows, mailboxRows, nextRows, workersLine, type View } from './sections.ts'

export type Tone = 'plain' | 'heading' | 'alarm' | 'faint' | 'selected'

export interface Line {
  text: string
  tone: Tone
}

export interface Scene {
  status: Status
  /** Of the database's clock. */
  now: Instant
  width: number
  height: number
  /** Which campaign is chosen, by its place. */
  selected: number
  /** Stands at the bottom instead of the keys. */
  message: string | undefined
  /** Since when the database is away, and why; then everything above is what was known before. */
  away: { since: Instant; why: string } | undefined
  help: boolean
}

/** The keys, as help shows them. */
const HELP = [
  '↑ ↓  or k j   choose a campaign; Page Up, Page Down, Home, End too',
  'p             pause it, r resume it; both ask first',
  'q             end; Ctrl-C too. Ctrl-Z stops for a while, fg goes on',
  '?             this help; any key takes it away',
  '',
  'Bars of campaigns: what is sent of all that is to be sent, follow-ups included.',
  'Bars of mailboxes: what is taken of today’s limit.',
  'Times are local. What is shown is at most some seconds old.',
]

/** Exactly `height` lines, none of them wider than `width`. */
export function composeScreen(scene: Scene): Line[] {
  const { height, width } = scene
  const alarms = alarmLines(scene).slice(0, height < 18 ? 1 : 3)
  const room = height - 2 - alarms.length
  const body = scene.help ? helpLines(room) : bodyLines(scene, Math.max(0, room))
  const lines = [headLine(scene), ...alarms, ...body].slice(0, Math.max(0, height - 1))
  while (lines.length < height - 1) lines.push(plain(''))
  return [...lines, footLine(scene)]
    .slice(-height)
    .map((line) => ({ ...line, text: cutTo(harmless(line.text), width) }))
}

function headLine({ status, now, width, away }: Scene): Line {
  const time = toLocalTime(now, status.timezone, { seconds: true })
  const words =
    away === undefined
      ? workersLine(status)
      : `as it was at ${toLocalTime(status.at, status.timezone, { seconds: true }).slice(11)}`
  const long = `goniec  ${time} ${status.timezone}  ${words}`
  return { text: displayWidth(long) <= width ? long : `${time.slice(11)}  ${words}`, tone: 'heading' }
}

function alarmLines({ status, away }: Scene): Line[] {
  const { paused_at: braked, timezone } = status
  return [
    ...(away === undefined
      ? []
      : [alarm(`database away since ${toLocalTime(away.since, timezone, { seconds: true }).slice(11)}: ${away.why}`)]),
    ...(braked === null
      ? []
      : [alarm(`everything is paused since ${toLocalTime(braked, timezone)}: goniec resume --all`)]),
    ...findingsOf(status).map(({ text, command }) => alarm(`${text}: ${command}`)),
  ]
}

function alarm(text: string): Line {
  return { text, tone: 'alarm' }
}

function footLine({ message, width }: Scene): Line {
  if (message !== undefined) return { text: message, tone: 'heading' }
  const keys = '↑↓ choose   p pause   r resume   ? help   q quit'
  return { text: displayWidth(keys) <= width ? keys : '↑↓ p r ? q', tone: 'faint' }
}

function helpLines(room: number): Line[] {
  return HELP.slice(0, Math.max(0, room)).map(plain)
}

interface Part {
  heading: string
  rows: string[]
  /** Of the rows that are left over, so many at a time. */
  share: number
  selected?: number
}

function bodyLines({ status, now, width, selected }: Scene, room: number): Line[] {
  const view: View = { status, now, width: width - 2 }
  const parts: Part[] = [
    {
      heading: counted('Campaigns', status.campaigns.length, status.campaigns_total),
      rows: campaignRows(view),
      share: 2,
      selected,
    },
    { heading: 'Next mails', rows: nextRows(view), share: 1 },
    {
      heading: counted('Mailboxes today', status.mailboxes.length, status.mailboxes_total),
      rows: mailboxRows(view),
      share: 1,
    },
    { heading: 'Last events', rows: eventRows(view), share: 1 },
  ].filter(({ rows }) => rows.length > 0)
  const given = shareOut(parts, room)
  return parts.flatMap((part, i) => partLines(part, given[i] ?? 0))
}

function counted(heading: string, shown: number, total: number): string {
  return total > shown ? `${heading} (${grouped(shown)} of ${grouped(total)})` : heading
}

/** Rows for each part: one with its heading for as many parts as fit, then the rest in turns, the first parts first. */
function shareOut(parts: readonly Part[], room: number): number[] {
  const given = parts.map(() => 0)
  let left = room
  for (const [i, { rows }] of parts.entries()) {
    if (left < 2 || rows.length === 0) break
    given[i] = 1
    left -= 2
  }
  for (let hungry = true; hungry && left > 0;) {
    hungry = false
    for (const [i, { rows, share }] of parts.entries()) {
      const more = Math.min(given[i] === 0 ? 0 : share, rows.length - (given[i] ?? 0), left)
      given[i] = (given[i] ?? 0) + more
      left -= more
      hungry ||= more > 0
    }
  }
  return given
}

function partLines({ heading, rows, selected }: Part, most: number): Line[] {
  if (most === 0) return []
  // The chosen one stays in sight, in the middle where it can.
  const from = selected === undefined ? 0 : Math.max(0, Math.min(selected - Math.floor(most / 2), rows.length - most))
  const place = rows.length > most && selected !== undefined ? `, ${from + 1} to ${from + most}` : ''
  return [
    { text: `${heading}${place}`, tone: 'heading' },
    ...rows.slice(from, from + most).map((row, i): Line => {
      const isChosen = from + i === selected
      return { text: `${isChosen ? '▸' : ' '} ${row}`, tone: isChosen ? 'selected' : 'plain' }
    }),
  ]
}

function plain(text: string): Line {
  return { text, tone: 'plain' }
}
