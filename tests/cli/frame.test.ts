import { spawn } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { hidePasswords } from '../../src/errors.ts'
import { createTestDatabase } from '../support/database.ts'
import { goniec } from '../support/goniec.ts'

const database = await createTestDatabase({ empty: true })

test('help is printed on stdout and ends with 0; a noun without its verb is wrong usage', async () => {
  const [none, asked, verb, noun] = await Promise.all([
    goniec([]),
    goniec(['--help']),
    goniec(['help', 'database', 'url']),
    goniec(['database']),
  ])
  expect(none).toMatchObject({ code: 0, stdout: asked.stdout, stderr: '' })
  expect(asked.stdout).toMatch(/never mails a person\s+twice[\s\S]*Commands:[\s\S]*migrate[\s\S]*Examples:/)
  expect(verb).toMatchObject({ code: 0, stdout: expect.stringMatching(/--with-password[\s\S]*--embedded\[=DIR\]/) })
  expect(noun).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/Usage: goniec database/) })
})

test('an unknown command or flag ends with 2 and gets the nearest one', async () => {
  const [command, verb, flag, extra] = await Promise.all([
    goniec(['migrat']),
    goniec(['database', 'ulr']),
    goniec(['migrate', '--dry-rum']),
    goniec(['migrate', 'now']),
  ])
  expect(command).toMatchObject({
    code: 2,
    stdout: '',
    stderr: `Error: unknown command 'migrat'; did you mean "migrate"?\nTry: goniec --help\n`,
  })
  expect(verb).toMatchObject({
    code: 2,
    stderr: `Error: unknown command 'ulr'; did you mean "url"?\nTry: goniec database --help\n`,
  })
  expect(flag).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/did you mean "--dry-run"\?\nTry: goniec migrate --help\n/),
  })
  expect(extra).toMatchObject({ code: 2, stderr: expect.stringMatching(/too many arguments/) })
})

test('a command without a database ends with 2 and names both ways', async () => {
  const { code, stdout, stderr } = await goniec(['migrate'])
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toMatch(/^Error: no database is given: .*\nTry: set DATABASE_URL=.* --embedded/)
})

test('a database that does not answer ends with 1 and shows no password', async () => {
  const { code, stdout, stderr } = await goniec(['migrate', '--json', '--verbose'], {
    env: { DATABASE_URL: 'postgres://anna:tajne-haslo@127.0.0.1:1/goniec' },
  })
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(/^Error: the database at anna@127\.0\.0\.1:1\/goniec does not answer: /)
  expect(stderr).not.toContain('tajne-haslo')
})

test('--embedded alone takes no word that follows for its directory', async () => {
  // The directory cannot be made, so that nothing is started: which one it would be is what counts.
  const file = join(await mkdtemp(join(tmpdir(), 'goniec-frame-')), 'file')
  onTestFinished(() => rm(join(file, '..'), { recursive: true }))
  await writeFile(file, '')
  const { code, stderr } = await goniec(['--embedded', 'migrate'], { env: { XDG_DATA_HOME: file } })
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(join(file, 'goniec', 'postgres')) })
})

test('migrate says what it applied and what to run next; with --json stdout is data alone', async () => {
  const env = { DATABASE_URL: database.url }
  const dry = await goniec(['migrate', '--dry-run', '--json'], { env })
  expect(JSON.parse(dry.stdout)).toMatchObject({
    dry_run: true,
    applied: expect.arrayContaining(['000001_installation.sql']),
  })
  const first = await goniec(['migrate'], { env })
  expect(first).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^000001_installation\.sql\n/),
    stderr: expect.stringMatching(/Next: goniec apply/),
  })
  const second = await goniec(['migrate', '--json'], { env })
  expect(JSON.parse(second.stdout)).toMatchObject({ applied: [] })
  expect(second.stderr).toMatch(/up to date/)
})

test('database url shows which database is in use, the password only when asked', async () => {
  const env = { DATABASE_URL: database.url }
  const [hidden, shown, stop] = await Promise.all([
    goniec(['database', 'url'], { env }),
    goniec(['database', 'url', '--with-password'], { env }),
    goniec(['database', 'stop'], { env }),
  ])
  expect(hidden.stdout).not.toContain(new URL(database.url).password)
  expect(shown.stdout).toBe(`${database.url}\n`)
  expect(stop).toMatchObject({ code: 1, stderr: expect.stringMatching(/a server that goniec did not start/) })
})

test('nor does it show a password that stands behind the question mark, and no error does', async () => {
  const url = 'postgresql:///goniec?host=/run/nobody&user=anna&password=s3cret&sslpassword=s3cret'
  const { code, stdout } = await goniec(['database', 'url'], { env: { DATABASE_URL: url } })
  expect(code).toBe(0)
  expect(stdout).toMatch(/&password=\*\*\*&sslpassword=\*\*\*\n$/)
  expect(hidePasswords(`at ${url}, and postgres://anna:s3cret@host/x?password=s3cret`)).not.toContain('s3cret')
})

test('an output that a full disk does not take is told, and ends 1', async () => {
  const shell = spawn('bash', ['-c', `"${process.execPath}" bin/goniec.js --help 2>&1 >/dev/full; echo $?`])
  let output = ''
  for await (const chunk of shell.stdout) output += String(chunk)
  expect(output).toMatch(/^Error: the output could not be written: ENOSPC.*\n1\n$/)
})

test('a reader that stops reading is no error', async () => {
  const shell = spawn('bash', [
    '-c',
    `"${process.execPath}" bin/goniec.js --help | head -n 1; echo "\${PIPESTATUS[0]}"`,
  ])
  let output = ''
  for await (const chunk of shell.stdout) output += String(chunk)
  expect(output).toBe('Usage: goniec [options] [command]\n0\n')
})

test('a Node that is too old is told in a sentence', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'goniec-old-node-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await mkdir(join(folder, 'bin'))
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  await copyFile('bin/goniec.js', join(folder, 'bin', 'goniec.js'))
  const pretend = `Object.defineProperty(process.versions, 'node', { value: '20.20.2' })`
  await writeFile(join(folder, 'pretend.cjs'), pretend)
  const child = spawn(process.execPath, [
    '--require',
    join(folder, 'pretend.cjs'),
    join(folder, 'bin', 'goniec.js'),
    'migrate',
  ])
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const code = await new Promise((resolve) => child.on('close', resolve))
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringMatching(/^Error: goniec needs Node 22\.18 or newer, this is 20\.20\.2\nTry: /),
  })
})
