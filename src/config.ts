/**
 * What the environment tells goniec, and nothing else: there is no configuration file beside the definition files. Every variable that
 * stands here is read once, checked, and named in the error if it is wrong.
 */
import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { GoniecError } from './errors.ts'
import { didYouMean } from './nearest.ts'
import { parseDuration } from './time.ts'

export type Environment = Record<string, string | undefined>

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export interface Config {
  /** `DATABASE_URL` */
  databaseUrl: string | undefined
  /** `GONIEC_EMBEDDED`: the directory of goniec's own database (`1`: the usual one); undefined: not asked for. */
  embeddedDirectory: string | undefined
  /** `GONIEC_DATABASE_CONNECTIONS`: most connections of one command or worker. */
  databaseConnections: number
  /** `GONIEC_LOG_LEVEL` */
  logLevel: LogLevel
}

/** Reads and checks the environment. */
export function readConfig(env: Environment = process.env): Config {
  return {
    databaseUrl: env['DATABASE_URL'] || undefined,
    embeddedDirectory: readEmbedded(env),
    databaseConnections: readInteger(env, 'GONIEC_DATABASE_CONNECTIONS', { standard: 10, least: 2, most: 1000 }),
    logLevel: readChoice(env, 'GONIEC_LOG_LEVEL', LOG_LEVELS, 'info'),
  }
}

/** Where goniec keeps what is not the user's business: `$XDG_DATA_HOME/goniec`, else `~/.local/share/goniec`. */
export function dataDirectory(env: Environment = process.env): string {
  const base = env['XDG_DATA_HOME']
  if (base && isAbsolute(base)) return join(base, 'goniec')
  // Root's server runs as another user, who cannot enter /root.
  if (process.getuid?.() === 0) return '/var/lib/goniec'
  return join(homedir(), '.local', 'share', 'goniec')
}

/**
 * Gives a process whose user has no home (a container under a number that stands in no passwd file) the root directory for one, as Docker does:
 * the libraries beneath ask for it when they are loaded, and fail.
 */
export function ensureHome(env: Environment = process.env): void {
  try {
    homedir()
  } catch (error) {
    // ENOENT: the system knows no such user.
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_SYSTEM_ERROR')) throw error
    env['HOME'] = '/'
  }
}

/** Where workers keep their logbooks: `GONIEC_STATE`, else what systemd gives the service, else beside goniec's other data. */
export function stateDirectory(env: Environment = process.env): string {
  const ofService = env['STATE_DIRECTORY']?.split(':')[0]
  return resolve(env['GONIEC_STATE'] || join(ofService || dataDirectory(env), 'workers'))
}

/** Where goniec's own database is unless a directory is given. */
export function embeddedDirectory(env: Environment = process.env): string {
  return join(dataDirectory(env), 'postgres')
}

/** A duration such as `30s` from a variable, in milliseconds. */
export function readDurationMs(env: Environment, name: string, standardMs: number): number {
  const text = env[name]
  if (!text) return standardMs
  const value = parseDuration(text)
  if (value === undefined) throw wrong(name, text, 'a duration such as 500ms, 30s or 2m')
  return value
}

/** A whole number from a variable, within bounds. */
export function readInteger(
  env: Environment,
  name: string,
  { standard, least, most }: { standard: number; least: number; most: number },
): number {
  const text = env[name]
  if (!text) return standard
  const value = Number(text)
  if (!Number.isInteger(value) || value < least || value > most)
    throw wrong(name, text, `a number from ${least} to ${most}`)
  return value
}

function readChoice<Choice extends string>(
  env: Environment,
  name: string,
  choices: readonly Choice[],
  standard: Choice,
): Choice {
  const text = env[name]
  if (!text) return standard
  const choice = choices.find((candidate) => candidate === text)
  if (choice === undefined) throw wrong(name, text, `one of ${choices.join(', ')}${didYouMean(text, choices)}`)
  return choice
}

function readEmbedded(env: Environment): string | undefined {
  const text = env['GONIEC_EMBEDDED'] ?? ''
  if (['', '0', 'no', 'false'].includes(text)) return undefined
  return ['1', 'yes', 'true'].includes(text) ? embeddedDirectory(env) : resolve(text)
}

function wrong(name: string, got: string, expected: string): GoniecError {
  return new GoniecError('config_invalid', `${name} is "${got}", and should be ${expected}`, {
    hint: `correct the environment variable ${name}, or leave it out`,
  })
}
