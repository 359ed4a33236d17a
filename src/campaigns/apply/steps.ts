/**
 * A campaign's steps: the file's against the stored ones. A step is told by its key, which is permanent: its messages belong to
 * (campaign, lead, key). Without a key it is told by its place and called `step-N`; once there are messages such steps can be neither
 * more nor fewer nor in another order, since leads would get a text twice or never.
 */
import type { CampaignDefinition, StepDefinition } from '../definition/definition.ts'
import type { Problem } from '../definition/problems.ts'
import { days, duration, type FieldChange, type Value } from './settings.ts'
import type { StoredCampaign, StoredStep } from './stored.ts'
import { misplaced } from './unkeyed-steps.ts'
import type { WantedStep } from './wanted-step.ts'

export interface StepsChange {
  wanted: WantedStep[]
  /** Taken out of the file, and kept: the campaign has run, or there are mails of it. */
  retire: StoredStep[]
  /** Taken out of the file before anything was made of it. */
  remove: StoredStep[]
  /** Retired ones in the order they are kept, behind the live ones. */
  retired: StoredStep[]
  fields: FieldChange[]
  notes: string[]
  problems: Problem[]
}

/** Compares the steps of a campaign; `stored` is undefined for a new one. */
export function compareSteps(campaign: CampaignDefinition, stored: StoredCampaign | undefined): StepsChange {
  const known = new Map(stored?.steps.map((step) => [step.key, step]))
  const wanted = campaign.steps.map((step, i) => wantedStep(step, i + 1, known))
  const keys = new Set(wanted.map(({ key }) => key))
  const gone = [...known.values()].filter(({ key, retired }) => !retired && !keys.has(key))
  const remove = gone.filter(({ hasMessages }) => !hasMessages && stored?.hasStarted === false)
  const retire = gone.filter((step) => !remove.includes(step))
  const retired = [...known.values()].filter(({ key, retired }) => (retired && !keys.has(key)) || retire.some((step) => step.key === key)) // prettier-ignore
  const fields = stored === undefined ? [] : [...wanted.flatMap(stepFields), ...gone.map(goneField)]
  const problems = misplaced(campaign, wanted, stored?.steps ?? [])
  return { wanted, retire, remove, retired, fields, notes: notesOn(wanted, retire), problems }
}

function wantedStep(step: StepDefinition, position: number, known: Map<string, StoredStep>): WantedStep {
  const key = step.key ?? `step-${position}`
  const wanted = {
    key,
    keyed: step.key !== null,
    position,
    wait: step.wait,
    variants: step.variants,
    stored: known.get(key),
  }
  return { ...wanted, changed: stepFields(wanted).length > 0 }
}

/** What of a step changes, as fields of the campaign. */
function stepFields({ key, keyed, position, wait, variants, stored }: Omit<WantedStep, 'changed'>): FieldChange[] {
  const name = (field: string): string => `steps.${key}${field === '' ? '' : `.${field}`}`
  if (stored === undefined) return [{ field: name(''), from: null, to: `added in place ${position}` }]
  const to = flat({ keyed, position, wait, variants })
  const from = flat(stored)
  const fields = [...new Set([...from.keys(), ...to.keys()])]
    .filter((field) => (from.get(field) ?? null) !== (to.get(field) ?? null))
    .map((field) => ({ field: name(field), from: from.get(field) ?? null, to: to.get(field) ?? null }))
  return stored.retired ? [{ field: name(''), from: 'removed', to: `back in place ${position}` }, ...fields] : fields
}

function flat(step: Pick<StoredStep, 'keyed' | 'position' | 'wait' | 'variants'>): Map<string, Value> {
  const wait = step.wait === null ? null : (days(step.wait.days ?? null) ?? duration(step.wait.ms ?? null))
  const entries: [string, Value][] = [
    ['key', step.keyed ? 'given' : 'from its place'],
    ['place', step.position],
    ['wait', wait],
  ]
  for (const { letter, weight, subject, text, html } of step.variants) {
    const part = { weight, subject, text, html }
    for (const [name, value] of Object.entries(part)) entries.push([`variant ${letter}.${name}`, value])
  }
  return new Map(entries)
}

function goneField({ key }: StoredStep): FieldChange {
  return { field: `steps.${key}`, from: 'there', to: 'removed' }
}

function notesOn(wanted: readonly WantedStep[], retire: readonly StoredStep[]): string[] {
  // Also where there are none just now: in a campaign that runs each mail that goes out may make one.
  const removed = retire.map(
    ({ key }) => `step ${key}: mails of it that have not gone out are cancelled; their leads go on with the next step`,
  )
  const back = wanted
    .filter(({ stored }) => stored?.retired === true && stored.hasMessages)
    .map(({ key }) => `step ${key} is back: whoever has had it, or had it cancelled, does not get it again`)
  return [...removed, ...back]
}
