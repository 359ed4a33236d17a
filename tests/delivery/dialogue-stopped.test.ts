import { spawn } from 'node:child_process'
import { once } from 'node:events'
// The passing of time itself is what is tested here.
import { setTimeout as passing } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import type { DialogueResult } from '../../src/delivery/dialogue.ts'
import { outcomeOf } from '../../src/delivery/outcomes.ts'
import { deaf, startFaultServer } from '../smtp/fault-server.ts'

it.each([
  { bound: 'past the bound', dotWithinMs: 1_000, stoppedMs: 1_500, kind: 'aborted', complete: false },
  { bound: 'within the bound', dotWithinMs: 20_000, stoppedMs: 300, kind: 'accepted', complete: true },
])(
  'a process that was stopped behind the fence, and goes on $bound, ends $kind',
  async ({ dotWithinMs, stoppedMs, kind, complete }) => {
    const server = await startFaultServer({ plan: { body: deaf } })
    onTestFinished(() => server.close())
    const sender = spawn(
      process.execPath,
      [`${import.meta.dirname}/stopped-sender.ts`, String(server.port), String(dotWithinMs)],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    onTestFinished(() => void sender.kill('SIGKILL'))
    const printed: Buffer[] = []
    sender.stdout.on('data', (chunk: Buffer) => printed.push(chunk))
    const ended = once(sender, 'close')

    const connection = await server.connection(0)
    await connection.reached('body')
    sender.kill('SIGSTOP')
    await passing(stoppedMs)
    connection.socket.resume()
    sender.kill('SIGCONT')
    await ended

    const result = JSON.parse(Buffer.concat(printed).toString()) as DialogueResult
    expect(outcomeOf(result).kind).toBe(kind)
    expect(result).toMatchObject({ fence: 'passed', released: complete })
    expect(connection.mails[0]?.complete).toBe(complete)
  },
)
