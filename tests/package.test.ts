/** What is published: it holds what it must and no more, and runs with the packages that it names, and no others. */
import { execFile, type ExecFileOptions } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase } from './support/database.ts'

const ROOT = join(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'goniec-package-'))
const installed = join(folder, 'home', 'node_modules', 'goniec')
let files: string[] = []

/** Packed from a copy: the build of a checkout is nobody's business. */
beforeAll(async () => {
  const source = join(folder, 'source')
  const parts = ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'README.md', 'LICENSE', 'CHANGELOG.md']
  for (const part of [...parts, 'bin', 'src', 'migrations', 'examples', 'deploy', 'docs', 'tests', 'proof'])
    cpSync(join(ROOT, part), join(source, part), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(source, 'node_modules'))
  const packed = await start('npm', ['pack', '--json'], { cwd: source })
  const [{ filename, files: listed }] = JSON.parse(packed.slice(packed.indexOf('\n['))) as [
    { filename: string; files: { path: string }[] },
  ]
  files = listed.map(({ path }) => path)
  await start('tar', ['-xzf', join(source, filename), '-C', folder])
  mkdirSync(dirname(installed), { recursive: true })
  cpSync(join(folder, 'package'), installed, { recursive: true })
  linkDependencies(join(folder, 'home', 'node_modules'))
}, 300_000)

afterAll(() => rmSync(folder, { recursive: true }))

test('the package holds the command, its compiled sources, the migrations, the units and the examples, and nothing else', () => {
  const folders = new Set(files.map((path) => (path.includes('/') ? path.split('/')[0] : path)))
  expect([...folders].toSorted((a = '', b = '') => (a < b ? -1 : 1))).toEqual([
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'bin',
    'deploy',
    'dist',
    'examples',
    'migrations',
    'package.json',
  ])
  expect(files.filter((path) => /\.(test\.|tsbuildinfo|map$)|(?<!\.d)\.ts$|\.env/.test(path))).toEqual([])
  expect(files).toContain('deploy/goniec-worker.service')
})

test(
  'what is installed knows its version, migrates a database, and takes the definition file that comes with it',
  { timeout: 180_000 },
  async () => {
    const database = await createTestDatabase({ empty: true })
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
    expect(await goniec(database.url, '--version')).toContain(version)
    expect(await goniec(database.url, 'migrate')).toContain('000001_installation.sql')
    await goniec(database.url, 'apply', join(installed, 'examples', 'campaigns.yaml'), '--yes')
    expect(await goniec(database.url, 'campaign', 'list')).toMatch(/draft/)
    await goniec(database.url, 'worker', '--until-idle')
  },
)

/** What npm would install: the packages of the lock file that are no development's. */
function linkDependencies(into: string): void {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean }>
  }
  for (const [path, { dev, devOptional }] of Object.entries(lock.packages)) {
    const name = /^node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path)?.[1]
    if (name === undefined || dev || devOptional) continue
    mkdirSync(dirname(join(into, name)), { recursive: true })
    symlinkSync(join(ROOT, path), join(into, name))
  }
}

async function goniec(url: string, ...args: string[]): Promise<string> {
  return start(process.execPath, ['--preserve-symlinks', join(installed, 'bin', 'goniec.js'), ...args], {
    cwd: folder,
    env: { ...process.env, DATABASE_URL: url },
  })
}

async function start(program: string, args: string[], options: ExecFileOptions = {}): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, { ...options, encoding: 'utf8' })
  return `\n${stdout}`
}
