/** docs/operations.md explains every line of the worker's log that is a warning or worse, with its level, and no line that there is not. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { readSources } from './support/sources.ts'

interface Message {
  level: string
  text: string
}

const explained = readFileSync('docs/operations.md', 'utf8')
  .split('\n')
  .flatMap((line) => {
    const [, levels, text] = /^\| (warn|error|fatal|warn, error) +\| `([^`]+)` +\|/.exec(line) ?? []
    return levels === undefined || text === undefined ? [] : levels.split(', ').map((level) => ({ level, text }))
  })

const written = readSources(['src']).flatMap(({ text }) => [...loggedBy(text), ...warnedBy(text)])

test('every warning, error and end of a worker is explained with what to do', () => {
  expect(written.length).toBeGreaterThan(30)
  const known = new Set(explained.map(asLine))
  expect(written.map(asLine).filter((line) => !known.has(line))).toEqual([])
})

test('no line is explained that no worker writes', () => {
  const real = new Set(written.map(asLine))
  expect(explained.map(asLine).filter((line) => !real.has(line))).toEqual([])
})

/** Calls of a logger: the message is the last text among the arguments. One that is handed on is found where it is made. */
function loggedBy(source: string): Message[] {
  return [...source.matchAll(/\blog\.(warn|error|fatal)\(/g)].flatMap(({ 0: call, 1: level = '', index }) => {
    const texts = textsIn(argumentsAt(source, index + call.length))
    return texts.length === 0 ? [] : [{ level, text: texts.at(-1) ?? '' }]
  })
}

/** What parts without a logger tell their worker, which warns with it: the words before the first thing that is filled in. */
function warnedBy(source: string): Message[] {
  return [...source.matchAll(/\bonWarning\(/g)].flatMap(({ 0: call, index }) =>
    textsIn(argumentsAt(source, index + call.length)).map((text) => ({
      level: 'warn',
      text: (text.split('${')[0] ?? '').trim(),
    })),
  )
}

function argumentsAt(source: string, from: number): string {
  let open = 1
  let to = from
  for (; open > 0 && to < source.length; to += 1) {
    if (source[to] === '(') open += 1
    if (source[to] === ')') open -= 1
  }
  return source.slice(from, to - 1)
}

function textsIn(code: string): string[] {
  return [...code.matchAll(/'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|`([^`]*)`/g)].map(
    ([, single, double, template]) => single ?? double ?? template ?? '',
  )
}

function asLine({ level, text }: Message): string {
  return `${level}: ${text}`
}
