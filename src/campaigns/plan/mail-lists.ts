/** Mails that were read as columns: a plan may have a million of them, and makes each when it looks at it. */
import type { MessageList, PlanMessage } from '../../schedule/plan-input.ts'
import { WAITING_CODES } from '../../schedule/plan-input.ts'
import { untouchedMail } from '../../schedule/untouched-mail.ts'
import { numberAt } from './columns.ts'
import type { FirstMails, StepRow } from './message-reads.ts'
import { messageOf, type Slots } from './slot-reads.ts'

type Steps = ReadonlyMap<number, StepRow>

/** First mails without a slot, but for those of removed steps. */
export function listOfFirstMails(all: FirstMails, steps: Steps): MessageList {
  const places = placesOf(all.ids.length, (place) => !stepAt(all, place, steps)?.is_removed)
  return listOf(places, (place) =>
    untouchedMail({
      id: all.ids[place] ?? 0,
      order: all.ids[place] ?? 0,
      campaignId: all.campaigns[place] ?? 0,
      leadId: numberAt(all.leads, place),
      // Columns are read only where no domain has a limit: then nobody asks for it.
      domain: null,
      stepPosition: stepAt(all, place, steps)?.position ?? null,
      said: WAITING_CODES[(all.said[place] ?? 0) - 1] ?? null,
    }),
  )
}

/** Mails with a slot, but for those that may not be mailed and those of removed steps. */
export function listOfSlots(all: Slots, steps: Steps): MessageList {
  const mayBeMailed = (place: number): boolean => !stepAt(all, place, steps)?.is_removed && !all.objections.has(place)
  return listOf(placesOf(all.ids.length, mayBeMailed), (place) => messageOf(all, place, stepAt(all, place, steps)))
}

/** The campaigns of which it has mails of removed steps. */
export function campaignsWithRemovedSteps(all: Pick<Slots, 'ids' | 'campaigns' | 'steps'>, steps: Steps): number[] {
  const places = placesOf(all.ids.length, (place) => stepAt(all, place, steps)?.is_removed === true)
  return [...new Set(Array.from(places, (place) => all.campaigns[place] ?? 0))]
}

/** Several lists as one. */
export function joined(lists: readonly MessageList[]): MessageList {
  const filled = lists.filter(({ length }) => length > 0)
  let length = 0
  const ends = filled.map((list) => (length += list.length))
  // Most looks go to the place behind the one before.
  let last = 0
  const at = (place: number): PlanMessage | undefined => {
    if (place >= (ends[last] ?? 0) || place < (ends[last - 1] ?? 0)) last = ends.findIndex((end) => place < end)
    return filled[last]?.at(place - (ends[last - 1] ?? 0))
  }
  return { length, at }
}

function stepAt(all: { steps: Slots['steps'] }, place: number, steps: Steps): StepRow | undefined {
  return steps.get(all.steps[place] ?? 0)
}

function listOf(places: Uint32Array, mailAt: (place: number) => PlanMessage): MessageList {
  return {
    length: places.length,
    at: (index) => {
      const place = places[index]
      return place === undefined ? undefined : mailAt(place)
    },
  }
}

function placesOf(length: number, isWanted: (place: number) => boolean): Uint32Array {
  const places = new Uint32Array(length)
  let count = 0
  for (let place = 0; place < length; place += 1) if (isWanted(place)) places[count++] = place
  return count === length ? places : places.slice(0, count)
}
