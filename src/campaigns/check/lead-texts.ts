/**
 * One lead against all texts that it could get: every variant of its next step and of those after it. Which variant a lead gets is
 * decided mail by mail, and a change of weights decides anew, so each of them has to render.
 */
import { toEnvelopeAddress } from '../../delivery/envelope.ts'
import type { Fields } from '../../delivery/templates.ts'
import type { LeadProblem } from './report.ts'
import type { CheckedStep, CheckedVariant } from './steps.ts'

export interface LeadToCheck {
  email: string
  fields: Fields
  /** Its next step. */
  stepId: number
  position: number
  /** False: it was mailed before, and the Message-ID or subject of that mail is not known. */
  threadKnown: boolean
}

/** What this lead misses, in the order of the steps; nothing where all renders. */
export function leadProblems(lead: LeadToCheck, steps: readonly CheckedStep[]): LeadProblem[] {
  const problems: LeadProblem[] = []
  const { problem } = toEnvelopeAddress(lead.email)
  if (problem !== null)
    problems.push({ lead: lead.email, step: '', variant: '', missing: [], problem: `the address ${problem}` })
  for (const step of steps) {
    if (step.position < lead.position || (step.retired && step.id !== lead.stepId)) continue
    for (const variant of step.variants) {
      const found = variantProblem(lead, variant, step.id === lead.stepId)
      if (found) problems.push({ lead: lead.email, step: step.key, variant: variant.letter, ...found })
    }
  }
  return problems
}

/** How many mails this lead is to get yet, if it does not reply. */
export function mailsToCome({ stepId, position }: LeadToCheck, steps: readonly CheckedStep[]): number {
  return steps.filter((step) => step.id === stepId || (!step.retired && step.position > position)).length
}

type Problem = Pick<LeadProblem, 'missing' | 'problem'>

function variantProblem(lead: LeadToCheck, variant: CheckedVariant, isNext: boolean): Problem | undefined {
  const outcomes = variant.outcomes.map((outcome) => outcome(lead.fields))
  const missing = new Set(outcomes.flatMap((outcome) => outcome.missing))
  let problem = outcomes.find((outcome) => outcome.problem !== null)?.problem ?? null
  if (isNext && variant.subject === null && !lead.threadKnown) {
    problem ??= 'it answers the mail before, whose Message-ID or subject is not known'
  }
  return missing.size > 0 || problem !== null ? { missing: [...missing], problem } : undefined
}
