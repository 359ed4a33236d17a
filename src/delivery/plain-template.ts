/**
 * Templates that consist of text, fields and questions about fields, as nearly all do: made into a list of parts once, and put together for
 * each lead without Liquid's engine, which walks its tree by generators and throws away 50 kB for each mail. What is more than that, and
 * whatever a lead's fields make unusual (one that is not there, an enormous one), is left to the engine: so its errors are its own, and both
 * give the same text (tests/property/plain-template.test.ts). Pure.
 */
import { IfTag, Output, TokenKind, TypeGuards, type Template as Node, type Token, type Value } from 'liquidjs'

type Fields = Readonly<Record<string, string>>

/** The text with these fields; undefined: the engine has to say. */
export type PlainTemplate = (fields: Fields) => string | undefined

/** Undefined where more is in it than text, fields and questions about fields. `escapes`: what a field holds is made HTML. */
export function plainTemplate(nodes: readonly Node[], escapes: boolean): PlainTemplate | undefined {
  const parts = partsOf(nodes, escapes)
  if (parts === undefined) return undefined
  return (fields) => {
    const text = joined(parts, fields)
    // The engine counts what its filters work on, and has a limit.
    return text === undefined || text.length > LONGEST ? undefined : text
  }
}

const LONGEST = 1_000_000
const MOST_FILTERS = 4

/** A text, or what gives one. */
type Part = string | PlainTemplate

function joined(parts: readonly Part[], fields: Fields): string | undefined {
  let text = ''
  for (const part of parts) {
    const piece = typeof part === 'string' ? part : part(fields)
    if (piece === undefined) return undefined
    text += piece
  }
  return text
}

function partsOf(nodes: readonly Node[], escapes: boolean): readonly Part[] | undefined {
  return allOf(nodes.map((node) => partOf(node, escapes)))
}

/** Undefined where one of them is. */
function allOf<Item>(items: readonly (Item | undefined)[]): readonly Item[] | undefined {
  return items.includes(undefined) ? undefined : (items as readonly Item[])
}

function partOf(node: Node, escapes: boolean): Part | undefined {
  if (TypeGuards.isHTMLToken(node.token)) return node.token.getContent()
  if (node instanceof Output) return outputOf(node.value, escapes)
  return node instanceof IfTag ? choiceOf(node, escapes) : undefined
}

/** A field, with `default`, `escape` and `raw` at most. */
function outputOf({ initial, filters }: Value, escapes: boolean): Part | undefined {
  const [token, ...more] = initial.postfix
  const name = token && more.length === 0 ? fieldName(token) : undefined
  // The engine has put its own escaping behind the filters, unless the last one is `raw`.
  const isEscaped = escapes && filters.at(-1)?.raw !== true
  const changes = allOf((isEscaped ? filters.slice(0, -1) : filters).map(changeOf))
  if (name === undefined || changes === undefined || changes.length > MOST_FILTERS) return undefined
  // Of any other filter than `default` the engine has a field that is not there for an error.
  const absent = changes.length > 0 && filters[0]?.name === 'default' ? '' : undefined
  return (fields) => {
    let value = fieldOf(fields, name) ?? absent
    for (const change of changes) value = value === undefined ? undefined : change(value, fields)
    return value !== undefined && isEscaped ? escaped(value) : value
  }
}

type Change = (value: string, fields: Fields) => string | undefined

function changeOf({ name, args }: Value['filters'][number]): Change | undefined {
  if (name === 'raw' && args.length === 0) return (value) => value
  if (name === 'escape' && args.length === 0) return escaped
  const [token] = args
  if (name !== 'default' || args.length !== 1 || token === undefined || Array.isArray(token)) return undefined
  const standIn = operandOf(token)
  if (standIn === undefined) return undefined
  return (value, fields) => {
    // Looked up also where it is not needed: one that is not there is an error of the engine's in any case.
    const other = standIn(fields)
    return typeof other !== 'string' ? undefined : value === '' ? other : value
  }
}

function choiceOf({ branches, elseTemplates }: IfTag, escapes: boolean): Part | undefined {
  const otherwise = partsOf(elseTemplates ?? [], escapes)
  const choices = allOf(
    branches.map(({ value, templates }) => {
      const question = value.filters.length === 0 ? questionOf(value.initial.postfix) : undefined
      const parts = partsOf(templates, escapes)
      return question && parts && { question, parts }
    }),
  )
  if (otherwise === undefined || choices === undefined) return undefined
  return (fields) => joined(choices.find(({ question }) => isTrue(question(fields)))?.parts ?? otherwise, fields)
}

/** A value as a question compares it; a field that is not there is null. */
type Operand = (fields: Fields) => string | boolean | null

/** What it asks, from operands and operators in the order in which they are worked off. */
function questionOf(postfix: readonly Token[]): Operand | undefined {
  const operands: (Operand | undefined)[] = []
  for (const token of postfix) {
    if (!TypeGuards.isOperatorToken(token)) operands.push(operandOf(token))
    else if (token.operator === 'not') operands.push(negated(operands.pop()))
    else {
      const right = operands.pop()
      operands.push(compared(operands.pop(), COMPARISONS.get(token.operator), right))
    }
  }
  return operands.length === 1 ? operands[0] : undefined
}

type Comparison = (left: ReturnType<Operand>, right: ReturnType<Operand>) => boolean

const COMPARISONS: ReadonlyMap<string, Comparison> = new Map<string, Comparison>([
  ['==', (left, right) => left === right],
  ['!=', (left, right) => left !== right],
  ['and', (left, right) => isTrue(left) && isTrue(right)],
  ['or', (left, right) => isTrue(left) || isTrue(right)],
  ['contains', (left, right) => typeof left === 'string' && left.includes(String(right))],
])

function compared(left?: Operand, comparison?: Comparison, right?: Operand): Operand | undefined {
  return left && comparison && right && ((fields) => comparison(left(fields), right(fields)))
}

function negated(operand: Operand | undefined): Operand | undefined {
  return operand && ((fields) => !isTrue(operand(fields)))
}

/** Everything but false and nothing, in Liquid; an empty text too. */
function isTrue(value: ReturnType<Operand>): boolean {
  return value !== false && value !== null
}

function operandOf(token: Token): Operand | undefined {
  if (TypeGuards.isQuotedToken(token)) return () => token.content
  const name = fieldName(token)
  return name === undefined ? undefined : (fields) => fieldOf(fields, name)
}

/** Undefined where it is more than a field by its name, or a name that has a meaning in Liquid or in JavaScript. */
function fieldName(token: Token): string | undefined {
  if (!TypeGuards.isPropertyAccessToken(token) || token.variable !== undefined) return undefined
  const [name, ...parts] = token.props
  const isName = name?.kind === TokenKind.Word || name?.kind === TokenKind.Quoted
  if (!isName || parts.length > 0 || !('content' in name) || typeof name.content !== 'string') return undefined
  return SPECIAL.has(name.content) ? undefined : name.content
}

const SPECIAL: ReadonlySet<string> = new Set(['size', 'first', 'last', '__proto__'])

/** An empty one is not there. */
function fieldOf(fields: Fields, name: string): string | null {
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined
  return value === undefined || value.trim() === '' ? null : value
}

/** As Liquid escapes. */
function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
}
