/**
 * Where the worker's log goes: a descriptor that is written to beside the work, and that may fail. A full disk, a terminal that was closed or a
 * reader that has left stop no mail: lines wait, are tried again, and what had to be dropped is told as soon as there is room.
 *
 * Not pino's own output: where that cannot write it ends the process, and in this end it waits for room, for ever, with the worker's name in
 * its hands.
 */
import { write, writeSync } from 'node:fs'

/** So much may wait for room, in characters: thousands of lines. */
const MOST_WAITING = 1024 * 1024

const AGAIN_MS = 1000

export class LogOutput {
  readonly #descriptor: number
  readonly #onLost: (lines: number) => void
  #lines: string[] = []
  #length = 0
  /** What is being written, or failed and is tried again. */
  #chunk = Buffer.alloc(0)
  #isWriting = false
  #again: NodeJS.Timeout | undefined
  #lost = 0
  #isUsed = false

  /** `onLost` is told, when lines can be written again, how many never were. */
  constructor(descriptor: number, onLost: (lines: number) => void) {
    this.#descriptor = descriptor
    this.#onLost = onLost
  }

  write(line: string): void {
    if (!this.#isUsed) process.once('exit', () => this.#writeLast())
    this.#isUsed = true
    if (this.#length > MOST_WAITING) {
      this.#lost += 1
      return
    }
    this.#lines.push(line)
    this.#length += line.length
    if (!this.#isWriting && this.#again === undefined) this.#write()
  }

  #write(): void {
    if (this.#takeChunk().length === 0) return
    this.#isWriting = true
    write(this.#descriptor, this.#chunk, (error, written) => {
      this.#isWriting = false
      if (error) this.#again = setTimeout(() => this.#tryAgain(), AGAIN_MS).unref()
      else this.#wrote(written)
    })
  }

  #wrote(bytes: number): void {
    this.#chunk = this.#chunk.subarray(bytes)
    this.#write()
    const lost = this.#lost
    this.#lost = 0
    if (lost > 0) this.#onLost(lost)
  }

  #tryAgain(): void {
    this.#again = undefined
    this.#write()
  }

  #takeChunk(): Buffer {
    if (this.#chunk.length > 0) return this.#chunk
    this.#chunk = Buffer.from(this.#lines.join(''))
    this.#lines = []
    this.#length = 0
    return this.#chunk
  }

  /** At the end of the process, once: what is being written then is finished by the thread that writes it. */
  #writeLast(): void {
    if (this.#isWriting) this.#chunk = Buffer.alloc(0)
    try {
      while (this.#takeChunk().length > 0) this.#chunk = this.#chunk.subarray(writeSync(this.#descriptor, this.#chunk))
    } catch {
      return // There is still no room, and nobody left who could be told.
    }
  }
}
