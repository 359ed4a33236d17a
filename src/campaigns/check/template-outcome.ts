/**
 * Whether a template renders for a lead, worked out once for all leads that are alike to it. Rendering takes some fifty microseconds, a
 * campaign has a handful of texts and maybe a hundred thousand leads; but where a field is only printed, all that matters is whether it
 * is there. What a tag or a filter looks at counts by its value.
 */
import { checkTemplate, missingFields, renderTemplate, type Fields, type Template } from '../../delivery/templates.ts'
import { GoniecError } from '../../errors.ts'

export interface TemplateOutcome {
  /** Fields without which it does not render. */
  missing: readonly string[]
  /** What else is wrong, in a sentence. */
  problem: string | null
}

/** The template as a question that can be asked for lead after lead. */
export function outcomeOf(template: Template): (fields: Fields) => TemplateOutcome {
  const { printed, looked } = fieldsOf(template)
  const known = new Map<string, TemplateOutcome>()
  return (fields) => {
    const there = printed.map((name) => (isBlank(fields[name]) ? 0 : 1)).join('')
    const key = JSON.stringify([there, ...looked.map((name) => fields[name] ?? null)])
    const seen = known.get(key)
    if (seen) return seen
    if (known.size >= MOST_KNOWN) known.clear()
    const outcome = tryTemplate(template, fields)
    known.set(key, outcome)
    return outcome
  }
}

const MOST_KNOWN = 10_000

/** `{{ name }}` and `{{ name | default: "…" }}`. */
const PRINTED = /\{\{-?\s*([a-z_][\w-]*)\s*(?:\|\s*default\s*:\s*(?:"[^"]*"|'[^']*')\s*)?-?\}\}/gi

/** The fields it speaks of: those that it only prints, and those that something in it looks at. */
function fieldsOf(template: Template): { printed: string[]; looked: string[] } {
  const all = checkTemplate(template)
  // What is printed into a variable can be looked at there.
  if (/\{%-?\s*capture\b/.test(template.source)) return { printed: [], looked: all }
  const looked = new Set(checkTemplate({ ...template, source: template.source.replace(PRINTED, '') }))
  return { printed: all.filter((name) => !looked.has(name)), looked: [...looked] }
}

function isBlank(value: string | undefined): boolean {
  return value === undefined || value.trim() === ''
}

function tryTemplate(template: Template, fields: Fields): TemplateOutcome {
  try {
    const text = renderTemplate(template, fields)
    return { missing: [], problem: text.trim() === '' ? `the ${template.kind} is empty` : null }
  } catch (error) {
    if (!(error instanceof GoniecError)) throw error
    return whyNot(template, fields)
  }
}

function whyNot(template: Template, fields: Fields): TemplateOutcome {
  try {
    return { missing: missingFields(template, fields), problem: null }
  } catch (error) {
    // Nothing is missing, and yet it does not render: a filter that does not take this value, a loop without end.
    if (!(error instanceof GoniecError)) throw error
    return { missing: [], problem: error.message }
  }
}
