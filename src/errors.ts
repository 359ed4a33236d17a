/**
 * The one registry of errors that people see. Each has a code, a sentence that says what happened and on which thing, a hint
 * that is a way out (most often a command to run), and the exit code of the command that meets it. Whatever is thrown without
 * standing here is our own mistake and stops the process with its stack.
 */

/** Exit codes of the command line: 0 done, 1 failed, 2 wrong usage, 3 a check found something. */
export type ExitCode = 1 | 2 | 3

export interface GoniecErrorOptions {
  /** What to do about it: a sentence or a command. Shown behind `Try:`. */
  hint?: string
  exitCode?: ExitCode
  cause?: unknown
}

/** An error of the world (input, configuration, servers), worded for the person who can mend it. */
export class GoniecError extends Error {
  override readonly name = 'GoniecError'
  readonly code: string
  readonly hint: string | undefined
  readonly exitCode: ExitCode

  constructor(code: string, message: string, { hint, exitCode = 1, cause }: GoniecErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.hint = hint
    this.exitCode = exitCode
  }
}

/** Stops the program where an assumption of ours does not hold: a defect of goniec, never of its input. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message)
}

class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** The text of anything thrown. */
export function messageOf(error: unknown): string {
  // A host of several addresses, each of which failed by itself: the error around them says nothing.
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ')
  return error instanceof Error ? error.message : String(error)
}

/** The text without the passwords of URLs in it, fit to be shown or logged. */
export function hidePasswords(text: string): string {
  return text
    .replaceAll(/(\w+:\/\/[^\s:@/]*):[^\s@/]*@/g, '$1:***@')
    .replaceAll(/([?&](?:ssl)?password=)[^\s&]*/g, '$1***')
}
