/** What no test server can be brought to: an old Postgres, an old Node, a full disk, a slow line. */
import { expect, test } from 'vitest'
import { judgeClock } from '../../../src/reports/doctor/clock.ts'
import { judgeNode } from '../../../src/reports/doctor/host.ts'
import { judgeRoom } from '../../../src/reports/doctor/room.ts'
import { judgeCommit, judgeDurability, judgeVersion } from '../../../src/reports/doctor/server.ts'

test.each([
  ['14.9', 140_009, 'problem'],
  ['15.0', 150_000, 'ok'],
  ['18.4', 180_004, 'ok'],
  ['19.0', 190_000, 'warning'],
])('Postgres %s (%i) is %s', (version, number, verdict) => {
  expect(judgeVersion({ version, number })).toMatchObject({ verdict })
})

test('what was said in the command that starts a server is taken out there, where no “alter system” reaches it', () => {
  const sources = { fsync: 'command line', full_page_writes: 'configuration file' }
  expect(judgeDurability({ fsync: 'off', full_page_writes: 'on', sources })).toMatchObject({
    verdict: 'problem',
    try: 'take fsync out of what starts the server (postgres -c …), and restart it',
  })
})

test.each([
  ['global', 'alter role all reset synchronous_commit'],
  ['command line', 'take synchronous_commit out of what starts the server (postgres -c …), and restart it'],
  ['user', 'alter role "sender" reset synchronous_commit'],
])('commits that may be forgotten, since that was set by “%s”: %s', (source, todo) => {
  const settings = { synchronous_commit: 'off', standbys: '', database: 'firma', login: 'sender' }
  expect(judgeCommit({ ...settings, sources: { synchronous_commit: source } }, [])).toMatchObject({
    verdict: 'problem',
    try: todo,
  })
})

test.each([
  ['20.19.0', 'problem'],
  ['22.17.9', 'problem'],
  ['22.18.0', 'ok'],
  ['24.1.0', 'ok'],
])('Node %s is %s', (node, verdict) => {
  expect(judgeNode({ node })).toMatchObject({ verdict })
})

test.each([
  [900e6, 'problem'],
  [4.9e9, 'warning'],
  [5e9, 'ok'],
])('%d bytes that are free are %s', (free, verdict) => {
  expect(judgeRoom({ free, size: 1e6, directory: '/data' })).toMatchObject({ verdict })
})

test.each([
  [1900, 5, 'ok'],
  [-2100, 5, 'warning'],
  // It may be 1.9 s, and it may be 2.3 s.
  [2100, 200, 'ok'],
  [-61_000, 5, 'problem'],
  [61_000, 2100, 'not_tried'],
])('a clock that is %d ms ahead, give or take %d ms, is %s', (aheadMs, withinMs, verdict) => {
  expect(judgeClock({ aheadMs, withinMs })).toMatchObject({ verdict })
})
