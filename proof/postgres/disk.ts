/** A small disk of a cell's own (tmpfs), which can be filled to the last byte and freed again. Mounting one takes root's rights. */
import { execFile } from 'node:child_process'
import { chmod, mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Room for a server with some hundred mails. */
const SIZE = '160m'

export class Disk {
  readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  static async mount(path: string): Promise<Disk> {
    await mkdir(path, { recursive: true })
    await run('mount', ['-t', 'tmpfs', '-o', `size=${SIZE},mode=0755`, 'tmpfs', path])
    await chmod(path, 0o755)
    return new Disk(path)
  }

  /** Fills it up; returns how many bytes that took. */
  async fill(): Promise<number> {
    const file = await open(this.#filler, 'w')
    let filled = 0
    try {
      for (let chunk = Buffer.alloc(1 << 20); chunk.length > 0;) {
        const written = await file.write(chunk).then(({ bytesWritten }) => bytesWritten, refuseUnlessFull)
        filled += written
        if (written < chunk.length) chunk = chunk.subarray(0, chunk.length >> 4)
      }
    } finally {
      await file.close()
    }
    return filled
  }

  async free(): Promise<void> {
    await rm(this.#filler, { force: true })
  }

  async unmount(): Promise<void> {
    await run('umount', ['-l', this.path])
  }

  get #filler(): string {
    return join(this.path, 'filler')
  }
}

function refuseUnlessFull(error: NodeJS.ErrnoException): number {
  if (error.code !== 'ENOSPC') throw error
  return 0
}
