/** A campaign's steps with their templates, as far as mails are still to be made of them, and what is wrong with these by themselves. */
import { toHeaderText } from '../../delivery/header-text.ts'
import { templatesOf, type VariantTemplates } from '../../delivery/compose-message.ts'
import { checkTemplate, type Fields, type Template } from '../../delivery/templates.ts'
import type { Database } from '../../database/pool.ts'
import { GoniecError } from '../../errors.ts'
import type { Finding } from './report.ts'
import { outcomeOf, type TemplateOutcome } from './template-outcome.ts'

export interface CheckedStep {
  id: number
  key: string
  position: number
  /** Taken out of the definition file: only mails that are there already are sent. */
  retired: boolean
  variants: CheckedVariant[]
}

export interface CheckedVariant extends VariantTemplates {
  /** Of each of its templates that can be used at all. */
  outcomes: ((fields: Fields) => TemplateOutcome)[]
}

/** Reads the steps, in order, and finds what is wrong whoever the lead is. */
export async function checkSteps(
  database: Pick<Database, 'query'>,
  campaignId: number,
): Promise<{ steps: CheckedStep[]; problems: Finding[] }> {
  const rows = await database.query<StepRow>(
    `select s.id, s.key, s.position, s.retired_at is not null as retired, v.letter, v.subject, v.text, v.html
     from goniec.step s
     left join goniec.variant v on v.step_id = s.id
     where s.campaign_id = $1
     order by s.position, v.letter`,
    [campaignId],
  )
  return judgeSteps(rows)
}

/** The steps of these rows, in order, and what is wrong with them. */
export function judgeSteps(rows: readonly StepRow[]): { steps: CheckedStep[]; problems: Finding[] } {
  const problems: Finding[] = []
  const steps = groupByStep(rows, problems)
  const live = steps.filter(({ retired }) => !retired)
  if (live.length === 0) problems.push({ code: 'no_steps', text: 'the campaign has no steps', hint: APPLY })
  for (const { key, variants } of live) {
    if (variants.length > 0) continue
    problems.push({ code: 'no_variants', text: `step ${key} has no variant`, hint: APPLY })
  }
  for (const { letter } of live[0]?.variants.filter(({ subject }) => subject === null) ?? []) {
    const text = `step ${live[0]?.key}, variant ${letter} has no subject, and as the first step answers no other mail`
    problems.push({ code: 'no_subject', text, hint: APPLY })
  }
  return { steps, problems }
}

const APPLY = 'correct the definition file, and goniec apply FILE'

/** A variant with its step; a step without a variant has a row without one. */
export interface StepRow {
  id: number
  key: string
  position: number
  retired: boolean
  letter: string | null
  subject: string | null
  text: string | null
  html: string | null
}

function groupByStep(rows: readonly StepRow[], problems: Finding[]): CheckedStep[] {
  const steps = new Map<number, CheckedStep>()
  for (const { id, key, position, retired, letter, subject, text, html } of rows) {
    const step = steps.get(id) ?? { id, key, position, retired, variants: [] }
    steps.set(id, step)
    if (letter === null) continue
    const variant = { stepKey: key, letter, subject, text, html }
    const usable = templatesOf(variant).filter((template) => isUsable(template, problems))
    step.variants.push({ ...variant, outcomes: usable.map(outcomeOf) })
  }
  return [...steps.values()]
}

function isUsable(template: Template, problems: Finding[]): boolean {
  try {
    checkTemplate(template)
  } catch (error) {
    if (!(error instanceof GoniecError)) throw error
    problems.push({ code: error.code, text: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) })
    return false
  }
  if (template.kind !== 'subject' || toHeaderText(template.source) !== '') return true
  problems.push({ code: 'subject_empty', text: `${template.name} is empty`, hint: APPLY })
  return false
}
