/**
 * Reads a file of postfix's queue (src/global/record.c, rec_type.h): records of a type, a length in seven-bit digits, least first, and data.
 * Only a file that cleanup has completed counts: it ends with a record of its own, and is marked executable.
 */
import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import type { AcceptedMail } from '../oracle.ts'

/** The mail in this file; undefined while it is not complete, or where it is not there any more. */
export function readQueueFile(path: string): AcceptedMail | undefined {
  const { mode, mtime } = statSync(path, { throwIfNoEntry: false }) ?? GONE
  if ((mode & 0o100) === 0) return undefined
  const records = recordsOf(readFileSync(path))
  if (records.at(-1)?.type !== 'E') return undefined
  const from = records.findIndex(({ type }) => type === 'M')
  const to = records.findIndex(({ type }) => type === 'X')
  const lines = records.slice(from + 1, to).filter(({ type }) => type === 'N' || type === 'L')
  const text = lines.map(({ type, data }) => data.toString('latin1') + (type === 'N' ? '\r\n' : '')).join('')
  return toAccepted(text, {
    at: mtime.toISOString(),
    from: textOf(records.find(({ type }) => type === 'S')),
    to: textOf(records.find(({ type }) => type === 'R')),
  })
}

/** A mail as its server keeps it: with a trace of its own on top, which is not the sender's. */
export function toAccepted(kept: string, envelope: { at: string; from: string; to: string }): AcceptedMail {
  const content = kept.replace(/^(?:(?:Return-Path|Delivered-To|Received):.*\r\n(?:[ \t].*\r\n)*)*/i, '')
  const head = content.split('\r\n\r\n', 1)[0] ?? ''
  return {
    ...envelope,
    messageId: field(head, 'message-id'),
    subject: field(head, 'subject'),
    sha256: createHash('sha256').update(Buffer.from(content, 'latin1')).digest('hex'),
  }
}

const GONE = { mode: 0, mtime: new Date(0) }

interface QueueRecord {
  type: string
  data: Buffer
}

function recordsOf(file: Buffer): QueueRecord[] {
  const records: QueueRecord[] = []
  for (let at = 0; at < file.length;) {
    const type = String.fromCharCode(file[at] ?? 0)
    at += 1
    let length = 0
    for (let shift = 0; at < file.length; shift += 7) {
      const digit = file[at] ?? 0
      at += 1
      length |= (digit & 0x7f) << shift
      if ((digit & 0x80) === 0) break
    }
    records.push({ type, data: file.subarray(at, at + length) })
    at += length
  }
  return records
}

function textOf(record: QueueRecord | undefined): string {
  return record?.data.toString('latin1') ?? ''
}

function field(head: string, name: string): string {
  const fields = head.replaceAll(/\r\n[ \t]+/g, ' ').split('\r\n')
  const found = fields.find((line) => line.toLowerCase().startsWith(`${name}:`))
  return found?.slice(name.length + 1).trim() ?? ''
}
