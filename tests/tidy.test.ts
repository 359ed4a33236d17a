/**
 * The shape of the sources, as DESIGN and STYLE have it: which way imports point, how long files are, what they may be called, what
 * they may not contain. Every rule collects what breaks it, so that a failure lists all places at once.
 *
 * Two marks in a file state a reason: `// long: why` (over 250 lines) and `// date: why` (uses `Date`).
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import { createProgram } from '../src/cli/program.ts'
import { readSources, type Source } from './support/sources.ts'

const sources = readSources(['src', 'bin', 'tests', 'bench', 'proof'])
const product = sources.filter(({ path }) => /^(src|bin)\//.test(path))

/** Lower layers come first; a folder may import from lower ones, from its own, and (in the middle) from its neighbours. */
const LAYERS = [
  [''],
  ['schedule', 'database'],
  ['campaigns', 'leads', 'mailboxes', 'delivery', 'reports'],
  ['worker', 'cli'],
]

test('imports point one way: cli, worker → campaigns, leads, mailboxes, delivery, reports → schedule, database → time, errors', () => {
  const wrong = product.flatMap((source) =>
    source.imports
      .filter((target) => !mayImport(source.path, target))
      .map((target) => `${source.path} imports ${target}`),
  )
  expect(wrong).toEqual([])
})

test('no file imports itself by a detour', () => {
  expect(findCycles(product)).toEqual([])
})

test('the schedule knows no driver, no clock and no environment', () => {
  const forbidden = /\b(process|Date|performance|crypto)\.|Math\.random|Temporal\.Now|from '(pg|kysely|node:|graphile)/
  expect(linesWith(forbidden, ({ path }) => path.startsWith('src/schedule/'))).toEqual([])
})

test('a file over 250 lines says why, none passes 400; a test 600', () => {
  const wrong = sources.flatMap(({ path, lines, text }) => {
    const most = path.startsWith('tests/') ? 600 : 400
    if (isGenerated(text)) return []
    if (lines.length > most) return [`${path} has ${lines.length} lines, ${most} are allowed`]
    if (lines.length > 250 && !path.startsWith('tests/') && !/^\/\/ long: \S/m.test(text))
      return [`${path} has ${lines.length} lines and no "// long: why"`]
    return []
  })
  expect(wrong).toEqual([])
})

test('no function is longer than seventy lines', () => {
  expect(product.flatMap(longFunctions)).toEqual([])
})

test('no file is a drawer for things without a name', () => {
  const drawers = /^(utils?|common|helpers?|types?|misc|shared|lib)\.(ts|js|sql)$/
  expect(sources.filter(({ path }) => drawers.test(basename(path))).map(({ path }) => path)).toEqual([])
})

test('file names are kebab-case', () => {
  expect(
    sources
      .filter(({ path }) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.(test|config))?\.(ts|js)$/.test(basename(path)))
      .map(({ path }) => path),
  ).toEqual([])
})

test('every export is used by another file', () => {
  const dead = sources
    .filter(({ path }) => path.startsWith('src/'))
    .flatMap((source) =>
      source.exports
        .filter(({ name, isType }) => !isType && !isUsed(name, source))
        .map(({ name }) => `${source.path}: ${name}`),
    )
  expect(dead).toEqual([])
})

test('every function, class and constant that is exported has a sentence', () => {
  const silent = product.flatMap(({ path, exports, lines }) =>
    exports
      .filter(({ isType, isReexport }) => !isType && !isReexport)
      // An overload's sentence stands above the first of them.
      .filter(({ name }, index, all) => all[index - 1]?.name !== name)
      // The file's opening words are those of its first export.
      .filter(({ line }, index) => !(index === 0 && lines[0]?.startsWith('/**')) && !isExplained(lines, line))
      .map(({ name, line }) => `${path}:${line} ${name}`),
  )
  expect(silent).toEqual([])
})

test('Date is used at the border only, and says why', () => {
  const uses = /\bnew Date\b|\bDate\.\w|[:<|] ?Date\b/
  expect(
    linesWith(
      uses,
      ({ path, text }) => path.startsWith('src/') && path !== 'src/time.ts' && !/\/\/ date: \S/.test(text),
    ),
  ).toEqual([])
})

test('nothing throws an error without a code, and nothing gives types up', () => {
  expect(
    linesWith(/throw new Error\(|\bas any\b|@ts-(ignore|expect-error|nocheck)/, ({ path }) =>
      /^(src|bin)\//.test(path),
    ),
  ).toEqual([])
})

test('no error is swallowed without a reason above it', () => {
  const swallows = /catch *(\(\w*\))? *\{ *\}|\.catch\(\(\) => (\{ *\}|undefined)\)/
  expect(linesWith(swallows, ({ path }) => path.startsWith('src/'), { unlessExplained: true })).toEqual([])
})

test('nothing is left unfinished', () => {
  expect(linesWith(/\b(TODO|FIXME|XXX|HACK)\b/, ({ path }) => path !== 'tests/tidy.test.ts')).toEqual([])
})

test('no test sleeps; one that makes a server slow says so above', () => {
  const sleeps = /\bsetTimeout\(|timers\/promises|\bsleep\(/
  expect(linesWith(sleeps, isOtherTest, { unlessExplained: true })).toEqual([])
})

test('every command that the documents show is one that goniec knows, with these flags', () => {
  const wrong = documents().flatMap((path) =>
    shownCommands(readFileSync(path, 'utf8')).flatMap((command) =>
      complaintsAbout(command).map((complaint) => `${path}: ${command}: ${complaint}`),
    ),
  )
  expect(wrong).toEqual([])
})

function isOtherTest({ path }: Source): boolean {
  return path.endsWith('.test.ts') && path !== 'tests/tidy.test.ts'
}

function folderOf(path: string): string {
  return path.split('/').length > 2 ? (path.split('/')[1] ?? '') : ''
}

function layerOf(path: string): number {
  return path.startsWith('bin/') ? LAYERS.length : LAYERS.findIndex((layer) => layer.includes(folderOf(path)))
}

function mayImport(from: string, to: string): boolean {
  const [lower, upper] = [layerOf(to), layerOf(from)]
  if (folderOf(from) === folderOf(to)) return true
  if (lower === upper) return folderOf(from) === 'cli' || LAYERS[2]?.includes(folderOf(from)) === true
  return lower < upper
}

/** Depth first; a path that comes back to where it is already is a cycle, told once from its smallest file. */
function findCycles(files: Source[]): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const done = new Set<string>()
  const found = new Set<string>()
  const visit = (path: string, trail: string[]): void => {
    if (trail.includes(path)) {
      found.add([...trail.slice(trail.indexOf(path)), path].join(' → '))
      return
    }
    if (done.has(path)) return
    for (const target of byPath.get(path)?.imports ?? []) visit(target, [...trail, path])
    done.add(path)
  }
  for (const { path } of files) visit(path, [])
  return [...found]
}

function longFunctions({ path, lines }: Source): string[] {
  const long: string[] = []
  let start: number | undefined
  for (const [index, line] of lines.entries()) {
    if (/^(export )?(async )?function\b/.test(line)) start = index
    if (line !== '}' || start === undefined) continue
    if (index - start + 1 > 70) long.push(`${path}:${start + 1} (${index - start + 1} lines)`)
    start = undefined
  }
  return long
}

function isUsed(name: string, source: Source): boolean {
  // bin/goniec.js chooses between the source and the compiled file.
  if (source.path === 'src/cli/main.ts') return name === 'main'
  return sources.some(
    ({ path, imports, text }) =>
      path !== source.path && imports.includes(source.path) && new RegExp(`\\b${name}\\b`).test(text),
  )
}

function isGenerated(text: string): boolean {
  return text.startsWith('/** ') && text.slice(0, 300).includes('Generated from')
}

/** Comment lines are prose and may name what code may not use. */
function linesWith(pattern: RegExp, where: (source: Source) => boolean, { unlessExplained = false } = {}): string[] {
  return sources
    .filter(where)
    .flatMap(({ path, lines }) =>
      lines.flatMap((line, index) =>
        pattern.test(line) && !/^\s*(\*|\/\/|\/\*)/.test(line) && !(unlessExplained && isExplained(lines, index + 1))
          ? [`${path}:${index + 1} ${line.trim()}`]
          : [],
      ),
    )
}

/** A comment ends on the line above this one (counted from 1), or stands at its end. */
function isExplained(lines: string[], line: number): boolean {
  return /^\s*\/\/ |\*\/\s*$/.test(lines[line - 2] ?? '') || /\S\s+\/\/ \S/.test(lines[line - 1] ?? '')
}

function documents(): string[] {
  const inDocs = existsSync('docs')
    ? readdirSync('docs', { recursive: true, encoding: 'utf8' }).map((name) => join('docs', name))
    : []
  return ['README.md', ...inDocs].filter((path) => path.endsWith('.md') && existsSync(path))
}

/** Lines `$ goniec …` and `goniec …` of fenced blocks; what follows a pipe or a comment is not ours. */
function shownCommands(markdown: string): string[] {
  const blocks = [...markdown.matchAll(/^```(?:console|sh|bash|shell)\n(.*?)^```/gms)].map(([, block = '']) => block)
  const lines = blocks.flatMap((block) => block.replaceAll('\\\n', ' ').split('\n'))
  return lines.flatMap((line) => {
    const command = /^(?:\$ )?(?:npx )?goniec (.*?)(?:\s+[|>#&<].*)?$/.exec(line.trim())?.[1]
    return command === undefined ? [] : [command.trim()]
  })
}

function complaintsAbout(command: string): string[] {
  const { program } = createProgram()
  const all = [program, ...program.commands.flatMap((noun) => [noun, ...noun.commands])]
  for (const leaf of all) if (leaf.commands.length === 0) leaf.action(() => undefined)
  const words = (command.match(/"[^"]*"|'[^']*'|\S+/g) ?? []).map((word) => word.replaceAll(/["']/g, ''))
  try {
    program.configureOutput({ writeOut: () => undefined, writeErr: () => undefined })
    program.parse(
      words.map((word) => (word === '--embedded' ? '--embedded=' : word)),
      { from: 'user' },
    )
    return []
  } catch (error) {
    const asked = error instanceof Error && 'exitCode' in error && error.exitCode === 0
    return asked ? [] : [String(error)]
  }
}
