/**
 * Pages on paper, as a browser prints them. Needs Debian's chromium and poppler-utils; without them these tests are skipped, and say so.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Drawn } from '../../../src/cli/drawing/drawn.ts'
import { drawPage } from '../../../src/cli/drawing/page.ts'
import { mondayOf } from '../../../src/cli/drawing/rows.ts'
import { longDay } from '../../../src/cli/drawing/day-words.ts'
import { drawn, nineMonths, threeDays } from './samples.ts'

vi.setConfig({ testTimeout: 120_000 })

const isThere = (program: string, flag: string): boolean => spawnSync(program, [flag]).error === undefined
const browser = ['chromium', 'google-chrome'].find((program) => isThere(program, '--version'))
const canPrint = browser !== undefined && isThere('pdftotext', '-v')

/** A4 in points, and the page's margins. */
const PAPER = { width: 595, height: 842 }
const MARGIN = 38

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'goniec-print-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

describe.skipIf(!canPrint)('on A4 (where chromium and pdftotext are installed; else skipped)', () => {
  test.each([
    ['short', threeDays(`Żółć ${'z-bardzo-długą-nazwą'.repeat(4)}`)],
    ['long', nineMonths()],
  ] as const)('a %s forecast is whole: no word passes the margin, every week and every day is there', (name, told) => {
    const { pages, words } = print(name, told)
    expect(pages.length).toBeGreaterThan(0)
    for (const { width, height } of pages) {
      expect(Math.abs(width - PAPER.width)).toBeLessThan(1)
      expect(Math.abs(height - PAPER.height)).toBeLessThan(1)
    }
    const outside = words.filter(
      ({ left, top, right, bottom }) =>
        left < MARGIN || top < MARGIN || right > PAPER.width - MARGIN || bottom > PAPER.height - MARGIN,
    )
    expect(outside).toEqual([])
    const text = words.map((word) => word.text).join(' ')
    for (const { days } of told.campaigns) {
      for (const { day, mails } of days) {
        expect(text).toContain(longDay(mondayOf(day)))
        expect(text).toContain(String(mails))
      }
    }
    expect(text).toContain(told.campaigns.length > 1 ? 'Wigilia Bożego Narodzenia' : 'Żółć')
  })

  test('the first page is filled, however many lines the title takes', () => {
    for (const repeat of [1, 3, 5]) {
      const campaign = 'A campaign with a long name '.repeat(repeat).trim()
      const campaigns = nineMonths().campaigns.slice(0, 1)
      const page = drawn(campaigns.map((it) => ({ ...it, campaign })))
      const [first] = print(`title-${repeat}`, page).texts
      expect(first).toContain('How many are out by when')
    }
  })
})

interface Word {
  text: string
  left: number
  top: number
  right: number
  bottom: number
}

interface Printed {
  pages: { width: number; height: number }[]
  words: Word[]
  /** The words of each page. */
  texts: string[]
}

function print(name: string, told: Drawn): Printed {
  const [page, pdf] = [join(folder, `${name}.html`), join(folder, `${name}.pdf`)]
  writeFileSync(page, drawPage(told))
  const flags = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--no-pdf-header-footer',
    `--user-data-dir=${folder}/profile`,
  ]
  execFileSync(browser ?? '', [...flags, `--print-to-pdf=${pdf}`, `file://${page}`], { stdio: 'ignore' })
  const boxes = execFileSync('pdftotext', ['-bbox', pdf, '-'], { encoding: 'utf8', maxBuffer: 1 << 28 })
  const pages = [...boxes.matchAll(/<page width="([\d.]+)" height="([\d.]+)"/g)].map(([, width, height]) => ({
    width: Number(width),
    height: Number(height),
  }))
  const words = [
    ...boxes.matchAll(/<word xMin="([\d.-]+)" yMin="([\d.-]+)" xMax="([\d.-]+)" yMax="([\d.-]+)">(.*?)<\/word>/g),
  ]
  const texts = boxes.split('<page ').slice(1)
  return {
    pages,
    texts: texts.map((page) => Array.from(page.matchAll(/>(.*?)<\/word>/g), ([, text]) => text).join(' ')),
    words: words.map(([, left, top, right, bottom, text = '']) => ({
      text,
      left: Number(left),
      top: Number(top),
      right: Number(right),
      bottom: Number(bottom),
    })),
  }
}
