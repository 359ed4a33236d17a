/**
 * The units of deploy/, as far as they can be judged where no systemd runs: its own verdict (skipped without systemd-analyze), and that
 * they fit the worker's bounds.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseDuration } from '../src/time.ts'
import { readWorkerSettings } from '../src/worker/settings.ts'

const UNITS = ['deploy/goniec-worker.service', 'deploy/goniec-worker@.service']
const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0

test.skipIf(!hasSystemd).each(UNITS)('%s exposes no more than 1.5 by systemd’s reckoning', (unit) => {
  const { status, stdout } = analyze('security', '--offline=true', '--no-pager', '--threshold=15', unit)
  expect(stdout).toContain('Overall exposure level')
  expect(status).toBe(0)
})

test.skipIf(!hasSystemd)('systemd finds no mistake in the unit', () => {
  expect(analyze('verify', '--man=no', UNITS[0] ?? '')).toMatchObject({ status: 0, stderr: '' })
})

test('the template differs from the unit by the worker’s name only', () => {
  const [unit, template] = UNITS.map((path) => readFileSync(path, 'utf8').split('\n'))
  const differing = template?.filter((line, index) => line !== unit?.[index] && !line.startsWith('#'))
  expect(differing).toEqual([
    'Description=goniec worker %i: sends campaigns',
    'ExecStart=/usr/bin/env goniec worker --name %l-%i',
  ])
})

test.each(UNITS)('%s leaves a stopping worker its time', (unit) => {
  const { drainMs } = readWorkerSettings({})
  expect(millisecondsOf(unit, 'TimeoutStopSec')).toBeGreaterThan(2 * drainMs + 10_000)
})

function analyze(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync('systemd-analyze', args, { encoding: 'utf8' })
}

function millisecondsOf(unit: string, key: string): number {
  const value = new RegExp(`^${key}=(.+)$`, 'm').exec(readFileSync(unit, 'utf8'))?.[1]?.replace('min', 'm') ?? ''
  return parseDuration(value) ?? 0
}
