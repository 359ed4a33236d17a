/** Steps without a key of their own, and keys that could be taken for a place: what would mail a text twice, or the wrong one. */
import type { CampaignDefinition, Position } from '../definition/definition.ts'
import type { Problem } from '../definition/problems.ts'
import type { StoredStep } from './stored.ts'
import type { WantedStep } from './wanted-step.ts'

/** The problems of a campaign's steps, given what is stored. */
export function misplaced(
  { name, steps, at }: CampaignDefinition,
  wanted: readonly WantedStep[],
  stored: readonly StoredStep[],
): Problem[] {
  const positionOf = ({ position }: WantedStep): Position => steps[position - 1]?.at ?? at
  const problems = [...collisions(wanted, positionOf), ...takenKeys(wanted, positionOf)]
  const unkeyed = stored.filter(({ keyed, retired }) => !keyed && !retired)
  if (problems.length > 0 || !unkeyed.some(({ hasMessages }) => hasMessages)) return problems
  const wayOut = unkeyed.map(({ key, position }) => `"key: ${key}" to what was step ${position}`).join(', ')
  const tell = (where: Position, what: string): Problem => ({
    at: where,
    message: `campaign "${name}" has mails, and its steps have no keys: ${what}. To change them, give each its key: ${wayOut}`,
  })
  const missing = unkeyed.filter(({ key }) => !wanted.some((step) => step.key === key))
  const added = wanted.filter((step) => !step.keyed && !unkeyed.some(({ key }) => key === step.key))
  if (missing.length > 0) problems.push(tell(at, `${listed(missing)} cannot be removed`))
  for (const step of added) problems.push(tell(positionOf(step), 'their number cannot change'))
  for (const step of wanted.filter((candidate) => hasMoved(candidate, unkeyed))) {
    problems.push(tell(positionOf(step), 'their order cannot change'))
  }
  return problems
}

/** A given key that names the place of a step without one. */
function collisions(wanted: readonly WantedStep[], positionOf: (step: WantedStep) => Position): Problem[] {
  return wanted.flatMap((step) => {
    const place = step.keyed ? /^(?:step-)?(\d+)$/.exec(step.key)?.[1] : undefined
    const other = wanted.find(({ keyed, position }) => !keyed && String(position) === place)
    if (other === undefined) return []
    const message = `the key "${step.key}" could be taken for step ${other.position}, which has no key of its own; give that step a key, or this one another`
    return [{ at: positionOf(step), message }]
  })
}

/** A place whose key was given to a step once, and is its for ever. */
function takenKeys(wanted: readonly WantedStep[], positionOf: (step: WantedStep) => Position): Problem[] {
  return wanted
    .filter(({ keyed, stored }) => !keyed && stored?.keyed === true)
    .map((step) => ({
      at: positionOf(step),
      message: `step ${step.position} has no key, and "${step.key}" is the key of ${step.stored?.retired === true ? 'a step that was removed' : 'a step that has it by name'}; give it a key: "key: ${step.key}" if it is that step, another one if not`,
    }))
}

/** It holds what another one held. */
function hasMoved({ keyed, stored, variants }: WantedStep, unkeyed: readonly StoredStep[]): boolean {
  if (keyed || stored === undefined) return false
  const text = content(variants)
  return (
    text !== content(stored.variants) && unkeyed.some((other) => other !== stored && content(other.variants) === text)
  )
}

function content(variants: readonly { subject: string | null; text: string | null; html: string | null }[]): string {
  return JSON.stringify(variants.map(({ subject, text, html }) => [subject, text, html]))
}

function listed(steps: readonly StoredStep[]): string {
  return steps.map(({ key }) => key).join(', ')
}
