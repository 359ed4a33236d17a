/**
 * A definition file as YAML 1.2: its data, and the place of every value by its path. All mistakes of the syntax are
 * found here; what the values mean is the schema's business.
 */
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
} from 'yaml'
import type { YAMLError, YAMLWarning } from 'yaml'
import type { Position } from './definition.ts'
import type { Problem } from './problems.ts'

export type KeyPath = readonly (string | number)[]

export interface DefinitionFile {
  /** As the person wrote it; errors name it, and texts by `file:` are found beside it. */
  path: string
  text: string
}

/** A file that could be read as YAML. */
export interface DefinitionDocument {
  file: string
  data: unknown
  /** The place of the value at this path, or of the nearest thing around it that exists. */
  position: (path: KeyPath) => Position
  /** The place of a key itself. */
  keyPosition: (path: KeyPath) => Position
}

const MAX_CHARACTERS = 10_000_000
/** Aliases are for a shared window or server; a bomb nests them by the thousand. */
const MAX_ALIASES = 1000

/** Words of our own, also where the parser's would quote the file: what stands there may be a password. */
const SAY: Partial<Record<YAMLError['code'], string>> = {
  DUPLICATE_KEY: 'this key stands twice in the same mapping',
  TAB_AS_INDENT: 'lines are indented with a tab; YAML wants spaces',
  MULTIPLE_DOCS: 'a second document starts here (---); write several files instead',
  BAD_ALIAS: 'this alias names no anchor',
  RESOURCE_EXHAUSTION: 'lists and mappings are nested too deeply',
  BLOCK_AS_IMPLICIT_KEY: 'a second colon on this line; put the value in "quotes"',
  BLOCK_IN_FLOW: 'a colon or a dash inside { } or [ ]; put the value in "quotes"',
  TAG_RESOLVE_FAILED: 'a value cannot start with !; put it in "quotes"',
  UNEXPECTED_TOKEN: 'what stands here belongs to nothing; put values in "quotes"',
  BAD_DQ_ESCAPE: 'after a backslash inside "double quotes" only known letters may follow; use \'single quotes\'',
  BAD_SCALAR_START: 'a value cannot start with this character; put it in "quotes"',
}

/** Reads one file. Either its document or what is wrong with its syntax. */
export function readDocument({ path: file, text }: DefinitionFile): DefinitionDocument | { problems: Problem[] } {
  const lines = new LineCounter()
  const at = (offset: number, path: KeyPath): Position => {
    const { line, col } = lines.linePos(offset)
    return { file, line: Math.max(1, line), column: Math.max(1, col), path: formatPath(path) }
  }
  const fail = (message: string, offset = 0) => ({ problems: [{ at: at(offset, []), message }] })
  if (text.length > MAX_CHARACTERS)
    return fail(`the file is longer than ${MAX_CHARACTERS / 1_000_000} million characters`)
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true, logLevel: 'error' })
  const mistakes = [...document.errors, ...document.warnings]
  if (mistakes.length > 0) return { problems: syntaxProblems(mistakes, (offset) => at(offset, [])) }
  if (document.directives?.yaml.explicit === true && document.directives.yaml.version !== '1.2') {
    return fail('the file asks for YAML 1.1, in which 09:00 is a number; remove the %YAML line')
  }
  if (document.contents === null) return fail('the file is empty')
  const data = toData(document)
  if (data.problem !== undefined) return fail(data.problem, data.offset)
  return {
    file,
    data: data.value,
    position: (path) => at(offsetOf(document, path), path),
    keyPosition: (path) => at(keyOffsetOf(document, path), path),
  }
}

/** `campaigns[0].steps[1].wait`. */
function formatPath(path: KeyPath): string {
  return path.map((key, i) => (typeof key === 'number' ? `[${key}]` : i === 0 ? key : `.${key}`)).join('')
}

/** One problem per place: after the first, a parser's further complaints about the same spot only repeat it. */
function syntaxProblems(mistakes: (YAMLError | YAMLWarning)[], at: (offset: number) => Position): Problem[] {
  const problems = new Map<string, Problem>()
  for (const { code, message, pos } of mistakes.slice(0, 20)) {
    const problem = { at: at(pos[0]), message: SAY[code] ?? `not YAML: ${message}` }
    const place = code === 'RESOURCE_EXHAUSTION' ? code : String(problem.at.line)
    if (!problems.has(place)) problems.set(place, problem)
  }
  return [...problems.values()].sort((a, b) => a.at.line - b.at.line)
}

function toData(document: Document.Parsed): { value: unknown; problem?: never } | { problem: string; offset: number } {
  const unresolved = unresolvedAlias(document)
  if (unresolved !== undefined) {
    const problem =
      'a value that starts with * repeats an anchor (&) above it, and there is none of this name; put it in "quotes"'
    return { problem, offset: unresolved.range?.[0] ?? 0 }
  }
  try {
    return { value: document.toJS({ maxAliasCount: MAX_ALIASES }) }
  } catch (error) {
    if (error instanceof ReferenceError)
      return { problem: `aliases (*) unfold into more than ${MAX_ALIASES} copies`, offset: 0 }
    if (error instanceof RangeError) return { problem: SAY.RESOURCE_EXHAUSTION ?? error.message, offset: 0 }
    throw error
  }
}

function unresolvedAlias(document: Document.Parsed): Alias | undefined {
  let found: Alias | undefined
  visit(document, {
    Alias: (_, alias) => {
      if (alias.resolve(document) !== undefined) return undefined
      found = alias
      return visit.BREAK
    },
  })
  return found
}

function offsetOf(document: Document.Parsed, path: KeyPath): number {
  let node: unknown = document.contents
  let offset = 0
  for (const key of [undefined, ...path]) {
    if (key !== undefined) node = childOf(resolved(document, node), key)?.value
    if (!isNode(node) || !node.range) break
    offset = node.range[0]
  }
  return offset
}

function keyOffsetOf(document: Document.Parsed, path: KeyPath): number {
  let node: unknown = document.contents
  for (const key of path.slice(0, -1)) node = childOf(resolved(document, node), key)?.value
  const key = childOf(resolved(document, node), path.at(-1) ?? '')?.key
  return isNode(key) && key.range ? key.range[0] : offsetOf(document, path)
}

function childOf(node: unknown, key: string | number): { key: unknown; value: unknown } | undefined {
  if (isSeq(node)) return typeof key === 'number' ? { key: undefined, value: node.items[key] } : undefined
  if (!isMap(node)) return undefined
  return node.items.find((pair) => (isScalar(pair.key) ? String(pair.key.value) : undefined) === String(key))
}

function resolved(document: Document.Parsed, node: unknown): unknown {
  return isAlias(node) ? node.resolve(document) : node
}
