/** What goniec stands on may be taken along, and is listed. */
import { readFileSync } from 'node:fs'
import { format, resolveConfig } from 'prettier'
import { expect, test } from 'vitest'
import { objections, PAGE, readPackages, renderLicences } from './support/licences.ts'

const packages = readPackages()

test('every package has a licence that may be taken along', () => {
  expect(packages.length).toBeGreaterThan(100)
  expect(objections(packages)).toEqual([])
})

test('a licence that asks for more is seen, of what is handed on sooner than of what only makes goniec', () => {
  const gpl = { name: 'x', version: '1.0.0', licence: 'GPL-3.0', isDevelopment: true }
  const mpl = { name: 'y', version: '2.0.0', licence: 'MPL-2.0', isDevelopment: false }
  expect(objections([gpl, mpl])).toEqual(['x 1.0.0 has the licence GPL-3.0', 'y 2.0.0 has the licence MPL-2.0'])
  expect(objections([{ ...mpl, isDevelopment: true }])).toEqual([])
})

test('the page lists them as they are; else: npm run docs:licences', async () => {
  const page = await format(renderLicences(packages), { ...(await resolveConfig(PAGE)), filepath: PAGE })
  expect(readFileSync(PAGE, 'utf8')).toBe(page)
})
