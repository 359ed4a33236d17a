/** Tells what happened, an event a line, with its local time: to people, and no more of it than they asked for. */
import { toLocalTime, toWeekday, type Instant } from '../time.ts'
import type { Output } from './output.ts'

/** So many of the last events, unless all are asked for. */
const AT_MOST = 40

/** `Tue 2026-12-01 09:00:12  planned for 10:31:05`, in the output's zone; how many earlier ones were left out is said. */
export function printStory(
  output: Output,
  events: readonly { at: Instant; text: string }[],
  { all }: { all: boolean },
): void {
  const shown = all ? events : events.slice(-AT_MOST)
  const { timeZone } = output
  output.properties(
    shown.map(({ at, text }) => [`${toWeekday(at, timeZone)} ${toLocalTime(at, timeZone, { seconds: true })}`, text]),
  )
  if (shown.length < events.length) output.say(`${events.length - shown.length} earlier events: --all shows them.`)
}
