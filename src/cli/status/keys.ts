/** What was typed, from what a terminal sends. Pure. */

export type Key =
  | 'up'
  | 'down'
  | 'page-up'
  | 'page-down'
  | 'home'
  | 'end'
  | 'pause'
  | 'resume'
  | 'yes'
  | 'help'
  | 'quit'
  | 'interrupt'
  | 'stop'
  | 'redraw'
  | 'other'

/** The keys of a piece of input, in order; a terminal sends several at once when they come fast. */
export function readKeys(input: string): Key[] {
  return [...input.matchAll(SEQUENCE)].map(([sequence]) => KEYS[sequence] ?? 'other')
}

/** A control sequence as a whole, or a single character. */
// oxlint-disable-next-line no-control-regex
const SEQUENCE = /\u001b(?:\[[\d;?]*[ -/]*[@-~]|O[A-Za-z])|[^]/gu

const KEYS: Record<string, Key> = {
  '\u001b[A': 'up',
  '\u001bOA': 'up',
  k: 'up',
  '\u001b[B': 'down',
  '\u001bOB': 'down',
  j: 'down',
  '\u001b[5~': 'page-up',
  '\u001b[6~': 'page-down',
  '\u001b[H': 'home',
  '\u001bOH': 'home',
  '\u001b[1~': 'home',
  g: 'home',
  '\u001b[F': 'end',
  '\u001bOF': 'end',
  '\u001b[4~': 'end',
  G: 'end',
  p: 'pause',
  r: 'resume',
  y: 'yes',
  Y: 'yes',
  '?': 'help',
  h: 'help',
  q: 'quit',
  '\u0003': 'interrupt',
  '\u0004': 'interrupt',
  '\u001a': 'stop',
  '\u000c': 'redraw',
}
