/** The project's own source files, with what they import and export: what tests about the shape of the code look at. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, normalize } from 'node:path'

export interface Source {
  /** From the root of the checkout, with `/`. */
  path: string
  text: string
  lines: string[]
  /** Paths of the project's files that it imports, statically or when needed. */
  imports: string[]
  exports: Export[]
}

export interface Export {
  name: string
  /** Counted from 1. */
  line: number
  isType: boolean
  isReexport: boolean
}

/** All `.ts` and `.js` files below these folders. */
export function readSources(folders: readonly string[]): Source[] {
  return folders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)))
    .filter((path) => /\.(ts|js)$/.test(path) && !path.endsWith('.d.ts'))
    .sort()
    .map(readSource)
}

function readSource(path: string): Source {
  const text = readFileSync(path, 'utf8')
  const lines = text.replace(/\n$/, '').split('\n')
  return { path, text, lines, imports: importsOf(path, text), exports: exportsOf(lines) }
}

/** `from './x.ts'`, `import './x.ts'`, `import('./x.ts')`. */
function importsOf(path: string, text: string): string[] {
  const targets = [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'(\.{1,2}\/[^']+)'/g)].map(([, target = '']) => target)
  return [...new Set(targets.map((target) => normalize(join(path, '..', target))))]
}

function exportsOf(lines: string[]): Export[] {
  return lines.flatMap((line, index): Export[] => {
    const declared =
      /^export (?:declare )?(?:abstract )?(async function\*?|function\*?|const|let|class|interface|type) (\w+)/.exec(
        line,
      )
    if (declared) {
      const [, kind, name = ''] = declared
      return [{ name, line: index + 1, isType: kind === 'interface' || kind === 'type', isReexport: false }]
    }
    const list = /^export (type )?\{([^}]*)\}/.exec(line)
    return (list?.[2] ?? '')
      .split(',')
      .map(
        (part) =>
          part
            .trim()
            .replace(/^type /, '')
            .split(' as ')
            .at(-1) ?? '',
      )
      .filter((name) => name !== '')
      .map((name) => ({ name, line: index + 1, isType: list?.[1] !== undefined, isReexport: true }))
  })
}
