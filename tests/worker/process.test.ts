/** Whether a process was seen gone: only positive evidence counts, since its mailbox is freed by it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isSeenGone, thisProcess, type ProcessIdentity } from '../../src/worker/process.ts'

const SELF: ProcessIdentity = { host: 'here', bootId: 'boot', pidNamespace: 'pid:[1]', pid: 50, pidStarted: '500' }
const OTHER: ProcessIdentity = { ...SELF, pid: 40, pidStarted: '400' }

let proc: string

beforeEach(() => {
  proc = mkdtempSync(join(tmpdir(), 'goniec-proc-'))
  stands(1, '1')
})

afterEach(() => rmSync(proc, { recursive: true }))

test('a process that is not there any more is seen gone', () => {
  expect(isSeenGone(OTHER, SELF, proc)).toBe(true)
})

test('one that is there is not, unless its number has been given to another', () => {
  stands(40, '400')
  expect(isSeenGone(OTHER, SELF, proc)).toBe(false)
  stands(40, '444')
  expect(isSeenGone(OTHER, SELF, proc)).toBe(true)
})

test('a zombie is gone: its sockets are closed', () => {
  stands(40, '400', 'Z')
  expect(isSeenGone(OTHER, SELF, proc)).toBe(true)
})

test('where processes of other users are hidden nobody is seen gone', () => {
  rmSync(join(proc, '1'), { recursive: true })
  expect(isSeenGone(OTHER, SELF, proc)).toBe(false)
})

test.each([
  ['another boot', { bootId: 'before' }],
  ['an unknown boot', { bootId: null }],
  ['another namespace', { pidNamespace: 'pid:[2]' }],
  ['an unknown start', { pidStarted: null }],
])('of a process of %s nothing is known', (_, difference) => {
  expect(isSeenGone({ ...OTHER, ...difference }, SELF, proc)).toBe(false)
})

test('this process is there', () => {
  const self = thisProcess()
  expect(self.pid).toBe(process.pid)
  expect(isSeenGone(self, self)).toBe(false)
})

function stands(pid: number, started: string, state = 'S'): void {
  mkdirSync(join(proc, String(pid)), { recursive: true })
  const fields = [state, ...Array.from({ length: 18 }, () => '0'), started, '0']
  writeFileSync(join(proc, String(pid), 'stat'), `${pid} (a name (with) parts) ${fields.join(' ')}\n`)
}
