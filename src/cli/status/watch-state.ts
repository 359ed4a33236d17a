/** What whoever watches has chosen and is being asked, and what a key makes of it. Pure. */
import type { CampaignStatusRow } from '../../reports/status/campaigns.ts'
import type { Key } from './keys.ts'

export interface WatchState {
  /** The campaign by name: its place may change. */
  chosen: string | undefined
  asking: Act | undefined
  /** What was done last, or cannot be done; until the next key. */
  message: string | undefined
  help: boolean
}

export interface Act {
  verb: 'pause' | 'resume'
  name: string
}

export type Wish = Act | 'quit' | 'stop' | 'redraw' | undefined

export const INITIAL: WatchState = { chosen: undefined, asking: undefined, message: undefined, help: false }

type Named = Pick<CampaignStatusRow, 'name' | 'status'>

const PAGE = 10

/** The place of the chosen campaign: one that is no longer shown leaves its place to the first. */
export function chosenPlace({ chosen }: WatchState, campaigns: readonly Named[]): number {
  return Math.max(
    0,
    campaigns.findIndex(({ name }) => name === chosen),
  )
}

/** What stands at the bottom, where not the keys do. */
export function footOf({ asking, message }: WatchState): string | undefined {
  if (asking === undefined) return message
  return `${asking.verb === 'pause' ? 'Pause' : 'Resume'} ${asking.name}? y: yes, any other key: no`
}

/** The state after a key, and what is wished to be done. */
export function onKey(state: WatchState, key: Key, campaigns: readonly Named[]): { state: WatchState; wish: Wish } {
  const calm = { ...state, asking: undefined, message: undefined, help: false }
  if (key === 'interrupt') return { state: calm, wish: 'quit' }
  if (key === 'stop' || key === 'redraw') return { state, wish: key }
  if (state.asking !== undefined)
    return key === 'yes'
      ? { state: calm, wish: state.asking }
      : { state: { ...calm, message: 'Nothing was changed.' }, wish: undefined }
  if (state.help) return { state: calm, wish: undefined }
  if (key === 'quit') return { state: calm, wish: 'quit' }
  if (key === 'help') return { state: { ...calm, help: true }, wish: undefined }
  if (key === 'pause' || key === 'resume') return { state: { ...calm, ...ask(state, key, campaigns) }, wish: undefined }
  return { state: { ...calm, chosen: move(state, key, campaigns) }, wish: undefined }
}

function ask(state: WatchState, verb: Act['verb'], campaigns: readonly Named[]): Partial<WatchState> {
  const campaign = campaigns[chosenPlace(state, campaigns)]
  if (campaign === undefined) return { message: 'There is no campaign to choose.' }
  const { name, status } = campaign
  const fits = verb === 'resume' ? status === 'paused' : status === 'running' || status === 'scheduled'
  if (!fits) return { message: `${name} cannot be ${verb === 'pause' ? 'paused' : 'resumed'}: it is ${status}.` }
  return { chosen: name, asking: { verb, name } }
}

function move(state: WatchState, key: Key, campaigns: readonly Named[]): string | undefined {
  const place = chosenPlace(state, campaigns)
  const last = campaigns.length - 1
  const to: Partial<Record<Key, number>> = {
    up: place - 1,
    down: place + 1,
    'page-up': place - PAGE,
    'page-down': place + PAGE,
    home: 0,
    end: last,
  }
  return campaigns[Math.max(0, Math.min(to[key] ?? place, last))]?.name
}
