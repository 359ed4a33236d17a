import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { refuseTransactionPooler } from '../../src/database/pooler.ts'
import type { GoniecError } from '../../src/errors.ts'
import { createTestDatabase } from '../support/database.ts'

const PGBOUNCER = process.env['GONIEC_PGBOUNCER'] ?? 'pgbouncer'
const missing = spawnSync(PGBOUNCER, ['--version']).status !== 0
const database = await createTestDatabase({ empty: true })

test('a direct connection is not taken for a pooler', async () => {
  await expect(refuseTransactionPooler(database.url)).resolves.toBe(undefined)
})

test.skipIf(missing)(
  'a transaction pooler is refused, whichever idle connection it hands out; a session pooler is not (needs pgbouncer)',
  async () => {
    for (const [mode, inTurn, expected] of [
      ['transaction', 0, 'database_pooler'],
      ['transaction', 1, 'database_pooler'],
      ['session', 0, 'accepted'],
    ] as const) {
      const url = await startPgbouncer(mode, inTurn)
      const answer = refuseTransactionPooler(url)
      const code = await answer.then(
        () => 'accepted',
        ({ code }: GoniecError) => code,
      )
      expect(code, `${mode} ${inTurn}`).toBe(expected)
    }
  },
)

async function startPgbouncer(mode: string, inTurn: number): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'goniec-pgbouncer-'))
  const port = await freePort()
  const { hostname, port: server, username, password, pathname } = new URL(database.url)
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
