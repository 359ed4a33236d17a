/**
 * Postfix in a directory of its own: configuration, queue and log. It holds whatever it accepts, so that its queue is the record of what that
 * was; nothing is delivered anywhere.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { descendantsOf, endAllIn, endAtOnce, untilAnswering } from './daemon.ts'
import { readQueueFile } from './queue-file.ts'
import type { MakeDaemon } from './real.ts'

const MASTER = '/usr/lib/postfix/sbin/master'

/** Why it cannot be used here; undefined where it can. */
export function postfixIsMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'postfix wants to be started by root'
  return existsSync(MASTER) ? undefined : 'postfix is not installed (apt-get install postfix)'
}

/** Makes it; `settings` are lines of main.cf. It is not started yet. */
export const makePostfix: MakeDaemon = ({ directory, port, policyPort, settings }) => {
  const policy = `check_policy_service inet:127.0.0.1:${policyPort}`
  const places = prepare(directory, port, {
    smtpd_recipient_restrictions: `${policy}, check_recipient_access static:HOLD, permit`,
    smtpd_data_restrictions: policy,
    smtpd_end_of_data_restrictions: policy,
    ...settings,
  })
  let master: ReturnType<typeof spawn> | undefined
  const ended = async (): Promise<void> => {
    if (master && master.exitCode === null && master.signalCode === null) await once(master, 'exit')
    master = undefined
  }
  const below = (): ReturnType<typeof descendantsOf> => descendantsOf(master?.pid ?? -1)
  return {
    async start() {
      rmSync(join(places.queue, 'pid', 'master.pid'), { force: true })
      master = spawn(MASTER, ['-c', places.configuration, '-d'], { stdio: 'ignore' })
      await untilAnswering(port)
    },
    async stop() {
      master?.kill('SIGTERM')
      await ended()
      // Master leaves its children to end by themselves; the script that stops it does not wait for them for ever either.
      endAllIn(places.queue)
    },
    async kill() {
      master?.kill('SIGKILL')
      endAllIn(places.queue)
      await ended()
    },
    killDialogues: () => below().filter(({ pid, command }) => command === 'smtpd' && endAtOnce(pid)).length,
    accepted: () => {
      const files = QUEUES.flatMap((name) => filesIn(join(places.queue, name)))
      return [...new Map(files.map((path) => [basename(path), path])).values()].flatMap(
        (path) => readQueueFile(path) ?? [],
      )
    },
  }
}

/** In the order in which a file may move: who reads them so misses none. */
const QUEUES = ['incoming', 'active', 'deferred', 'hold']

function filesIn(directory: string): string[] {
  if (!existsSync(directory)) return []
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

function prepare(directory: string, port: number, settings: Readonly<Record<string, string>>) {
  const configuration = join(directory, 'configuration')
  const queue = join(directory, 'queue')
  const data = join(directory, 'data')
  for (const path of [configuration, queue, data]) mkdirSync(path, { recursive: true })
  const [owner, group] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, 'postfix'], { encoding: 'utf8' })))
  chownSync(data, owner ?? 0, group ?? 0)
  mkdirSync(join(queue, 'pid'), { recursive: true })
  for (const name of [
    ...QUEUES,
    'corrupt',
    'defer',
    'bounce',
    'flush',
    'saved',
    'trace',
    'private',
    'public',
    'maildrop',
  ]) {
    mkdirSync(join(queue, name), { recursive: true })
    chownSync(join(queue, name), owner ?? 0, group ?? 0)
  }
  const lines = {
    ...MAIN,
    queue_directory: queue,
    data_directory: data,
    maillog_file: join(directory, 'log'),
    maillog_file_prefixes: directory,
    ...settings,
  }
  writeFileSync(
    join(configuration, 'main.cf'),
    Object.entries(lines)
      .map(([name, value]) => `${name} = ${value}\n`)
      .join(''),
  )
  writeFileSync(join(configuration, 'master.cf'), MASTER_CF.replace('PORT', String(port)))
  return { configuration, queue }
}

/** All clients are local, all mail is held, no address is looked up. */
const MAIN: Readonly<Record<string, string>> = {
  compatibility_level: '3.6',
  daemon_directory: '/usr/lib/postfix/sbin',
  command_directory: '/usr/sbin',
  mail_owner: 'postfix',
  setgid_group: 'postdrop',
  myhostname: 'mail.example',
  mydestination: '',
  local_recipient_maps: '',
  alias_maps: '',
  inet_interfaces: '127.0.0.1',
  inet_protocols: 'ipv4',
  mynetworks: '127.0.0.0/8',
  smtpd_peername_lookup: 'no',
  smtpd_relay_restrictions: 'permit_mynetworks, reject',
  smtpd_client_event_limit_exceptions: '',
  default_transport: 'smtp:[127.0.0.1]:1',
  smtputf8_enable: 'no',
  notify_classes: '',
  // Else a process that died keeps the next one waiting for a minute.
  service_throttle_time: '1s',
}

const MASTER_CF = `127.0.0.1:PORT inet n - n - - smtpd
postlog unix-dgram n - n - 1 postlogd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
anvil unix - - n - 1 anvil
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
`
