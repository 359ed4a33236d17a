/**
 * Where the demo is seen: lines that stay, and on a terminal below them a picture that is drawn anew in place. In a pipe there are the
 * lines only, with one now and then in place of the picture.
 */
import { styleText } from 'node:util'

export interface Screen {
  /** A line that stays, behind the seconds since the demo began. */
  tell(text: string): void
  /** A line as it is. */
  line(text?: string): void
  /** The picture as it is now; `summary` stands for it where there is no terminal. */
  show(picture: readonly string[], summary: string): void
  /** Takes the picture away; nothing is drawn any more. */
  end(): void
  readonly secondsPassed: number
}

/** A screen on this stream. */
export function openScreen(stream: NodeJS.WriteStream): Screen {
  const startedMs = performance.now()
  const isLive = stream.isTTY && process.env['TERM'] !== 'dumb'
  let picture: readonly string[] = []
  let drawn = 0
  let ended = false
  let summarisedMs = -Infinity

  const erase = (): string => (drawn === 0 ? '' : `\u001b[${drawn}F\u001b[J`)
  const draw = (): string => {
    const lines = picture.slice(0, Math.max(0, (stream.rows ?? 24) - 2))
    drawn = lines.length
    return lines.map((line) => `${colour(cut(line, stream.columns ?? 80), stream)}\n`).join('')
  }
  // One write, so that nothing flickers.
  const write = (text: string): void => {
    const before = erase()
    drawn = 0
    stream.write(`${before}${text}\n${isLive && !ended ? draw() : ''}`)
  }
  const screen: Screen = {
    tell: (text) => write(`${styleText('dim', stampOf(screen.secondsPassed), { stream })}  ${text}`),
    line: (text = '') => write(text),
    show(lines, summary) {
      if (ended) return
      picture = lines
      if (isLive) {
        const before = erase()
        stream.write(before + draw())
      } else if (performance.now() - summarisedMs >= SUMMARY_MS) {
        summarisedMs = performance.now()
        screen.tell(summary)
      }
    },
    end() {
      if (ended) return
      ended = true
      stream.write(erase())
      drawn = 0
    },
    get secondsPassed() {
      return (performance.now() - startedMs) / 1000
    },
  }
  return screen
}

const SUMMARY_MS = 3000

/** Seconds as they stand before what happened: ` 12.3 s`. */
export function stampOf(seconds: number): string {
  return `${seconds.toFixed(1).padStart(5)} s`
}

/** So that no line breaks, and the picture keeps its height. */
function cut(line: string, columns: number): string {
  const characters = Array.from(line)
  return characters.length < columns ? line : `${characters.slice(0, columns - 2).join('')}…`
}

function colour(line: string, stream: NodeJS.WriteStream): string {
  return line
    .replaceAll(/█+/g, (bar) => styleText('green', bar, { stream }))
    .replaceAll(/░+/g, (rest) => styleText('dim', rest, { stream }))
    .replaceAll(/killed|paused/g, (word) => styleText('red', word, { stream }))
    .replace(/^\S.*$/, (heading) => styleText('bold', heading, { stream }))
}
