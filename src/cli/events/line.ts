/** An event as it is printed: in words for people, with its words for programs. */
import { describeEvent } from '../../reports/event-words.ts'
import type { RecordedEvent } from '../../reports/events.ts'
import { toLocalTime } from '../../time.ts'
import { aboutOf } from '../status/sections.ts'
import { harmless } from '../text-width.ts'

/** `2026-12-01 12:00:03  spring-offer intro → jan@klient.example: sent`. */
export function eventLine(event: RecordedEvent, timeZone: string): string {
  const about = aboutOf(event)
  const words = describeEvent(event, timeZone)
  return harmless(
    `${toLocalTime(event.at, timeZone, { seconds: true })}  ${about === '' ? words : `${about}: ${words}`}`,
  )
}

/** What `--json` prints: the event, and its words. */
export function eventJson(event: RecordedEvent, timeZone: string): RecordedEvent & { text: string } {
  return { ...event, text: describeEvent(event, timeZone) }
}
