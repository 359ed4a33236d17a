/**
 * Events as they happen, until Ctrl-C. Each is printed once, also those that were committed later than others behind them; an outage of the
 * database is told, and what happened meanwhile comes when it is back.
 */
import type { Database } from '../../database/pool.ts'
import { readAtOnce } from '../../database/read-at-once.ts'
import { messageOf } from '../../errors.ts'
import { EventStream } from '../../reports/event-stream.ts'
import { readEvents, type RecordedEvent } from '../../reports/events.ts'
import type { Cli } from '../cli.ts'
import { keepLooking } from '../keep-looking.ts'
import { parseWhole } from '../number.ts'
import { toJson } from '../output.ts'
import { readFilter, type EventFlags } from './filter.ts'
import { eventJson, eventLine } from './line.ts'

/** So many of the last ones are printed before what comes. */
const STANDARD = 10
const LOOK = { withinMs: 20_000 }

/** Prints the last events, and each that comes, one on a line. */
export async function followEvents(cli: Cli, flags: EventFlags): Promise<void> {
  const limit = flags.limit === undefined ? STANDARD : parseWhole(flags.limit, '--limit', { most: 100_000 })
  await cli.withDatabase(async (database) => {
    const filter = await readFilter(database, flags, cli.output.timeZone)
    const { stream, last } = await readAtOnce(database, LOOK, async (at) => ({
      stream: await EventStream.open(at, filter),
      last: limit === 0 ? [] : (await readEvents(at, filter, { limit })).events,
    }))
    await print(cli, last)
    await follow(cli, database, stream)
  })
}

async function follow(cli: Cli, database: Database, stream: EventStream): Promise<void> {
  let isAway = false
  const ending = new AbortController()
  const looking = keepLooking({
    async look() {
      const { events, more } = await stream.read(database, { ...LOOK, signal: ending.signal })
      await print(cli, events)
      return more
    },
    onAway(error) {
      if (!isAway)
        cli.output.say(`The database is away (${messageOf(error)}); what happens meanwhile comes when it is back.`)
      isAway = true
    },
    onBack() {
      isAway = false
      cli.output.say('The database is back.')
    },
  })
  cli.handleSignals(() => {
    looking.stop()
    ending.abort()
  })
  await looking.ended
}

async function print({ flags, output }: Cli, events: readonly RecordedEvent[]): Promise<void> {
  for (const event of events) {
    if (flags.json) output.line(toJson(eventJson(event, output.timeZone), { onOneLine: true }))
    else output.line(eventLine(event, output.timeZone))
  }
  // Whoever reads slowly holds this up, and not its memory.
  await output.drained()
}
