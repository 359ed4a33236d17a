/** The version in package.json, which stands above `src` in a checkout and above `dist` in the package. */
import { readFileSync } from 'node:fs'

export const version: string = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version
