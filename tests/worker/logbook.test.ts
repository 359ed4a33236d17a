/** A worker's logbook on a real disk: what it keeps, how it is bounded, and what is said where it is spoilt. */
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { GoniecError } from '../../src/errors.ts'
import { Temporal, type Instant } from '../../src/time.ts'
import { homeFolder } from '../../src/worker/logbook/files.ts'
import type { PassedMail } from '../../src/worker/logbook/lines.ts'
import { Logbook } from '../../src/worker/logbook/logbook.ts'
import { coversFrom, readAll, readNewest, type LoggedMail } from '../../src/worker/logbook/read.ts'

const NOON = Temporal.Instant.from('2026-12-01T11:00:00.123456Z')
const HOME = { systemIdentifier: '7712359812563501030', databaseOid: 16_384 }
const WEEK_MS = 7 * 86_400_000

let root: string
let broken: GoniecError[]

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'goniec-logbook-'))
  broken = []
})

afterEach(() => rmSync(root, { recursive: true, force: true }))

const shelf = () => ({ root, installation: 'c0ffee', worker: 'host/1' })
const folder = (): string => homeFolder(shelf(), HOME)
const files = (): string[] => readdirSync(folder()).toSorted()
const file = (name = '000001.log'): string => join(folder(), name)

const open = ({ isKnown = false, now = NOON, home = HOME, keepMs = WEEK_MS } = {}): Promise<Logbook> =>
  Logbook.open({ ...shelf(), home, now, isKnown, keepMs, onBroken: (error) => broken.push(error) })

const mail = (attemptId: number, more: Partial<PassedMail> = {}): PassedMail => ({
  attemptId,
  passedAt: NOON,
  recipient: 'jan@klient.example',
  campaign: 'spring',
  stepKey: 'intro',
  idempotencyKey: null,
  mailbox: 'anna@firma.example',
  rfcMessageId: '<abc@firma.example>',
  ...more,
})

const newest = (most: number) => readNewest(shelf(), HOME, most)
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8)

async function all(): Promise<LoggedMail[]> {
  const mails: LoggedMail[] = []
  for await (const page of readAll(shelf())) mails.push(...page.mails)
  return mails
}

test('only its user may look into it, and the folders above, in which goniec’s own database is too, are as he makes any', async () => {
  const state = join(root, 'lib', 'goniec', 'workers')
  const before = process.umask(0o022)
  onTestFinished(() => void process.umask(before))
  const logbook = await Logbook.open({
    ...shelf(),
    root: state,
    home: HOME,
    now: NOON,
    isKnown: false,
    keepMs: WEEK_MS,
    onBroken: (error) => broken.push(error),
  })
  await logbook.close()
  expect([state, join(state, '..')].map(modeOf)).toEqual(['700', '755'])
})

test('what comes while it is being closed, at any moment of that, breaks nothing', async () => {
  const tomorrow = NOON.add({ hours: 25 })
  for (let turns = 0; turns < 30; turns += 1) {
    const logbook = await open()
    await logbook.mark({ at: NOON, walPosition: '0/1' })
    const closing = logbook.close()
    for (let turn = 0; turn < turns; turn += 1) await Promise.resolve()
    await Promise.allSettled([closing, logbook.mark({ at: tomorrow, walPosition: '0/2' })])
    expect(broken).toEqual([])
  }
  const logbook = await open()
  await logbook.close()
  await expect(logbook.passed([mail(1)], null)).rejects.toThrow('its logbook is closed')
  await logbook.mark({ at: tomorrow, walPosition: '0/3' })
  expect([broken, await all()]).toEqual([[], []])
})

test('a mail that passed is on the disk before its content may go out, to the microsecond', async () => {
  const logbook = await open()
  await logbook.passed([mail(1), mail(2, { campaign: null, stepKey: null, idempotencyKey: 'ask-7' })], '0/1B80F98')
  expect(await all()).toEqual([
    { ...mail(1), outcome: 'unknown', response: null },
    { ...mail(2, { campaign: null, stepKey: null, idempotencyKey: 'ask-7' }), outcome: 'unknown', response: null },
  ])
  const page = await newest(1)
  expect(page?.mails.map(({ attemptId }) => attemptId)).toEqual([2])
  expect(page?.mark).toMatchObject({ at: NOON, walPosition: '0/1B80F98' })
  await logbook.close()
})

test('a yes of the server is kept, and what was surely refused is no mail that went out', async () => {
  const logbook = await open()
  await logbook.passed([mail(1), mail(2), mail(3)], null)
  logbook.answered({ attemptId: 1, passedAt: NOON, outcome: 'accepted', response: '250 2.0.0 Ok' })
  logbook.answered({ attemptId: 2, passedAt: NOON, outcome: 'rejected', response: '550 no' })
  await logbook.close()
  expect((await all()).map(({ attemptId, outcome, response }) => [attemptId, outcome, response])).toEqual([
    [1, 'accepted', '250 2.0.0 Ok'],
    [3, 'unknown', null],
  ])
})

test('a life after the other goes on in the same file', async () => {
  for (const attempt of [1, 2]) {
    const logbook = await open({ isKnown: attempt > 1 })
    await logbook.passed([mail(attempt)], null)
    await logbook.close()
  }
  expect(files()).toEqual(['000001.log'])
  expect((await all()).map(({ attemptId }) => attemptId)).toEqual([1, 2])
})

test('a last line that a power cut has cut off is left out, and nothing is written behind it', async () => {
  const logbook = await open()
  await logbook.passed([mail(1), mail(2)], null)
  await logbook.close()
  truncateSync(file(), readFileSync(file()).length - 5)
  const again = await open()
  await again.passed([mail(3)], null)
  await again.close()
  expect(files()).toEqual(['000001.log', '000002.log'])
  expect((await all()).map(({ attemptId }) => attemptId).toSorted((one, other) => one - other)).toEqual([1, 2, 3])
  expect(await coversFrom(shelf())).toBeNull()
})

test('a newest file that was moved away, as the error says, is missed: what is known begins behind it', async () => {
  const logbook = await open()
  await logbook.passed([mail(1)], null)
  await logbook.close()
  truncateSync(file(), readFileSync(file()).length - 5)
  await (await open()).close()
  renameSync(file('000002.log'), file('000002.log.spoilt'))
  const later = NOON.add({ hours: 1 })
  await (await open({ now: later })).close()
  expect(await coversFrom(shelf())).toEqual(later)
})

test('so is an only one, also where the database has forgotten that there was a worker', async () => {
  await (await open()).close()
  renameSync(file(), file('000001.log.spoilt'))
  await (await open({ isKnown: false })).close()
  expect(await coversFrom(shelf())).toEqual(NOON)
})

describe('a file that is spoilt is named, with what to do', () => {
  test.each([
    ['a line in its middle', () => writeFileSync(file(), readFileSync(file(), 'utf8').replace('"to"', 'to')), 2],
    ['a first line that is gone', () => writeFileSync(file(), readFileSync(file(), 'utf8').replace(/^.*\n/, '')), 1],
    ['nothing in it at all', () => truncateSync(file(), 0), 1],
    ['a block of zeros', () => appendFileSync(file(), `${'\0'.repeat(100)}\n`), 4],
  ])('%s', async (_, spoil, line) => {
    const logbook = await open()
    await logbook.passed([mail(1)], null)
    await logbook.close()
    spoil()
    await expect(newest(10)).rejects.toMatchObject({
      code: 'logbook_corrupt',
      message: `the worker’s logbook is spoilt: ${file()}, line ${line}`,
      hint: expect.stringContaining(`mv ${file()} ${file()}.spoilt`),
    })
  })
})

describe('of a file that has grown long its end is read', () => {
  const MANY = 8000

  beforeEach(async () => {
    const logbook = await open()
    for (let first = 1; first < MANY; first += 100) {
      const mails = Array.from({ length: 100 }, (_, index) => mail(first + index))
      await logbook.passed(mails, `0/${first}`)
      for (const { attemptId } of mails) {
        logbook.answered({ attemptId, passedAt: NOON, outcome: 'accepted', response: `250 ${attemptId}` })
      }
    }
    await logbook.close()
  })

  test('its newest mails, with their answers and the last mark, whatever stands before', async () => {
    writeFileSync(file(), readFileSync(file(), 'utf8').replace('"to"', 'to'))
    const page = await newest(1000)
    expect(page?.mails.map(({ attemptId }) => attemptId)).toEqual(
      Array.from({ length: 1000 }, (_, n) => MANY - 999 + n),
    )
    expect(page?.mails.map(({ response }) => response)).toEqual(
      Array.from({ length: 1000 }, (_, n) => `250 ${MANY - 999 + n}`),
    )
    expect(page?.mark).toMatchObject({ walPosition: `0/${MANY - 99}` })
  })

  test('just after a new file was begun, also of the one before', async () => {
    const logbook = await open()
    const tomorrow = NOON.add({ hours: 25 })
    await logbook.passed([mail(MANY + 1)], '0/A')
    await logbook.mark({ at: tomorrow, walPosition: '0/A' })
    await logbook.passed([mail(MANY + 2, { passedAt: tomorrow })], '0/B')
    logbook.answered({ attemptId: MANY + 1, passedAt: NOON, outcome: 'accepted', response: 'at last' })
    await logbook.close()
    expect(files()).toEqual(['000001.log', '000002.log'])
    writeFileSync(file(), readFileSync(file(), 'utf8').replace('"to"', 'to'))
    const page = await newest(1000)
    expect(page?.mails.map(({ attemptId }) => attemptId)).toEqual(
      Array.from({ length: 1000 }, (_, n) => MANY - 997 + n),
    )
    expect(page?.mails.slice(-2).map(({ response }) => response)).toEqual(['at last', null])
    expect(page?.mark).toMatchObject({ walPosition: '0/B' })
  })

  test('more than its end holds are read from all of it', async () => {
    expect((await newest(MANY))?.mails).toHaveLength(MANY)
  })

  test('a last line that is cut off is left out', async () => {
    appendFileSync(file(), '{"passed":')
    expect((await newest(10))?.mails.at(-1)?.attemptId).toBe(MANY)
  })

  test('a line in its end that is spoilt is named by its number', async () => {
    appendFileSync(file(), `${'\0'.repeat(100)}\n`)
    const lines = readFileSync(file(), 'utf8').split('\n').length - 1
    await expect(newest(10)).rejects.toMatchObject({
      code: 'logbook_corrupt',
      message: `the worker’s logbook is spoilt: ${file()}, line ${lines}`,
    })
  })
})

test('a directory that cannot be written is refused at the start, with the way out', async () => {
  writeFileSync(join(root, 'c0ffee'), 'a file where a folder should be')
  await expect(open()).rejects.toMatchObject({ code: expect.stringMatching(/^logbook_un/), hint: expect.any(String) })
})

test('a line that cannot be written refuses its mail, and ends the worker once', async () => {
  const logbook = await open()
  // Where its folder was there is something else: the file of the next day cannot be made.
  rmSync(folder(), { recursive: true })
  writeFileSync(folder(), '')
  const tomorrow = NOON.add({ hours: 25 })
  await expect(logbook.passed([mail(1, { passedAt: tomorrow })], null)).rejects.toThrow(/EEXIST|ENOTDIR/)
  await expect(logbook.passed([mail(2)], null)).rejects.toThrow(/cannot be written/)
  expect(broken.map(({ code }) => code)).toEqual(['logbook_unwritable'])
})

describe('from when on it knows', () => {
  const later: Instant = NOON.add({ hours: 30 })

  test('a worker’s first logbook knows all; one that is new to a worker that is not knows from its beginning', async () => {
    await (await open()).close()
    expect(await coversFrom(shelf())).toBeNull()
    rmSync(folder(), { recursive: true })
    await (await open({ isKnown: true, now: later })).close()
    expect(await coversFrom(shelf())).toEqual(later)
  })

  test('a new file begins each day; old ones are dropped, and what is left says so', async () => {
    const logbook = await open()
    await logbook.passed([mail(1)], null)
    await logbook.mark({ at: later, walPosition: null })
    await logbook.close()
    expect(files()).toEqual(['000001.log', '000002.log'])
    expect(await coversFrom(shelf())).toBeNull()
    utimesSync(file(), 0, 0)
    await (await open({ isKnown: true })).close()
    expect(files()).toEqual(['000002.log'])
    expect(await coversFrom(shelf())).toEqual(later)
  })

  test('a file that was moved away leaves a gap', async () => {
    const logbook = await open()
    await logbook.mark({ at: later, walPosition: null })
    await logbook.mark({ at: later.add({ hours: 30 }), walPosition: null })
    await logbook.close()
    rmSync(file('000002.log'))
    expect(await coversFrom(shelf())).toEqual(later.add({ hours: 30 }))
  })

  test('in another home of the database the logbooks before are known still', async () => {
    const logbook = await open()
    await logbook.passed([mail(1)], null)
    await logbook.close()
    const elsewhere = { ...HOME, databaseOid: 99 }
    await (await open({ isKnown: true, home: elsewhere, now: later })).close()
    expect(await coversFrom(shelf())).toBeNull()
    expect(await readNewest(shelf(), elsewhere, 10)).toMatchObject({ mails: [] })
    expect(await all()).toHaveLength(1)
  })
})
