/**
 * A terminal's whole window, drawn in place on its alternate screen: what stood there before comes back at the end, however that comes
 * about. Only lines that have changed are written, in one go, so that nothing flickers and a slow line over ssh carries little.
 *
 * Owns       the terminal's modes from `open` to `close`: alternate screen, cursor, line wrap, raw input.
 * Promises   that they are given back on `close`, on the process' exit and on an error that ends it. Only a SIGKILL leaves them.
 */
import { writeSync } from 'node:fs'
import { styleText } from 'node:util'
import { GoniecError } from '../errors.ts'
import type { Line, Tone } from './status/frame.ts'
import { displayWidth, fit } from './text-width.ts'

export interface ScreenEvents {
  onInput: (text: string) => void
  /** The window has another size; everything is to be drawn anew. */
  onResize: () => void
  /** The terminal is gone. */
  onGone: () => void
}

const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[2J'
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l'

export class FullScreen {
  #stdout = process.stdout
  #stdin = process.stdin
  #events: ScreenEvents
  #isOpen = false
  #drawn: string[] = []

  constructor(events: ScreenEvents) {
    this.#events = events
  }

  get size(): { width: number; height: number } {
    return { width: this.#stdout.columns || 80, height: this.#stdout.rows || 24 }
  }

  /** Takes the window. Refused where there is none. */
  open(): void {
    if (!this.#stdout.isTTY || !this.#stdin.isTTY || process.env['TERM'] === 'dumb') throw noTerminal()
    this.#stdin.setRawMode(true)
    this.#stdin.setEncoding('utf8')
    this.#stdin.on('data', this.#events.onInput).on('end', this.#events.onGone).resume()
    this.#stdout.on('resize', this.#resized)
    process.on('exit', this.#restore).on('uncaughtExceptionMonitor', this.#restore)
    this.#isOpen = true
    this.#drawn = []
    this.#stdout.write(ENTER)
  }

  /** Shows these lines, from the top. */
  draw(lines: readonly Line[]): void {
    if (!this.#isOpen) return
    const { width } = this.size
    const wanted = lines.map((line) => this.#paint(line, width))
    const changes = wanted.map((text, i) => (text === this.#drawn[i] ? '' : `\u001b[${i + 1};1H${text}`)).join('')
    this.#drawn = wanted
    if (changes !== '') this.#stdout.write(changes)
  }

  /** Draws everything anew with the next `draw`: something else has written here. */
  forget(): void {
    this.#drawn = []
    if (this.#isOpen) this.#stdout.write('\u001b[2J')
  }

  /** Gives the window back. */
  close(): void {
    this.#restore()
    process.off('exit', this.#restore).off('uncaughtExceptionMonitor', this.#restore)
    this.#stdout.off('resize', this.#resized)
    this.#stdin.off('data', this.#events.onInput).off('end', this.#events.onGone).pause()
  }

  #resized = (): void => {
    this.forget()
    this.#events.onResize()
  }

  /** Written at once: on the way out nothing is waited for. */
  #restore = (): void => {
    if (!this.#isOpen) return
    this.#isOpen = false
    try {
      this.#stdin.setRawMode(false)
      writeSync(this.#stdout.fd, LEAVE)
    } catch (error) {
      // A terminal that is gone has nothing to get back.
      if (!(error instanceof Error && 'code' in error && error.code === 'EIO')) throw error
    }
  }

  /** With what is behind it erased; behind the last column that would erase the last character. */
  #paint(line: Line, width: number): string {
    return `${this.#colour(line, width)}${displayWidth(line.text) < width ? '\u001b[K' : ''}`
  }

  #colour({ text, tone }: Line, width: number): string {
    if (tone === 'selected') return this.#style('inverse', fit(text, width))
    if (tone !== 'plain') return this.#style(STYLES[tone], text)
    return text
      .replaceAll(/█+/g, (bar) => this.#style('green', bar))
      .replaceAll(/░+/g, (rest) => this.#style('dim', rest))
  }

  #style(style: Parameters<typeof styleText>[0], text: string): string {
    return styleText(style, text, { stream: this.#stdout })
  }
}

const STYLES: Record<Exclude<Tone, 'plain' | 'selected'>, Parameters<typeof styleText>[0]> = {
  heading: 'bold',
  alarm: 'red',
  faint: 'dim',
}

function noTerminal(): GoniecError {
  return new GoniecError('no_terminal', '--watch draws on a terminal, and here is none', {
    hint: 'goniec status, once; goniec status --check for a monitor; or goniec events --follow',
    exitCode: 2,
  })
}
