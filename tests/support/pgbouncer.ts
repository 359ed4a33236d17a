/** pgbouncer from the path, or the program that `GONIEC_PGBOUNCER` names. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

const PGBOUNCER = process.env['GONIEC_PGBOUNCER'] ?? 'pgbouncer'

/** Tests of poolers are left out where there is none. */
export const hasPgbouncer = spawnSync(PGBOUNCER, ['--version']).status === 0

/** A pooler before this server, until the end of the test; returns its URL. `inTurn`: it hands its idle connections out in turn. */
export async function startPgbouncer(
  url: string,
  { mode, inTurn = 0 }: { mode: 'statement' | 'transaction' | 'session'; inTurn?: 0 | 1 },
): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'goniec-pgbouncer-'))
  const port = await freePort()
  const { hostname, port: server, username, password, pathname } = new URL(url)
  const target = `host=${hostname} port=${server || 5432} user=${username} password=${decodeURIComponent(password)}`
  const settings = [
    'listen_addr=127.0.0.1',
    `listen_port=${port}`,
    'auth_type=any',
    'unix_socket_dir=',
    `pool_mode=${mode}`,
    `server_round_robin=${inTurn}`,
  ]
  writeFileSync(
    join(folder, 'ini'),
    `[databases]\n${pathname.slice(1)} = ${target}\n[pgbouncer]\n${settings.join('\n')}\n`,
    { mode: 0o644 },
  )
  spawnSync('chmod', ['755', folder])
  // It refuses to run as root.
  const child = spawn(PGBOUNCER, [...(process.getuid?.() === 0 ? ['-u', 'nobody'] : []), join(folder, 'ini')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  onTestFinished(async () => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true })
  })
  let log = ''
  for await (const chunk of child.stderr) {
    log += String(chunk)
    if (log.includes('process up')) break
  }
  return `postgres://anybody@127.0.0.1:${port}${pathname}`
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
