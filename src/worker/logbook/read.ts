/** Reading logbooks: what a worker has sent, newest first, and from when on they know all of it. */
import { toExactTime, type Instant } from '../../time.ts'
import {
  homeFolder,
  listFiles,
  listShelf,
  readHeader,
  readLastLines,
  readLines,
  type LogFile,
  type Shelf,
} from './files.ts'
import type { Answer, Home, Line, Mark, PassedMail } from './lines.ts'

/** A mail that may have been accepted. One that the server surely refused, or that was ended before its dot, is none. */
export interface LoggedMail extends PassedMail {
  outcome: 'accepted' | 'unknown'
  response: string | null
}

/** What a file holds. */
export interface Page {
  /** Its home's. */
  folder: string
  mails: LoggedMail[]
  /** The last mark in it. */
  mark: Mark | undefined
}

/** The newest page of this home's logbook with its last mark, and the last `most` mails; undefined where there is none. */
export async function readNewest(shelf: Shelf, home: Home, most: number): Promise<Page | undefined> {
  return await newestOf(await listFiles(homeFolder(shelf, home)), most)
}

/** The last `most` mails of each other home that this worker has worked in. */
export async function readNewestElsewhere(shelf: Shelf, home: Home, most: number): Promise<LoggedMail[]> {
  const byFolder = Map.groupBy(await listShelf(shelf), ({ folder }) => folder)
  byFolder.delete(homeFolder(shelf, home))
  const pages = await Promise.all([...byFolder.values()].map((files) => newestOf(files, most)))
  return pages.flatMap((page) => page?.mails ?? [])
}

async function newestOf(files: readonly LogFile[], most: number): Promise<Page | undefined> {
  const folder = files.at(-1)?.folder
  if (folder === undefined) return undefined
  const answers = new Map<string, Answer>()
  const mails: LoggedMail[] = []
  let mark: Mark | undefined
  for (const file of files.toReversed()) {
    const page = (await endOf(file, most - mails.length, answers)) ?? toPage(file, await readLines(file), answers)
    mails.unshift(...page.mails)
    mark ??= page.mark
    if (mails.length >= most && mark) break
  }
  return { folder, mails: mails.slice(-most), mark }
}

/** A thousand mails are 400 kB, with their answers. A file of twenty thousand took a worker up to a quarter of a second of its start. */
const END_BYTES = 1024 * 1024

/** What the end of this file holds, a few mails more than asked for: one that was refused is none. Undefined where that is not enough, and all of it is to be read. */
async function endOf(file: LogFile, most: number, answers: ReadonlyMap<string, Answer>): Promise<Page | undefined> {
  const lines = await readLastLines(file, { bytes: END_BYTES, mails: most + Math.ceil(most / 10) })
  const page = lines && toPage(file, lines, new Map(answers))
  return page?.mark && page.mails.length >= most ? page : undefined
}

/** All pages of this worker, whatever home, newest first within each. */
export async function* readAll(shelf: Shelf): AsyncGenerator<Page> {
  const byFolder = Map.groupBy(await listShelf(shelf), ({ folder }) => folder)
  for (const files of byFolder.values()) yield* pagesOf(files)
}

/** From when on its logbooks know all that this worker has sent; null: from its first mail on. */
export async function coversFrom(shelf: Shelf): Promise<Instant | null> {
  const byFolder = Map.groupBy(await listShelf(shelf), ({ folder }) => folder)
  let from: Instant | null = null
  for (const files of byFolder.values()) {
    for (const [index, file] of files.entries()) {
      const isNext = index === 0 ? (await readHeader(file)).isFirst : files[index - 1]?.number === file.number - 1
      if (isNext) continue
      const { begunAt } = await readHeader(file)
      if (from === null || begunAt.epochNanoseconds > from.epochNanoseconds) from = begunAt
    }
  }
  return from
}

/** An answer may stand in a later file than its mail: hence from the newest to the oldest. */
async function* pagesOf(files: readonly LogFile[]): AsyncGenerator<Page> {
  const answers = new Map<string, Answer>()
  for (const file of files.toReversed()) {
    yield toPage(file, await readLines(file), answers)
  }
}

/** `answers` are those of later lines; those that this page has no mail of are added. */
function toPage({ folder }: LogFile, lines: readonly Line[], answers: Map<string, Answer>): Page {
  for (const line of lines) if (line.kind === 'answer') answers.set(keyOf(line.answer), line.answer)
  const passed = lines.flatMap((line) => (line.kind === 'passed' ? [line.mail] : []))
  const mails = passed.flatMap((mail): LoggedMail[] => {
    const { outcome = 'unknown', response = null } = answers.get(keyOf(mail)) ?? {}
    answers.delete(keyOf(mail))
    return outcome === 'accepted' || outcome === 'unknown' ? [{ ...mail, outcome, response }] : []
  })
  return { folder, mails, mark: lines.flatMap((line) => (line.kind === 'mark' ? [line.mark] : [])).at(-1) }
}

function keyOf({ attemptId, passedAt }: Pick<Answer, 'attemptId' | 'passedAt'>): string {
  return `${attemptId} ${toExactTime(passedAt)}`
}
