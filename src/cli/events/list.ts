import { readEvents } from '../../reports/events.ts'
import { toLocalTime } from '../../time.ts'
import type { Cli } from '../cli.ts'
import { parseWhole } from '../number.ts'
import { readFilter, type EventFlags } from './filter.ts'
import { eventJson, eventLine } from './line.ts'

const STANDARD = 50

/** Prints the last events, in the order they happened. */
export async function listEvents(cli: Cli, flags: EventFlags): Promise<void> {
  const limit = flags.limit === undefined ? STANDARD : parseWhole(flags.limit, '--limit', { least: 1, most: 100_000 })
  const { output } = cli
  const { events, lookedBackTo } = await cli.withDatabase(async (database) =>
    readEvents(database, await readFilter(database, flags, output.timeZone), { limit }),
  )
  output.data(
    events.map((event) => eventJson(event, output.timeZone)),
    () => {
      for (const event of events) output.line(eventLine(event, output.timeZone))
      output.say(events.length === 0 ? 'There are no such events.' : `Times are local in ${output.timeZone}.`)
    },
  )
  if (lookedBackTo !== undefined) {
    const time = toLocalTime(lookedBackTo, output.timeZone)
    output.say(`The record was looked through back to ${time}; further back: --since '2026-01-01 00:00'`)
  }
}
