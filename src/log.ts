/**
 * The worker's log: JSON lines to stdout (journald keeps them), one for each thing that matters, with ids. Never a password and never a
 * whole mail: fields that could hold one are blanked, and the passwords of URLs inside texts are too.
 */
import { pino, type DestinationStream, type Logger } from 'pino'
import type { LogLevel } from './config.ts'
import { hidePasswords } from './errors.ts'
import { LogOutput } from './log-output.ts'

export type { Logger } from 'pino'

const SECRET = ['url', 'password', 'pass', 'auth', 'token', 'accessToken', 'credentials', 'connectionString', 'secret']
const MAIL = ['raw', 'html', 'content', 'body']
const HIDDEN = [...SECRET, ...MAIL]

const STDOUT = 1

/** A logger whose lines carry `fields`, e.g. the worker's name. */
export function createLogger(
  { level, fields = {} }: { level: LogLevel; fields?: Record<string, unknown> },
  destination?: DestinationStream,
): Logger {
  const options = {
    level,
    base: fields,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: HIDDEN.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: '[hidden]' },
    serializers: { err: describeError, error: describeError },
  }
  const output =
    destination ??
    new LogOutput(STDOUT, (lines) => log.error({ lines }, 'lines of this log are lost, since it could not be written'))
  const log: Logger = pino(options, output)
  return log
}

/** What of an error goes into the log: its words, its code, its cause; nothing that a library hung on it. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return hidePasswords(String(error))
  const code = 'code' in error ? { code: error.code } : {}
  const cause = error.cause === undefined ? {} : { cause: describeError(error.cause) }
  return {
    name: error.name,
    ...code,
    message: hidePasswords(error.message),
    stack: hidePasswords(error.stack ?? ''),
    ...cause,
  }
}
