/** How a table is written: what ends a line, what parts its cells. Found from its first lines. */
import { CsvRecords } from './csv-records.ts'
import { isAddressName } from './csv-header.ts'

type Delimiter = ';' | ',' | '\t'

export interface CsvDialect {
  delimiter: string
  lineBreak: '\n' | '\r'
  /** Blank lines, and Excel's `sep=;` line, above the header. */
  linesAbove: number
}

const DELIMITERS: readonly Delimiter[] = [';', ',', '\t']

/**
 * The dialect of a text that starts like this. A `sep=` line decides; otherwise the delimiter under which the header has a column for
 * the address and the most columns. A single column needs none: then `;`, which no address holds.
 */
export function detectDialect(sample: string, wanted?: string): CsvDialect {
  // The first one tells: cells of a table that Excel has saved "for Macintosh" (\r) hold line breaks of the other kind.
  const lineBreak = /\r*\n|\r/.exec(sample)?.[0] === '\r' ? '\r' : '\n'
  const lines = sample.split(lineBreak, 1000)
  const first = lines.findIndex((line) => line.trim() !== '')
  const sep = /^\uFEFF?sep=(.)\r?$/i.exec(lines[first] ?? '')?.[1]
  const linesAbove = Math.max(0, first) + (sep === undefined ? 0 : 1)
  return {
    delimiter: wanted ?? sep ?? bestDelimiter(lines.slice(linesAbove).join(lineBreak), lineBreak),
    lineBreak,
    linesAbove,
  }
}

function bestDelimiter(text: string, lineBreak: '\n' | '\r'): Delimiter {
  let best: Delimiter = ';'
  let bestScore = 1
  for (const delimiter of DELIMITERS) {
    const cells = firstRecord(text, delimiter, lineBreak)
    const score = cells.length < 2 ? 0 : cells.length + (cells.some(isAddressName) ? 10_000 : 0)
    if (score > bestScore) [best, bestScore] = [delimiter, score]
  }
  return best
}

function firstRecord(text: string, delimiter: string, lineBreak: '\n' | '\r'): string[] {
  const records = new CsvRecords({ delimiter, lineBreak })
  records.push(text)
  records.end()
  const record = records.take()
  return record?.kind === 'record' ? record.cells : []
}
