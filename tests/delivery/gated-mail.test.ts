import { PassThrough } from 'node:stream'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { GatedMail, type GatedMailOptions } from '../../src/delivery/gated-mail.ts'

/** A mail whose content goes into memory, with a say in everything around it. */
function gated(options: Partial<GatedMailOptions> = {}): { mail: GatedMail; target: PassThrough; events: string[] } {
  const events: string[] = []
  const mail = new GatedMail({
    mail: Buffer.from('content\r\n'),
    fence: () => Promise.resolve({ passed: true }),
    dotWithinMs: 1_000,
    mayTransmit: () => true,
    onPassed: () => events.push('passed'),
    onProgress: () => undefined,
    onRelease: () => events.push('released'),
    onStop: ({ kind }) => events.push(kind),
    unsentBytes: () => 0,
    flushed: () => new Promise((resolve) => void setImmediate(resolve)),
    ...options,
  })
  const target = new PassThrough()
  mail.pipe(target)
  target.resume()
  return { mail, target, events }
}

describe('the end of a mail', () => {
  it('is not released while anything of it is still in this process', async () => {
    const waiting = Promise.withResolvers<void>()
    const drained = Promise.withResolvers<void>()
    let unsent = 5
    const { mail, target, events } = gated({
      unsentBytes: () => unsent,
      flushed: () => {
        waiting.resolve()
        return drained.promise
      },
    })
    await waiting.promise
    expect([mail.released, events]).toEqual([false, ['passed']])
    unsent = 0
    drained.resolve()
    await once(target, 'end')
    expect([mail.released, events]).toEqual([true, ['passed', 'released']])
  })

  it('is not released when the server has said something meanwhile', async () => {
    let mayTransmit = true
    const asked = Promise.withResolvers<void>()
    let unsent = 5
    const { mail, events } = gated({
      mayTransmit: () => mayTransmit,
      unsentBytes: () => unsent,
      flushed: () => {
        mayTransmit = false
        unsent = 0
        setImmediate(asked.resolve)
        return Promise.resolve()
      },
    })
    await asked.promise
    expect([mail.released, events]).toEqual([false, ['passed']])
  })
})

describe('the fence', () => {
  it('that passes when the server waits no longer lets nothing out', async () => {
    let mayTransmit = true
    const verdict = Promise.withResolvers<{ passed: true }>()
    const { mail, target, events } = gated({ mayTransmit: () => mayTransmit, fence: () => verdict.promise })
    const read: Buffer[] = []
    target.on('data', (chunk: Buffer) => read.push(chunk))
    await new Promise((resolve) => void setImmediate(resolve))
    mayTransmit = false
    verdict.resolve({ passed: true })
    await new Promise((resolve) => void setImmediate(resolve))
    expect([mail.fence, read, events]).toEqual(['passed', [], []])
  })
})
