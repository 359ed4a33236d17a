/**
 * A table of leads, read as a stream: a million lines in bounded memory. Finds encoding, delimiter and columns by itself,
 * says what it found, and hands out rows and rejects in the order of the file. What an address or a date is, its caller decides.
 */
import type { Readable } from 'node:stream'
import iconv from 'iconv-lite'
import { GoniecError } from '../errors.ts'
import { detectDialect } from './csv-dialect.ts'
import { type CsvColumn, readHeader } from './csv-header.ts'
import { CsvRecords, type CsvReject } from './csv-records.ts'
import { type CsvSource, openSource, refuseBinary } from './csv-source.ts'
import { chunksOf, detectEncoding } from './encoding.ts'

export interface CsvOptions {
  /** The column that holds the address, as the header names it; otherwise `email`, `e-mail`, `adres e-mail`, … */
  addressColumn?: string
  /** What else the column of the address may be called. */
  addressNames?: readonly string[]
  /** An encoding that iconv-lite knows; otherwise found. */
  encoding?: string
  /** One character; otherwise found. */
  delimiter?: string
  /** Keeps the file open at the end of an iteration, so that it can be read once more: `again`. The caller closes. */
  keepOpen?: boolean
}

export interface CsvRow {
  kind: 'row'
  /** Of the record's first line, from 1. */
  line: number
  /** The address cell, trimmed, not yet validated. */
  address: string
  /** Every named column (the address's too) by its field name, trimmed; empty where the cell is. */
  fields: Record<string, string>
  /** As the file has them. */
  cells: string[]
}

/** An open table. Iterate over it once; that closes it, and so does `close`. */
export interface CsvTable extends AsyncIterable<CsvRow | CsvReject> {
  /** The path, or `stdin`. */
  name: string
  encoding: string
  delimiter: string
  /** The header's cells as they stand. */
  header: string[]
  columns: CsvColumn[]
  addressColumn: CsvColumn
  sizeBytes: number
  /** For a progress display. */
  readonly bytesRead: number
  /** The same table from its start, also where it came from a pipe. */
  again: () => Promise<CsvTable>
  close: () => Promise<void>
}

/** Opens a table and reads its header. Throws `csv_unreadable` and `csv_header`. */
export async function readCsv(input: string | Readable, options: CsvOptions = {}): Promise<CsvTable> {
  const source = await openSource(input)
  try {
    return await openTable(source, options)
  } catch (error) {
    await source.file.close()
    throw error
  }
}

async function openTable({ file, name, sizeBytes }: CsvSource, options: CsvOptions): Promise<CsvTable> {
  const encoding = await encodingOf({ file, name, sizeBytes }, options.encoding)
  const progress = { bytesRead: 0 }
  const text = decoded({ file, name, sizeBytes }, encoding, progress)
  const start = (await text.next()).value ?? ''
  refuseBinary(name, start)
  const { delimiter, lineBreak, linesAbove } = detectDialect(start, options.delimiter)
  const records = new CsvRecords({ delimiter, lineBreak })
  records.push(start)
  for (let i = 0; i < linesAbove; i++) records.skipLine()
  const header = await readHeaderRecord(records, text, name)
  const { columns, addressColumn } = readHeader(header, name, {
    wanted: options.addressColumn,
    names: options.addressNames,
  })
  records.width = { needed: (columns.at(-1)?.index ?? 0) + 1, total: header.length }
  const close = () => file.close()
  return {
    name,
    encoding,
    delimiter,
    header,
    columns,
    addressColumn,
    sizeBytes,
    again: () => openTable({ file, name, sizeBytes }, options),
    close,
    get bytesRead() {
      return progress.bytesRead
    },
    [Symbol.asyncIterator]: () =>
      rows(records, text, columns, addressColumn.index, options.keepOpen === true ? async () => undefined : close),
  }
}

async function encodingOf({ file, name }: CsvSource, wanted: string | undefined): Promise<string> {
  if (wanted === undefined) return detectEncoding(file)
  const known: boolean = iconv.encodingExists(wanted)
  if (known) return wanted
  throw new GoniecError('csv_unreadable', `cannot read ${name} as "${wanted}": there is no such encoding`, {
    hint: 'utf8, windows-1250, iso-8859-2 and utf16le are the usual ones',
  })
}

async function* decoded(
  { file }: CsvSource,
  encoding: string,
  progress: { bytesRead: number },
): AsyncGenerator<string, undefined> {
  const decoder = iconv.getDecoder(encoding)
  for await (const chunk of chunksOf(file)) {
    progress.bytesRead += chunk.length
    yield decoder.write(chunk)
  }
  yield decoder.end() ?? ''
  return undefined
}

/** The next record or reject, with as much text as that takes. */
async function nextRecord(records: CsvRecords, text: AsyncGenerator<string, undefined>) {
  for (;;) {
    const record = records.take()
    if (record !== undefined) return record
    const more = await text.next()
    if (more.done !== true) records.push(more.value)
    else if (records.ended) return undefined
    else records.end()
  }
}

async function readHeaderRecord(
  records: CsvRecords,
  text: AsyncGenerator<string, undefined>,
  name: string,
): Promise<string[]> {
  const record = await nextRecord(records, text)
  if (record?.kind === 'record') return record.cells
  if (record === undefined) {
    throw new GoniecError('csv_header', `${name} is empty: it has no header line`, {
      hint: 'a list of leads has a header line with a column "email", and a lead on each line after it',
    })
  }
  throw new GoniecError('csv_header', `the header of ${name} (line ${record.line}) cannot be read: ${record.reason}`, {
    hint: 'mend that line; quotes around names are not needed',
  })
}

async function* rows(
  records: CsvRecords,
  text: AsyncGenerator<string, undefined>,
  columns: CsvColumn[],
  addressIndex: number,
  close: () => Promise<void>,
): AsyncGenerator<CsvRow | CsvReject> {
  try {
    for (;;) {
      // Records at hand are taken without waiting; the machinery of promises costs more than the reading.
      const record = records.take() ?? (await nextRecord(records, text))
      if (record === undefined) return
      if (record.kind === 'reject') {
        yield record
        continue
      }
      const { line, cells } = record
      const fields: Record<string, string> = {}
      for (const { field, index } of columns) fields[field] = cells[index]?.trim() ?? ''
      yield { kind: 'row', line, address: cells[addressIndex]?.trim() ?? '', fields, cells }
    }
  } finally {
    await close()
  }
}
