import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { makePictures } from '../../support/pictures.ts'
import { readWellFormed } from '../../support/well-formed.ts'

test('the pictures and outputs of docs/forecast.md are those that the program makes; else: npm run pictures', async () => {
  const { files, output } = await makePictures()
  const page = readFileSync('docs/forecast.md', 'utf8')
  for (const [path, text] of Object.entries(files)) {
    expect(readFileSync(path, 'utf8')).toBe(text)
    expect(readWellFormed(text)[0]?.name).toBe('svg')
    expect(page).toContain(`](${path.replace('docs/', '')})`)
  }
  expect(page).toContain(`\`\`\`text\n${output}\n\`\`\``)
})
