/** What Postgres' programs and the file system say when a server of ours cannot be made or started, as errors of the registry. */
import { GoniecError, messageOf } from '../errors.ts'

/** The registered error for a program's output, or for an error of the file system, about this directory. */
export function explainServerFailure(directory: string, cause: unknown): GoniecError {
  if (cause instanceof GoniecError) return cause
  const text = messageOf(cause)
  for (const [pattern, code, message, hint] of FAILURES) {
    if (pattern.test(text))
      return new GoniecError(code, `${message} (${directory}): ${firstComplaint(text)}`, { hint, cause })
  }
  return new GoniecError(
    'embedded_failed',
    `the embedded Postgres in ${directory} does not start: ${firstComplaint(text)}`,
    {
      hint: 'run it again with --verbose for all that Postgres said; or use a Postgres server: set DATABASE_URL',
      cause,
    },
  )
}

const FAILURES: [pattern: RegExp, code: string, message: string, hint: string][] = [
  [
    /No space left on device|Check free disk space|ENOSPC|disk quota exceeded|EDQUOT/i,
    'embedded_disk_full',
    'the disk of the embedded database is full',
    'make room, or put the database elsewhere: --embedded=DIR',
  ],
  [
    /Address already in use|could not bind|could not create any TCP\/IP sockets|EADDRINUSE/i,
    'embedded_port',
    'the embedded Postgres finds no free port',
    'run the command again; another program took the port at the same moment',
  ],
  [
    /pre-existing shared memory block/i,
    'embedded_still_ending',
    'processes of the embedded server’s last run are still ending',
    'run the command again in a moment',
  ],
  [
    /database files are incompatible|initialized by PostgreSQL version|not compatible with this version/i,
    'embedded_version',
    'the embedded database was made by another version of Postgres',
    'use the goniec it was made with, or another directory: --embedded=DIR',
  ],
  [
    /Permission denied|EACCES|EPERM|EROFS|read-only file system|could not access directory|could not change permissions/i,
    'embedded_permission',
    'the directory of the embedded database may not be used',
    'choose one that you may write to: --embedded=DIR (run by root, the server runs as the user postgres, who must be able to enter it too)',
  ],
  [
    /ENOTDIR|EEXIST|Not a directory/i,
    'embedded_directory',
    'there is a file in the way',
    'choose another directory: --embedded=DIR',
  ],
]

/** The telling line: Postgres' own FATAL or error, else the first one. */
function firstComplaint(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const telling =
    lines.find((line) => /FATAL|PANIC/.test(line)) ?? lines.find((line) => /error:/i.test(line)) ?? lines[0]
  return (telling ?? 'no reason given').replace(/^.*?(FATAL|PANIC|error):\s*/i, '').trim()
}
