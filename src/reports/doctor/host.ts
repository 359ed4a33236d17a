/** This machine: its Node, and the times that a worker with this environment would keep. */
import { readFileSync } from 'node:fs'
import type { Deadlines } from '../../delivery/deadlines.ts'
import { GoniecError } from '../../errors.ts'
import { formatDuration } from '../../time.ts'
import { ok, problem, type Checked } from './checked.ts'

/** What a worker would keep; reading it throws where the times do not fit each other. */
export type ReadTimes = () => { leaseMs: number; deadlines: Deadlines }

/** Both are of the host that asks: on another one they are asked there. */
export function checkHost(readTimes: ReadTimes): Checked[] {
  return [judgeNode(process.versions), checkTimes(readTimes)]
}

/** By `process.versions`; time zone data comes with Node. */
export function judgeNode({ node, tz }: { node: string; tz?: string | undefined }): Checked {
  const name = 'Node version'
  const least = leastNode()
  const [wanted = 0, minor = 0] = least.split('.').map(Number)
  const [is = 0, isMinor = 0] = node.split('.').map(Number)
  const text = `Node ${node}${tz === undefined ? '' : `, with time zone data of ${tz}`}`
  if (is > wanted || (is === wanted && isMinor >= minor)) return ok(name, text)
  return problem(name, `${text}; goniec needs ${least} or newer`, 'install a newer Node: https://nodejs.org')
}

function leastNode(): string {
  const { engines } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    engines: { node: string }
  }
  return engines.node.replace(/^\D+/, '')
}

function checkTimes(readTimes: ReadTimes): Checked {
  const name = 'lease and deadlines'
  try {
    const { leaseMs, deadlines } = readTimes()
    const before = formatDuration(deadlines.beforeFenceMs)
    return ok(name, `a claim lasts ${formatDuration(leaseMs)}, a dialogue before its content at most ${before}`)
  } catch (error) {
    if (!(error instanceof GoniecError)) throw error
    return problem(name, error.message, error.hint ?? 'correct the environment')
  }
}
