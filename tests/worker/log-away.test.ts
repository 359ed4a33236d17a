/** A worker whose log cannot be written, where its stdout and stderr are files on a disk that is full: mails go out as before. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { expect, test } from 'vitest'
import { makeFleet } from '../crash/fleet.ts'
import { createTestDatabase } from '../support/database.ts'
import { startRecorder } from '../support/recorder.ts'
import { untilRow } from '../support/until-row.ts'
import { STATE_DIRECTORY } from '../support/worker-process.ts'

test('a worker whose log goes to a full disk sends, and ends when it is told to', { timeout: 60_000 }, async () => {
  const database = await createTestDatabase()
  await using recorder = await startRecorder()
  await makeFleet(database, { mailboxes: 1, campaigns: 1, leads: 2, smtpPort: recorder.port })
  const full = openSync('/dev/full', 'w')
  const worker = spawn(process.execPath, ['bin/goniec.js', 'worker'], {
    env: { ...process.env, DATABASE_URL: database.urlAs('worker'), GONIEC_STATE: STATE_DIRECTORY },
    stdio: ['ignore', full, full],
  })
  const ended = once(worker, 'close')
  try {
    await untilRow(database, `select from goniec.message where status = 'sent' having count(*) = 4`)
    worker.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
  } finally {
    worker.kill('SIGKILL')
  }
})
