import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { PAGE_START } from '../../../src/cli/drawing/page.ts'
import { checkPageFile, savePage } from '../../../src/cli/drawing/save-page.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'goniec-page-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
})

test('a page is written, and an older one of ours is replaced', () => {
  const file = join(folder, 'page.html')
  savePage(file, `${PAGE_START}first`)
  savePage(file, `${PAGE_START}second`)
  expect(readFileSync(file, 'utf8')).toBe(`${PAGE_START}second`)
  expect(readdirSync(folder)).toEqual(['page.html'])
})

test('a file that is no page of ours is left as it is', () => {
  const file = join(folder, 'leads.csv')
  writeFileSync(file, 'email\na@b.example\n')
  expect(() => savePage(file, PAGE_START)).toThrow(/leads\.csv is there already, and is no page of goniec’s/)
  expect(readFileSync(file, 'utf8')).toBe('email\na@b.example\n')
})

test('an empty file is filled, and a link leads on to its file', () => {
  const file = join(folder, 'page.html')
  writeFileSync(file, '')
  symlinkSync(file, join(folder, 'link.html'))
  savePage(join(folder, 'link.html'), `${PAGE_START}x`)
  expect(readFileSync(file, 'utf8')).toBe(`${PAGE_START}x`)
})

test('a folder that is not there is named, with the command that makes it', () => {
  expect(() => savePage(join(folder, 'deep/er/page.html'), PAGE_START)).toThrow(
    expect.objectContaining({
      message: expect.stringContaining(`there is no folder ${folder}/deep/er`) as string,
      hint: expect.stringContaining(`mkdir -p ${folder}/deep/er`) as string,
    }),
  )
})

test('a folder is no file', () => {
  expect(() => savePage(folder, PAGE_START)).toThrow(/is a folder, not a file/)
})

test('what could not be written is refused before the forecast is made', () => {
  expect(() => checkPageFile(join(folder, 'none/page.html'))).toThrow(/there is no folder/)
  expect(() => checkPageFile(join(folder, 'page.html'))).not.toThrow()
  expect(readdirSync(folder)).toEqual([])
})
