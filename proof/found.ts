/** What the proof has found: kept by hand, since a count does not say what a defect was. */
export interface Finding {
  /** Where: a cell's name, or the beginning of several. */
  where: string
  /** What was wrong, in a sentence or two. */
  what: string
  /** How it is mended, and where the test of it stands; or why it stays. */
  mended: string
}

export const FOUND: readonly Finding[] = []
