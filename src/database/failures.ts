/**
 * What can be wrong with a database, as errors of the registry: nobody there, a wrong login, no room. A password is never part of one:
 * they name the server by host, port, database and user only.
 */
import { DatabaseError } from 'pg'
import { GoniecError, messageOf } from '../errors.ts'
import { codeOfPooler, NO_TRANSACTIONS, POOLER_SAYS } from './pooler-words.ts'
import { type Explanation, explanationOfTls, explanationOfTlsText } from './tls-failures.ts'

/** The oldest Postgres that goniec runs on, as `server_version_num` counts. */
export const OLDEST_SERVER = 150_000

/**
 * The registered error for a failed connection or anything on it, or undefined where it is none of the database's: then it is passed on
 * as it is. `url` says which database was meant.
 */
export function explainDatabaseError(error: unknown, url: string): GoniecError | undefined {
  if (error instanceof GoniecError) return error
  const explain =
    explanationOfTls(error, codeOf(error), url) ?? EXPLANATIONS[codeOf(error)] ?? explanationOfText(messageOf(error))
  if (!explain) return explainRefusal(error)
  const [code, message, hint] = explain(describe(url), messageOf(error))
  return new GoniecError(code, message, { hint, cause: error })
}

/** The same for an error from anywhere in a command: a file's ENOENT must not be taken for a server that is away; that of a connection is one. */
export function explainStatementError(error: unknown): GoniecError | undefined {
  const text = messageOf(error)
  const isOfConnection = /^(connect|read|write|getaddrinfo) E/.test(text) || explanationOfText(text) !== undefined
  return error instanceof DatabaseError || isOfConnection ? explainDatabaseError(error, '') : undefined
}

/** Whether the database cannot be asked at this moment, and may be later: it is away, restarts, is full of connections, or too slow. */
export function isDatabaseAway(error: unknown): boolean {
  if (error instanceof DatabaseError && error.code === '57014') return true
  return isDatabaseLost(error) || explainDatabaseError(error, '')?.code === 'database_connections'
}

/** Whether there is no database, or none any more: it is away, or restarts. One that answers, and has no place left, is there. */
export function isDatabaseLost(error: unknown): boolean {
  const code = explainDatabaseError(error, '')?.code ?? ''
  return ['database_unreachable', 'database_lost', 'database_silent', 'database_starting'].includes(code)
}

/**
 * Whether the server answers, and cannot write for anybody: its disk is full, it was set to read-only (as providers do before a disk is full), it lacks
 * memory, or another session holds a table for itself.
 */
export function isUnableToWrite(error: unknown): boolean {
  const code = explainDatabaseError(error, '')?.code ?? ''
  return ['database_disk_full', 'database_read_only', 'database_failed', 'database_busy'].includes(code)
}

/** The server answers, and says no: a right or a table is missing. Connections that break or are too many are the world's weather. */
export function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^(0A|2B|3[DF]|42|P0|XX)/.test(String(error.code))
}

/**
 * What the schema itself refuses: an exception that its functions and triggers raise (worded for people, with a hint), or one of its
 * constraints, whose names read as what must hold.
 */
function explainRefusal(error: unknown): GoniecError | undefined {
  if (!(error instanceof DatabaseError)) return undefined
  const { routine, schema, constraint, code, message, detail, hint } = error
  if (routine === 'exec_stmt_raise') {
    const text = detail === undefined ? message : `${message}. ${detail}`
    return new GoniecError(constraint ?? 'refused', text, { ...(hint === undefined ? {} : { hint }), cause: error })
  }
  if (schema !== 'goniec' || constraint === undefined || !code?.startsWith('23')) return undefined
  return new GoniecError(
    constraint,
    `the database refused: ${constraint.replaceAll('_', ' ')} (${detail ?? message})`,
    { cause: error },
  )
}

/** `the database at user@host:port/name`: everything of a URL that may be shown. Without a URL there is only one it can be. */
function describe(url: string): string {
  if (!URL.canParse(url)) return 'the database'
  const { username, hostname, port, pathname, searchParams } = new URL(url)
  const host = searchParams.get('host') || hostname || 'localhost'
  return `the database at ${username ? `${username}@` : ''}${host}${port ? `:${port}` : ''}${pathname}`
}

const noServer: Explanation = (database, text) => [
  'database_unreachable',
  `${database} does not answer: ${text}`,
  'start the server or correct DATABASE_URL; or use goniec’s own database with --embedded',
]

const noneToOpen: Explanation = (database, text) => [
  'database_unreachable',
  `${database} cannot be asked, since no more files and connections may be opened here: ${text}`,
  'raise the limit of open files (ulimit -n, LimitNOFILE= of a unit); a worker needs one for each mail at the same time (GONIEC_IN_FLIGHT), and some thirty more',
]

const wrongLogin: Explanation = (database, text) => [
  'database_login',
  `${database} refused the login: ${text}`,
  'correct the user or the password in DATABASE_URL',
]

const notLetIn: Explanation = (database, text) => [
  'database_login',
  `${database} refused the login: ${text}`,
  'correct the user in DATABASE_URL, or let it in from here with a line in the server’s pg_hba.conf; where the server wants TLS (it said “no encryption”), add sslmode=verify-full to DATABASE_URL',
]

const noDatabase: Explanation = (database, text) => [
  'database_missing',
  `${database} is not there: ${text}`,
  'create it (createdb …), or correct the name at the end of DATABASE_URL',
]

const busy: Explanation = (database, text) => [
  'database_connections',
  `${database} has no connection left: ${text}`,
  'stop workers or other programs that are not needed, or raise max_connections (behind a pooler: its pool_size and max_client_conn)',
]

const starting: Explanation = (database, text) => [
  'database_starting',
  `${database} is starting or stopping: ${text}`,
  'wait a moment and run the command again',
]

const diskFull: Explanation = (database, text) => [
  'database_disk_full',
  `the disk of ${database} is full: ${text}`,
  'make room on the server’s disk and run the command again; nothing was written by this one',
]

const forbidden: Explanation = (database, text) => [
  'database_permission',
  `this user may not do this in ${database}: ${text}`,
  'use the user that owns the schema; reading alone needs the role goniec_reporter, a worker goniec_worker',
]

const readOnly: Explanation = (database, text) => [
  'database_read_only',
  `${database} takes no writes: ${text}`,
  'connect to the primary server, not to a standby; goniec doctor says whether default_transaction_read_only is set instead',
]

const lost: Explanation = (database, text) => [
  'database_lost',
  `the connection to ${database} was lost: ${text}`,
  'see the server’s log, and run the command again',
]

const cancelled: Explanation = (database, text) => [
  'database_cancelled',
  `${database} ended it: ${text}`,
  'goniec doctor says whether another session has locked a table; else run the command again when the database has less to do, or raise statement_timeout, where it is set for the database or the login (show statement_timeout)',
]

const held: Explanation = (database, text) => [
  'database_busy',
  `another program holds what this needs in ${database}: ${text}`,
  'end that transaction (select * from pg_stat_activity), and run the command again; or raise lock_timeout, where it is set for the database or the login',
]

const inTrouble: Explanation = (database, text) => [
  'database_failed',
  `the server of ${database} could not do it: ${text}`,
  'see the server’s log: its memory, its limits or its disk',
]

const noTransactions: Explanation = (database, text) => [
  'database_pooler',
  `a pooler in statement mode stands before ${database}, and goniec needs transactions: ${text}`,
  'write the server’s direct address into DATABASE_URL, or set the pooler to session mode',
]

const EXPLANATIONS: Record<string, Explanation> = {
  ECONNREFUSED: noServer,
  ENOTFOUND: noServer,
  EAI_AGAIN: noServer,
  EHOSTUNREACH: noServer,
  ENETUNREACH: noServer,
  ETIMEDOUT: noServer,
  ENOENT: noServer,
  ECONNRESET: lost,
  EPIPE: lost,
  '57P01': lost,
  '57P02': lost,
  '57P03': starting,
  '57P04': lost,
  '57P05': lost,
  '25P03': lost,
  '25P04': lost,
  '08006': lost,
  '28P01': wrongLogin,
  '28000': notLetIn,
  '3D000': noDatabase,
  '53300': busy,
  '53100': diskFull,
  '42501': forbidden,
  '25006': readOnly,
  '57014': cancelled,
  '55P03': held,
  '53200': inTrouble,
  '53400': inTrouble,
  '58030': inTrouble,
  XX001: inTrouble,
  XX002: inTrouble,
  [NO_TRANSACTIONS]: noTransactions,
}

/** pg has no code for what it notices by itself; a socket that may not be used has the code of a file that may not be read. */
function explanationOfText(text: string): Explanation | undefined {
  if (/^connect (EMFILE|ENFILE)/.test(text)) return noneToOpen
  // Of a socket there are more codes than anybody lists: a path that is none, a full queue, a network that is down, a forbidden family.
  if (/^connect E[A-Z]+|timeout expired|connection timeout|timeout exceeded when trying to connect/i.test(text))
    return noServer
  if (/Connection terminated|connection is closed|Client has encountered a connection error/i.test(text)) return lost
  if (/password must be a string|SASL/i.test(text)) return wrongLogin
  return explanationOfTlsText(text)
}

function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0])
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return (code === POOLER_SAYS && codeOfPooler(messageOf(error))) || code
}
