/** `npm run pictures`: writes the pictures and outputs of docs/forecast.md anew. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { makePictures } from './pictures.ts'

const { files, output } = await makePictures()
mkdirSync('docs/images', { recursive: true })
for (const [path, text] of Object.entries(files)) writeFileSync(path, text)
const page = readFileSync('docs/forecast.md', 'utf8')
writeFileSync(
  'docs/forecast.md',
  page.replace(/```text\naudyt-hal[\s\S]*?\n```/, () => `\`\`\`text\n${output}\n\`\`\``),
)
