/** goniec as it is installed: compiled, in a folder of its own. From a checkout it would take its types off at each start. */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')

export interface Installed extends Disposable {
  /** `bin/goniec.js` is in it. */
  root: string
}

/** Compiles it; it goes with the block that uses it. */
export function install(): Installed {
  const root = mkdtempSync(join(tmpdir(), 'goniec-installed-'))
  const compiler = join(ROOT, 'node_modules', '.bin', 'tsc')
  execFileSync(compiler, ['--project', join(ROOT, 'tsconfig.build.json'), '--outDir', join(root, 'dist')])
  for (const name of ['bin', 'migrations', 'package.json'])
    cpSync(join(ROOT, name), join(root, name), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'))
  return { root, [Symbol.dispose]: () => rmSync(root, { recursive: true }) }
}
