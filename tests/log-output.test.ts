import { execFileSync } from 'node:child_process'
import { closeSync, constants, createReadStream, mkdtempDisposableSync, openSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { LogOutput } from '../src/log-output.ts'

test('lines wait for room, whole and in order, and what was dropped is counted', async () => {
  using directory = mkdtempDisposableSync(join(tmpdir(), 'goniec-log-'))
  const pipe = join(directory.path, 'pipe')
  execFileSync('mkfifo', [pipe])
  // A pipe that nobody reads refuses what does not fit, as a disk that is full does.
  const descriptor = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK)
  const lost = Promise.withResolvers<number>()
  const output = new LogOutput(descriptor, lost.resolve)
  const lines = Array.from({ length: 3000 }, (_, n) => `${n} ${'x'.repeat(1000)}`)
  for (const line of lines) output.write(`${line}\n`)

  const kept = lines.length - (await lost.promise)
  const read: string[] = []
  for await (const line of createInterface({ input: createReadStream(pipe) })) if (read.push(line) === kept) break
  closeSync(descriptor)
  expect(read).toEqual(lines.slice(0, kept))
  expect(kept).toBeGreaterThan(500)
})
