/**
 * A mutation is a guard that is switched off: a small change of the sources, and a test that shows by behaviour what the guard was there
 * for. Where another guard behind it still holds the promise, that is said, and shown as well: the same test stays green.
 */

/** A passage that stands in a file exactly once, and what stands there instead. */
export interface Edit {
  file: string
  from: string
  to: string
}

/** A test by its file and its title, as vitest writes it. */
export interface NamedTest {
  file: string
  title: string
}

interface Switched {
  name: string
  /** What is off, in words that a reader of the table understands. */
  off: string
  edits: readonly Edit[]
  /** Green as the sources are. */
  test: NamedTest
}

/** The test turns red. */
export interface LoadBearing extends Switched {
  /** What the failed test must say: a test that is red for another reason (a statement that does not parse) shows nothing. */
  says: RegExp
}

/** The test stays green: something else holds the promise too. */
export interface Backed extends Switched {
  /** What that is. Another mutation of the list switches both off. */
  heldBy: string
}

export type Mutation = LoadBearing | Backed

/** Whether nothing stands behind the guard. */
export function isLoadBearing(mutation: Mutation): mutation is LoadBearing {
  return 'says' in mutation
}
