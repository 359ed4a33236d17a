/**
 * OpenSMTPD with a queue of its own. Its places and users are compiled in, so it gets a mount namespace in which these are other ones: nothing
 * of the machine is changed. All mail is meant for a relay that is not there, so that its queue is the record of what it accepted.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, openSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AcceptedMail } from '../oracle.ts'
import { descendantsOf, endAtOnce, untilAnswering } from './daemon.ts'
import { toAccepted } from './queue-file.ts'
import type { MakeDaemon } from './real.ts'

/** Debian's package, installed or unpacked aside: it cannot be installed beside another mail server. */
const ROOT = process.env['GONIEC_MAIL_SERVERS'] ?? ''
const PROGRAM = `${ROOT}/usr/sbin/smtpd`

/** Why it cannot be used here; undefined where it can. */
export function opensmtpdIsMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'opensmtpd wants to be started by root'
  return existsSync(`${ROOT}/usr/libexec/opensmtpd`) && existsSync(PROGRAM)
    ? undefined
    : 'opensmtpd is not there (unpack its package, and name the directory in GONIEC_MAIL_SERVERS)'
}

/** Makes it; the values of `settings` are lines of smtpd.conf. It is not started yet. */
export const makeOpensmtpd: MakeDaemon = ({ directory, port, settings }) => {
  const lines = [`listen on 127.0.0.1 port ${port}`, ...CONFIGURATION, ...Object.values(settings)]
  writeFileSync(join(directory, 'smtpd.conf'), lines.map((line) => `${line}\n`).join(''))
  for (const file of ['passwd', 'group']) {
    const own = NAMES.map((name, index) =>
      file === 'passwd' ? user(name, 9901 + index) : `${name}:x:${9901 + index}:`,
    )
    writeFileSync(join(directory, file), `${readFileSync(`/etc/${file}`, 'utf8')}${own.join('\n')}\n`)
  }
  writeFileSync(join(directory, 'begin'), BEGIN)
  let main: ChildProcess | undefined
  const kill = async (): Promise<void> => {
    const processes = main?.pid === undefined ? [] : descendantsOf(main.pid)
    main?.kill('SIGKILL')
    for (const { pid } of processes) endAtOnce(pid)
    if (main && main.exitCode === null && main.signalCode === null) await once(main, 'exit')
    main = undefined
  }
  return {
    async start() {
      const log = openSync(join(directory, 'log'), 'a')
      main = spawn('unshare', ['-m', 'sh', join(directory, 'begin'), directory, PROGRAM], {
        stdio: ['ignore', log, log],
        env: { ...process.env, LD_LIBRARY_PATH: libraries() },
      })
      await untilAnswering(port)
    },
    async stop() {
      const processes = main?.pid === undefined ? [] : descendantsOf(main.pid)
      main?.kill('SIGTERM')
      if (main && main.exitCode === null && main.signalCode === null) await once(main, 'exit')
      for (const { pid } of processes) endAtOnce(pid)
      main = undefined
    },
    kill,
    killDialogues: () => 0,
    accepted: () => messagesIn(join(directory, 'queue', 'queue')).flatMap((path) => readMessage(path) ?? []),
  }
}

const NAMES = ['opensmtpd', 'opensmtpq']

const CONFIGURATION = ['action "kept" relay host "smtp://127.0.0.1:1"', 'match from any for any action "kept"']

const BEGIN = `set -e
mount --bind "$1/passwd" /etc/passwd
mount --bind "$1/group" /etc/group
mount -t tmpfs tmpfs /var/lib
mkdir -p /var/lib/opensmtpd/empty
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/spool
mkdir /var/spool/smtpd
chmod 711 "$1/queue"
mount --bind "$1/queue" /var/spool/smtpd
exec "$2" -d -f "$1/smtpd.conf"
`

/** What it needs and the machine may not have. */
function libraries(): string {
  const directory = `${ROOT}/usr/lib`
  const names = existsSync(directory) ? readdirSync(directory) : []
  return names.flatMap((name) => (name.endsWith('-linux-gnu') ? [join(directory, name)] : [])).join(':')
}

function user(name: string, id: number): string {
  return `${name}:x:${id}:${id}::/var/lib/opensmtpd/empty:/usr/sbin/nologin`
}

function messagesIn(queue: string): string[] {
  if (!existsSync(queue)) return []
  return readdirSync(queue, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name === 'message')
    .map((entry) => join(entry.parentPath, entry.name))
}

/** The message and its one envelope, which stands beside it. */
function readMessage(path: string): AcceptedMail | undefined {
  const envelope = readdirSync(join(path, '..')).find((name) => name !== 'message')
  if (envelope === undefined) return undefined
  const fields = readFileSync(join(path, '..', envelope), 'utf8')
  return toAccepted(readFileSync(path, 'latin1').replaceAll('\n', '\r\n'), {
    at: statSync(path).mtime.toISOString(),
    from: fieldOf(fields, 'sender'),
    to: fieldOf(fields, 'rcpt'),
  })
}

function fieldOf(envelope: string, name: string): string {
  return new RegExp(`^${name}: (.*)$`, 'm').exec(envelope)?.[1] ?? ''
}
