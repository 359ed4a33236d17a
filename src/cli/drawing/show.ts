/** Drawings to where they go: bars to the terminal, a page to its file. */
import { styleText } from 'node:util'
import type { Cli } from '../cli.ts'
import { drawBars, screenOf } from './bars.ts'
import type { Drawn } from './drawn.ts'
import { drawPage } from './page.ts'
import { savePage } from './save-page.ts'

/** Prints the bars, as wide as the terminal is; faint only where colours are wanted. */
export function showBars({ output }: Cli, drawn: Drawn): void {
  for (const line of drawBars(drawn, screenOf(process.stdout, dim))) output.line(line)
}

/** Writes the page, and says so. */
export function writePage({ output }: Cli, file: string, drawn: Drawn): void {
  savePage(file, drawPage(drawn))
  output.say(`The page is in ${file}: open it in a browser, or print it.`)
}

function dim(text: string): string {
  return styleText('dim', text, { stream: process.stdout })
}
