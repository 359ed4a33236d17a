/**
 * The grammar of the grammar: single values, mappings and lists as zod schemas whose mistakes are sentences. Everything a
 * definition file may hold is built from these three, so that each mistake says what was expected, what was found, and, for a key nobody
 * knows, which one is near.
 */
import { z } from 'zod'
import { didYouMean } from '../../nearest.ts'
import type { DefinitionDocument } from './document.ts'
import { type Problem, where } from './problems.ts'

/** Why a value is none of what was wanted. A value, not an exception: all mistakes of a file are told at once. */
export class Mistake {
  readonly message: string
  constructor(message: string) {
    this.message = message
  }
}

/** A single value, read by a function that returns it, or the mistake in it. */
export function leaf<T>(read: (value: unknown) => T | Mistake) {
  return z.unknown().transform((value, context): T => {
    const result = read(value)
    if (!(result instanceof Mistake)) return result
    context.issues.push({ code: 'custom', message: result.message, input: value })
    return z.NEVER
  })
}

/** A mapping with these keys and no others. What was found in its place is never printed: it may be a password. */
export function keyed<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const known = Object.keys(shape)
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys')
        return wrongKind(`a mapping with the keys ${known.join(', ')}`, issue.input)
      // A line for each: `problemsOf` takes them apart again.
      return issue.keys
        .map((key) => `there is no such key${didYouMean(key, known) || `; known are ${known.join(', ')}`}`)
        .join('\n')
    },
  })
}

/** A list with at least one item. */
export function listOf<Item extends z.ZodType>(what: string, item: Item) {
  return z.array(item, { error: (issue) => wrongKind(`a list of ${what}`, issue.input) }).nonempty({
    error: `the list is empty: expected at least one of ${what}`,
  })
}

/** Tells a mistake at a path below the checked thing; `first`: the path of what it collides with. */
export type Report = (at: (string | number)[], message: string, first?: (string | number)[]) => void

/**
 * A check over what has been read, which runs even where parts of it are mistaken, so that it has to look before it trusts. For rules between
 * values.
 */
export function rule<T>(check: (value: T, report: Report) => void) {
  return z.superRefine<T>(
    (value, context) => {
      check(value, (path, message, first) =>
        context.addIssue({ code: 'custom', path, message, params: { up: path.length, first } }),
      )
    },
    { when: ({ value }) => typeof value === 'object' && value !== null },
  )
}

/** The issues of zod as problems with their places in the file. */
export function problemsOf(error: z.ZodError, document: DefinitionDocument): Problem[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path.filter((key) => typeof key !== 'symbol')
    if (issue.code === 'custom' && issue.params?.['first'] !== undefined) {
      const first = [...path.slice(0, path.length - Number(issue.params['up'])), ...issue.params['first']]
      return [
        {
          at: document.position(path),
          message: `${issue.message}; the first stands at ${where(document.position(first))}`,
        },
      ]
    }
    if (issue.code !== 'unrecognized_keys') return [{ at: document.position(path), message: issue.message }]
    const messages = issue.message.split('\n')
    return issue.keys.map((key, i) => ({ at: document.keyPosition([...path, key]), message: messages[i] ?? '' }))
  })
}

/** `expected X, got the number 5`; `is missing` and `is empty` where there is nothing. */
export function expected(what: string, value: unknown): Mistake {
  if (value === undefined || value === null) return new Mistake(wrongKind(what, value))
  return new Mistake(`expected ${what}, got ${describe(value)}`)
}

function wrongKind(what: string, value: unknown): string {
  if (value === undefined) return `is missing: expected ${what}`
  if (value === null) return `has no value: expected ${what}`
  return `expected ${what}, got ${kind(value)}`
}

function kind(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return value instanceof Date ? 'a date' : 'a mapping'
  return typeof value === 'string' ? 'text' : `a ${typeof value}`
}

function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value)
  if (typeof value === 'number') return `the number ${value}`
  return typeof value === 'boolean' ? String(value) : kind(value)
}
