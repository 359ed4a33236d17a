/**
 * The oracle: what the mail server accepted, by its own record. A line for each mail, on the disk (fsync) before the server says 250, so
 * that nothing can have been accepted that the record does not know, whoever dies when. The program under test never writes here.
 *
 *     const oracle = openOracle(join(ground.directory, 'accepted'))
 *     const server = await startFaultServer({ onAccept: oracle.accept })
 *     …
 *     const accepted = readOracle(oracle.path)
 *
 * A server that is to accept a mail and die before it says so calls `accept` (the fault server: `connection.accept()`), and says nothing.
 */
import { createHash } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { assert } from '../src/errors.ts'
import { Temporal } from '../src/time.ts'

/** A mail as the server took it. */
export interface Taken {
  from: string
  to: readonly string[]
  /** The content byte for byte, dot-stuffing undone. */
  raw: Buffer
}

/** A line of the record. */
export interface AcceptedMail {
  at: string
  from: string
  to: string
  messageId: string
  subject: string
  /** Of the content, as hexadecimal digits. */
  sha256: string
}

export interface Oracle {
  readonly path: string
  /** Records the mail; when this returns it is on the disk. */
  accept: (mail: Taken) => void
  close: () => void
}

/** Opens a record for writing, at its end where it exists. */
export function openOracle(path: string): Oracle {
  const file = openSync(path, 'a')
  return {
    path,
    accept: ({ from, to, raw }) => {
      assert(to.length === 1, `a mail has one recipient, this one has ${to.length}`)
      const head = raw.toString('latin1').split('\r\n\r\n', 1)[0] ?? ''
      const line: AcceptedMail = {
        at: Temporal.Now.instant().toString(),
        from,
        to: to[0] ?? '',
        messageId: field(head, 'message-id'),
        subject: field(head, 'subject'),
        sha256: createHash('sha256').update(raw).digest('hex'),
      }
      writeSync(file, `${JSON.stringify(line)}\n`)
      fsyncSync(file)
    },
    close: () => closeSync(file),
  }
}

/** The record, in the order of acceptance. A last line without its end was never answered by 250, and does not count. */
export function readOracle(path: string): AcceptedMail[] {
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line) as AcceptedMail)
}

function field(head: string, name: string): string {
  const fields = head.replaceAll(/\r\n[ \t]+/g, ' ').split('\r\n')
  const found = fields.find((line) => line.toLowerCase().startsWith(`${name}:`))
  return found?.slice(name.length + 1).trim() ?? ''
}
