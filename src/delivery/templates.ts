/**
 * Templates in Liquid: a step's subject, text and HTML, with a lead's fields in them. They are strict: a field that a lead does not
 * have, or has empty, is an error and no gap in a mail, unless the template says what to do then (`{{ company | default: "your
 * company" }}` or `{% if company %}…{% endif %}`). In HTML what a field holds is text and is escaped; `| raw` says otherwise.
 *
 * A template reads nothing but the fields (liquidjs by itself would read files of the working directory), and is limited in length,
 * time and memory, since Liquid has loops.
 */
import { Liquid, type Template as Node } from 'liquidjs'
import { assert, GoniecError, messageOf } from '../errors.ts'
import { didYouMean } from '../nearest.ts'
import { plainTemplate, type PlainTemplate } from './plain-template.ts'

export interface Template {
  /** As people know it, for errors: `step intro, variant A, subject`. */
  name: string
  kind: 'subject' | 'text' | 'html'
  source: string
}

export type Fields = Readonly<Record<string, string>>

/** The template with these fields in it. Throws a GoniecError that names template, line and field. */
export function renderTemplate(template: Template, fields: Fields): string {
  const { nodes, plain } = parse(template)
  const text = plain?.(fields)
  if (text !== undefined) return text
  try {
    return render(template, nodes, filled(fields))
  } catch (error) {
    throw explained(template, error, fields)
  }
}

/** Throws a GoniecError if the template cannot be used at all; else the names of the fields it speaks of. */
export function checkTemplate(template: Template): string[] {
  const { nodes } = parse(template)
  try {
    return engineFor(template).globalVariablesSync(nodes)
  } catch (error) {
    throw explained(template, error, {})
  }
}

/** The fields that this lead does not have, or has empty, and without which the template does not render. */
export function missingFields(template: Template, fields: Fields): string[] {
  const { nodes } = parse(template)
  const tried = filled(fields)
  const missing: string[] = []
  for (;;) {
    try {
      render(template, nodes, tried)
      return missing
    } catch (error) {
      const name = undefinedField(error)
      if (name === null || missing.includes(name)) throw explained(template, error, fields)
      missing.push(name)
      tried[name] = 'x'
    }
  }
}

const LIMITS = { parseLimit: 1_000_000, memoryLimit: 10_000_000, renderLimit: 500 }
const STRICT = { strictVariables: true, strictFilters: true, lenientIf: true, ownPropertyOnly: true, templates: {} }
const plainEngine = new Liquid({ ...STRICT, ...LIMITS })
const htmlEngine = new Liquid({ ...STRICT, ...LIMITS, outputEscape: 'escape' })
// Many write it into their templates, for services that escape nothing by themselves: what has been escaped is not escaped once more.
for (const name of ['escape', 'escape_once', 'xml_escape']) {
  const handler = htmlEngine.filters[name]
  assert(typeof handler === 'function', `Liquid has the filter ${name}`)
  htmlEngine.registerFilter(name, { handler, raw: true })
}

function engineFor({ kind }: Template): Liquid {
  return kind === 'html' ? htmlEngine : plainEngine
}

/** Parsed templates: the same few are rendered for every lead. */
const parsed = { plain: new Map<string, Parsed>(), html: new Map<string, Parsed>() }
const MOST_PARSED = 1000

interface Parsed {
  nodes: Node[]
  /** Most of them need no engine. */
  plain: PlainTemplate | undefined
}

function parse(template: Template): Parsed {
  const cache = template.kind === 'html' ? parsed.html : parsed.plain
  const known = cache.get(template.source)
  if (known) return known
  if (cache.size >= MOST_PARSED) cache.clear()
  try {
    const nodes = engineFor(template).parse(template.source)
    const made = { nodes, plain: plainTemplate(nodes, template.kind === 'html') }
    cache.set(template.source, made)
    return made
  } catch (error) {
    throw explained(template, error, {})
  }
}

function render(template: Template, nodes: Node[], fields: Fields): string {
  return String(engineFor(template).renderSync(nodes, fields))
}

/** An empty cell is a field that is not there; so `{% if company %}` means what people think it means. */
function filled(fields: Fields): Record<string, string> {
  const scope: Record<string, string> = {}
  for (const [name, value] of Object.entries(fields)) if (value.trim() !== '') scope[name] = value
  return scope
}

function undefinedField(error: unknown): string | null {
  const inner = (error as { originalError?: { variableName?: unknown } }).originalError
  return typeof inner?.variableName === 'string' ? inner.variableName : null
}

function explained({ name, source }: Template, error: unknown, fields: Fields): GoniecError {
  const field = undefinedField(error)
  const line = lineOf(error)
  const where = line === null || !source.includes('\n') ? name : `${name}, line ${line}`
  if (field === null) {
    const what = messageOf(error).replace(/, line:\d+, col:\d+$/, '')
    const readable = what.startsWith('ENOENT') ? 'a template cannot include another one' : what
    return new GoniecError('template_invalid', `${where}: ${readable}`, { hint: TEMPLATE_HINT, cause: error })
  }
  if (Object.hasOwn(fields, field)) {
    return new GoniecError('template_field_empty', `${where}: the field "${field}" is empty`, {
      hint: guardHint(field),
      cause: error,
    })
  }
  const meant = didYouMean(field, Object.keys(fields))
  const message = `${where}: there is no field "${field}"${meant}`
  return new GoniecError('template_unknown_field', message, { hint: unknownHint(field, meant, fields), cause: error })
}

function unknownHint(field: string, meant: string, fields: Fields): string {
  const [whole = ''] = field.split('.')
  if (whole !== field && Object.hasOwn(fields, whole)) return `A field is text and has no parts: write {{ ${whole} }}.`
  if (meant === '') return guardHint(field)
  return `Correct the name in the template. The fields are: ${Object.keys(fields).join(', ')}.`
}

const TEMPLATE_HINT = 'Templates are Liquid: {{ field }}, {{ field | default: "…" }}, {% if field %}…{% endif %}.'

function guardHint(field: string): string {
  return `Fill it in, or say what stands there without it: {{ ${field} | default: "…" }}.`
}

function lineOf(error: unknown): number | null {
  const token = (error as { token?: { getPosition?: () => number[] } }).token
  return token?.getPosition?.()[0] ?? null
}
