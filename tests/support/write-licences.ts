/** `npm run docs:licences`: writes docs/licences.md anew. */
import { writeFileSync } from 'node:fs'
import { format, resolveConfig } from 'prettier'
import { PAGE, readPackages, renderLicences } from './licences.ts'

const text = renderLicences(readPackages())
writeFileSync(PAGE, await format(text, { ...(await resolveConfig(PAGE)), filepath: PAGE }))
