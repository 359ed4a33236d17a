/**
 * A page to a file. An older page of ours is replaced, since a forecast is made again and again under one name; any other file is left
 * alone, since what stands behind `--html` may be a slip of the fingers. It is there whole or not at all.
 */
import {
  closeSync,
  fsyncSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { GoniecError, messageOf } from '../../errors.ts'
import { PAGE_START } from './page.ts'

/** Refuses now what could not be written later: a long forecast shall not be made in vain. */
export function checkPageFile(path: string): void {
  if (!isThere(dirname(path))) {
    throw new GoniecError('page_unwritable', `there is no folder ${dirname(path)} to write ${path} into`, {
      hint: `mkdir -p ${dirname(path)}, or name a file in a folder that is there`,
    })
  }
  if (isThere(path)) refuseForeign(path)
}

/** Writes the page. A pipe or a device is written to as it is. */
export function savePage(path: string, page: string): void {
  checkPageFile(path)
  try {
    if (isThere(path) && !statSync(path).isFile()) return writeFileSync(path, page)
    writeWhole(isThere(path) ? realpathSync(path) : path, page)
  } catch (cause) {
    throw unwritable(path, cause)
  }
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined
}

function refuseForeign(path: string): void {
  const stats = statSync(path)
  if (stats.isDirectory()) {
    throw new GoniecError('page_unwritable', `${path} is a folder, not a file`, {
      hint: `--html ${path}/forecast.html`,
    })
  }
  // To open a pipe would wait for its other end.
  if (!stats.isFile() || stats.size === 0 || startOf(path) === PAGE_START) return
  throw new GoniecError(
    'page_unwritable',
    `${path} is there already, and is no page of goniec’s; it was left as it is`,
    {
      hint: 'give the page another name, or remove that file',
    },
  )
}

function startOf(path: string): string {
  try {
    const descriptor = openSync(path, 'r')
    const start = Buffer.alloc(Buffer.byteLength(PAGE_START))
    readSync(descriptor, start, 0, start.length, 0)
    closeSync(descriptor)
    return start.toString('utf8')
  } catch (cause) {
    throw unwritable(path, cause)
  }
}

function writeWhole(path: string, page: string): void {
  const beside = `${path}.${process.pid}.part`
  try {
    const descriptor = openSync(beside, 'wx')
    try {
      writeFileSync(descriptor, page)
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    renameSync(beside, path)
  } catch (error) {
    rmSync(beside, { force: true })
    throw error
  }
}

function unwritable(path: string, cause: unknown): GoniecError {
  return new GoniecError('page_unwritable', `cannot write the page to ${path}: ${messageOf(cause)}`, {
    hint: 'name a file that may be written, on a disk with room',
    cause,
  })
}
