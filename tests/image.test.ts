/** Dockerfile and docker-compose.yml, judged where no engine runs: what they say, and that the commands in them are goniec's and do what they are there for. */
import { execFile } from 'node:child_process'
import { chownSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, onTestFinished, test } from 'vitest'
import { parse } from 'yaml'
import { startGoniec } from './support/goniec.ts'
import { createTestDatabase } from './support/database.ts'
import { startRecorder } from './support/recorder.ts'
import { endWorkers, startWorker } from './support/worker-process.ts'
import { makeFleet } from './crash/fleet.ts'

interface Service {
  image?: string
  build?: string
  command?: string
  environment?: Record<string, string>
  depends_on?: Record<string, { condition: string }>
  healthcheck?: { test?: string[]; disable?: boolean }
  restart?: string
  stop_grace_period?: string
}

const dockerfile = readFileSync('Dockerfile', 'utf8').replaceAll(/\\\n\s*/g, '')
const instructions = dockerfile.split('\n').flatMap((line) => {
  const [, name, rest] = /^([A-Z]+) (.+)$/.exec(line) ?? []
  return name !== undefined && rest !== undefined ? [{ name, rest }] : []
})
const final = instructions.slice(instructions.findLastIndex(({ name }) => name === 'FROM'))
const compose = parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true }) as {
  services: Record<string, Service>
}

afterEach(endWorkers)

test('every image is of one version, to the patch', () => {
  const bases = instructions.filter(({ name }) => name === 'FROM').map(({ rest }) => rest.split(' ')[0])
  const images = Object.values(compose.services).flatMap(({ image }) => image ?? [])
  const loose = [...bases, ...images].filter((image) => !/:v?\d+\.\d+(\.\d+)?(-[\w-]+)?$/.test(image ?? ''))
  expect(loose).toEqual([])
  expect(new Set(bases).size).toBe(1)
})

test('the image’s Node is one that goniec runs on, and the one that its tests have', () => {
  const { devDependencies, engines } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    devDependencies: { node: string }
    engines: { node: string }
  }
  const version = /^node:([\d.]+)-/.exec(final[0]?.rest ?? '')?.[1]
  expect(`^${version}`).toBe(devDependencies.node)
  expect(Number(version?.split('.')[0])).toBeGreaterThanOrEqual(Number(/\d+/.exec(engines.node)?.[0]))
})

test('what runs is not root, and nothing is put in after it has been left', () => {
  const users = final.filter(({ name }) => name === 'USER').map(({ rest }) => rest)
  expect(users).toEqual(['node'])
  const after = final.slice(final.findIndex(({ name }) => name === 'USER')).map(({ name }) => name)
  expect(after).not.toContain('RUN')
  expect(after).not.toContain('COPY')
})

test('no secret is baked in, and none is copied along', () => {
  expect(
    instructions.filter(({ name, rest }) => /^(ARG|ENV)$/.test(name) && /pass|token|secret|key|url/i.test(rest)),
  ).toEqual([])
  const copied = instructions
    .filter(({ name, rest }) => name === 'COPY' && !rest.startsWith('--from'))
    .map(({ rest }) => rest)
  expect(copied.some((rest) => /^\.(\s|\/\s)/.test(rest))).toBe(false)
  expect(readFileSync('.dockerignore', 'utf8').split('\n')).toEqual(expect.arrayContaining(['.git', '.env']))
})

test('the final image has what the package has to run, and no tools to make it', () => {
  const copied = final
    .filter(({ name }) => name === 'COPY')
    .map(({ rest }) => /\/([\w.]+) /.exec(rest.replace(/^--from=\S+ \S*\//, '/'))?.[1])
  expect(copied).toEqual(['package.json', 'node_modules', 'dist', 'bin', 'migrations'])
  expect(dockerfile).toContain('npm prune --omit=dev')
})

test('the worker waits for the migration, and the migration for the database', () => {
  const { worker, migrate, database } = compose.services
  expect(worker).toMatchObject({ command: 'worker --name worker', restart: 'unless-stopped' })
  expect(worker?.depends_on).toEqual({ migrate: { condition: 'service_completed_successfully' } })
  expect(migrate).toMatchObject({ command: 'migrate', healthcheck: { disable: true } })
  expect(migrate?.depends_on).toEqual({ database: { condition: 'service_healthy' } })
  expect(database?.healthcheck?.test?.join(' ')).toContain('pg_isready')
  // As the unit of systemd: twice GONIEC_DRAIN; then it closes what can be closed, which took it ten seconds with a database that hung.
  expect(Number.parseInt(worker?.stop_grace_period ?? '', 10)).toBeGreaterThan(70)
})

test(
  'the health check fails where mail waits and no worker is there, and holds once one has taken it up',
  { timeout: 180_000 },
  async () => {
    const database = await createTestDatabase()
    await using recorder = await startRecorder()
    await makeFleet(database, { mailboxes: 1, campaigns: 1, leads: 1, smtpPort: recorder.port })
    expect(await checkHealth(database.urlAs('worker'))).toBe(1)
    const worker = startWorker(database.urlAs('worker'))
    await worker.line(({ msg }) => msg === 'worker started')
    await recorder.until(2)
    expect(await checkHealth(database.urlAs('worker'))).toBe(0)
  },
)

test('a database that cannot be asked, or was restored, makes no worker unhealthy: a new one would know less', async () => {
  expect(await checkHealth('postgres://nobody@127.0.0.1:1/goniec')).toBe(0)
  const database = await createTestDatabase()
  await database.query(`select goniec.notice_restoration('forgotten', 'a mail of its logbook is not in the database')`)
  expect(await checkHealth(database.urlAs('worker'))).toBe(0)
})

// As `docker run --user 12345`, or a cluster that gives each container a number: it stands in no passwd file. Only root may become one.
test.skipIf(process.getuid?.() !== 0)(
  'a worker runs under a number that is no user, with no home, and says where its logbook cannot be',
  { timeout: 180_000 },
  async () => {
    const database = await createTestDatabase()
    await using recorder = await startRecorder()
    await makeFleet(database, { mailboxes: 1, campaigns: 1, leads: 1, smtpPort: recorder.port })
    const homeless = {
      DATABASE_URL: database.urlAs('worker'),
      HOME: undefined,
      XDG_DATA_HOME: undefined,
      STATE_DIRECTORY: undefined,
    }
    const state = mkdtempSync(join(tmpdir(), 'goniec-homeless-'))
    onTestFinished(() => rmSync(state, { recursive: true }))
    chownSync(state, NOBODY, NOBODY)

    const nowhere = await startGoniec(['worker'], { uid: NOBODY, env: { ...homeless, GONIEC_STATE: undefined } }).ended
    expect(nowhere.code).toBe(1)
    expect(nowhere.stderr).toMatch(/^Error: the worker’s logbook cannot be written[^]*GONIEC_STATE=/m)
    const args = ['worker', '--until-idle']
    const { code, stderr } = await startGoniec(args, { uid: NOBODY, env: { ...homeless, GONIEC_STATE: state } }).ended
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(recorder.mails).toHaveLength(2)
  },
)

const NOBODY = 412_345

/** The image's command, of this checkout: its exit code. */
async function checkHealth(url: string): Promise<number> {
  const { rest = '' } = final.find(({ name }) => name === 'HEALTHCHECK') ?? {}
  const [shell = '', flag = '', script = ''] = JSON.parse(rest.slice(rest.indexOf('['))) as string[]
  const here = script.replace('node /goniec/', `${process.execPath} `)
  expect(here).not.toBe(script)
  return new Promise((resolve) => {
    const child = execFile(shell, [flag, here], { env: { ...process.env, DATABASE_URL: url } })
    child.on('exit', (code) => resolve(code ?? -1))
  })
}
