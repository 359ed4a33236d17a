/** What the world does wrong, as people meet it: each ends with its exit code, what happened, and the way out; nothing is lost by it. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { assert } from '../../src/errors.ts'
import { createTestDatabase } from '../support/database.ts'
import { goniec, type Ended } from '../support/goniec.ts'
import { startRecorder } from '../support/recorder.ts'
import { endWorkers, startWorker } from '../support/worker-process.ts'

const database = await createTestDatabase()
const directory = mkdtempSync(join(tmpdir(), 'goniec-errors-'))
afterAll(() => rmSync(directory, { recursive: true }))
afterEach(endWorkers)
// Each test is several processes, one after the other, on a machine that may be busy.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 })

const env = { DATABASE_URL: database.url }
const run = async (...args: string[]): Promise<Ended> => goniec(args, { env, cwd: directory })

/** A port that nobody listens on: a recorder had it, and has gone. */
const gone = await startRecorder()
await gone.close()

write(
  'team.yaml',
  `
salespeople: [{ email: anna@firma.example, name: Anna }]
mailboxes:
  - address: anna@firma.example
    salesperson: anna@firma.example
    min_gap: 0s
    smtp: { host: 127.0.0.1, port: ${gone.port}, security: none }
  - address: bez-hasla@firma.example
    salesperson: anna@firma.example
    smtp: { host: 127.0.0.1, port: ${gone.port}, security: none, user: anna, password: env:GONIEC_TEST_NOWHERE }
campaigns:
  - name: wiosna
    salesperson: anna@firma.example
    mailboxes: [anna@firma.example]
    window: { from: "00:00", to: "24:00", days: [mon, tue, wed, thu, fri, sat, sun] }
    holidays: none
    delay: 0s
    steps: [{ key: oferta, variants: [{ letter: A, subject: Oferta, text: "Dzień dobry, {{ imie }}!" }] }]
  - name: lato
    salesperson: anna@firma.example
    mailboxes: [anna@firma.example]
    steps: [{ key: oferta, variants: [{ letter: A, subject: Oferta, text: "Dla {{ firma }} i {{ branza }}" }] }]
`,
)
beforeAll(async () => {
  const { code, stderr } = await run('apply', 'team.yaml')
  assert(code === 0, stderr)
})

describe('a definition file', () => {
  test('with mistakes ends 1 with the place of each, and the nearest key; nothing is changed', async () => {
    write(
      'bad.yaml',
      `
mailboxes:
  - address: anna@firma.example
    daily_limt: 40
    smtp: { host: 127.0.0.1, port: 99999 }
campaigns:
  - name: jesień
    steps: []
`,
    )
    const { error, hint } = failure(await run('apply', 'bad.yaml', '--yes'), 1)
    expect(error).toMatch(/nothing was changed/)
    expect(error).toMatch(/^ {2}bad\.yaml:4:5 mailboxes\[0\]\.daily_limt: .*did you mean "daily_limit"\?$/m)
    expect(error).toMatch(/^ {2}bad\.yaml:5:36 mailboxes\[0\]\.smtp\.port: expected a whole number .* got .*99999$/m)
    expect(hint).toMatch(/examples\/campaigns\.yaml/)
    expect(failure(await run('campaign', 'show', 'jesień'), 1).error).toMatch(/there is no campaign/)
  })

  test('that is no YAML, or is not there, ends 1 and is named', async () => {
    write('no.yaml', 'campaigns: [\nb: c')
    expect(failure(await run('apply', 'no.yaml'), 1).error).toMatch(/no\.yaml:\d+:\d+: not YAML: /)
    expect(failure(await run('apply', 'gone.yaml'), 1).error).toBe('there is no definition file gone.yaml')
  })
})

test.each([
  [['lead', 'import', 'leads.csv', '--campain', 'wiosna'], /did you mean "--campaign"\?/],
  [['lead', 'import', 'leads.csv'], /say which campaign/],
  [['lead', 'import', 'leads.csv', '--campaign', 'wiosna', '--delimiter', 'ab'], /a delimiter is one character/],
  [['campain', 'list'], /did you mean "campaign"\?/],
  [['campaign', 'strat', 'wiosna'], /did you mean "start"\?/],
  [['campaign', 'start'], /missing required argument 'NAME'/],
  [['queue', 'list', '--limit', 'many'], /limit/],
  [['worker', 'now'], /too many arguments/],
])('wrong usage ends 2 before anything is done: %j', async (args, words) => {
  expect(failure(await run(...args), 2).error).toMatch(words)
})

describe('a list of leads', () => {
  const lines = Array.from({ length: 1010 }, (_, i) =>
    i % 101 === 0 ? `lead-${i}@klient.example;Jan` : `nikt-${i};${'x'.repeat(200)}`,
  )
  const list = ['email;imie', ...lines, ''].join('\n')

  test('with 1,000 broken lines ends 0: they are set aside with their reasons, the others come in', async () => {
    write('broken.csv', list)
    const { code, stdout, stderr } = await run('lead', 'import', 'broken.csv', '--campaign', 'wiosna', '--json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ rows: 1010, enrolled: 10, rejected: 1000 })
    expect(stderr).toContain('1000 lines are rejected; the reasons stand in broken.rejects.csv.')
    expect(readFileSync(join(directory, 'broken.rejects.csv'), 'utf8').trimEnd().split('\r\n')).toHaveLength(1001)
  })

  test('with --strict ends 1, and nobody of it comes in', async () => {
    write('strict.csv', list.replaceAll('lead-', 'other-'))
    const told = failure(await run('lead', 'import', 'strict.csv', '--campaign', 'wiosna', '--strict'), 1)
    expect(told.error).toBe('nothing was imported: 1000 lines are rejected; the reasons stand in strict.rejects.csv')
    expect(told.hint).toMatch(/leave --strict out/)
    expect(await database.query(`select from goniec.lead where email like 'other-%'`)).toEqual([])
  })

  test('whose rejects fill the disk ends 1; imported again with room, it is whole', async () => {
    write('full.csv', list.replaceAll('lead-', 'full-'))
    const told = failure(withLittleRoom('lead', 'import', 'full.csv', '--campaign', 'wiosna'), 1)
    expect(told.error).toBe(
      'the import stopped: cannot write the rejected lines to full.rejects.csv: the disk is full; 1010 lines were done before, and 10 leads enrolled',
    )
    expect(told.hint).toMatch(/import the (same )?file again/)
    expect(await run('lead', 'import', 'full.csv', '--campaign', 'wiosna')).toMatchObject({ code: 0 })
    expect(await enrolled('full-%')).toBe(10)
  })

  test('whose last rejects find no room says how far it came as well', async () => {
    const rejects = Array.from({ length: 600 }, () => `nikt;${'x'.repeat(150)}`)
    write('last.csv', ['email;imie', 'last-1@klient.example;Jan', ...rejects, ''].join('\n'))
    const told = failure(withLittleRoom('lead', 'import', 'last.csv', '--campaign', 'wiosna'), 1)
    expect(told.error).toMatch(/the disk is full; 601 lines were done before, and 1 leads enrolled$/)
  })

  test('that fills the disk of the database ends 1 and says how far it came; imported again with room, it is whole', async () => {
    const leads = Array.from({ length: 8000 }, (_, i) => `room-${i}@klient.example;Jan`)
    // Blank lines take a while to read: the second batch fails while the third is not there yet.
    const pause = Array.from({ length: 1_000_000 }, () => '')
    write('large.csv', ['email;imie', ...leads.slice(0, 4000), ...pause, ...leads.slice(4000)].join('\n'))
    await database.query(`
      create function fill_disk() returns trigger language plpgsql as $$
      begin
        if exists (select from goniec.lead where email = 'room-3999@klient.example') then
          raise exception 'could not extend file "base/1/2": No space left on device' using errcode = 'disk_full';
        end if;
        return null;
      end $$;
      create trigger fill_disk after insert on goniec.lead for each statement execute function fill_disk()`)
    const told = failure(await run('lead', 'import', 'large.csv', '--campaign', 'wiosna'), 1)
    expect(told.error).toMatch(
      /the import stopped: the disk of .* is full: .*; \d+ lines were done before, and \d+ leads enrolled$/,
    )
    expect(told.hint).toMatch(/import the same file again: nobody is enrolled twice/)
    await database.query('drop function fill_disk cascade')
    expect(await run('lead', 'import', 'large.csv', '--campaign', 'wiosna')).toMatchObject({ code: 0 })
    expect(await enrolled('room-%')).toBe(8000)
  })

  test('that is not there, or no table, ends 1 and is named', async () => {
    expect(failure(await run('lead', 'import', 'gone.csv', '--campaign', 'wiosna'), 1).error).toMatch(/gone\.csv/)
    write('image.csv', '\u0089PNG\r\n\u001a\n\0\0\0')
    expect(failure(await run('lead', 'import', 'image.csv', '--campaign', 'wiosna'), 1).error).toMatch(/image\.csv/)
  })
})

test('a template with an unknown field is told by check and start, with the leads and the field, and nothing goes out', async () => {
  write('lato.csv', 'email,firma\njan@klient.example,Żółw\nola@klient.example,\n')
  expect(await run('lead', 'import', 'lato.csv', '--campaign', 'lato')).toMatchObject({ code: 0 })
  const check = await run('campaign', 'check', 'lato', '--no-login')
  expect(check.code).toBe(3)
  expect(check.stdout).toMatch(/^Problem: no lead has the field "branza"\n {2}Try: /m)
  expect(check.stdout).toMatch(/^jan@klient\.example +oferta +A +branza$/m)
  expect(check.stdout).toMatch(/^ola@klient\.example +oferta +A +firma, branza$/m)
  const start = await run('campaign', 'start', 'lato', '--no-login', '--yes')
  expect(start.stdout).toContain('jan@klient.example')
  const { error, hint } = failure(start, 1)
  expect(error).toMatch(/^campaign "lato" is not started: no lead has the field "branza"/)
  expect(hint).toMatch(/goniec campaign check lato/)
})

describe('a database', () => {
  test('that nobody named ends 2, and both ways are named', async () => {
    for (const args of [['worker'], ['campaign', 'list'], ['lead', 'import', 'x.csv', '--campaign', 'wiosna']]) {
      const { error, hint } = failure(await goniec(args, { cwd: directory }), 2)
      expect(error).toMatch(/^no database is given: neither DATABASE_URL is set nor --embedded$/)
      expect(hint).toMatch(/DATABASE_URL=postgres:.*--embedded.*GONIEC_EMBEDDED=1/)
    }
  })

  test.each([
    ['with a wrong password', { password: 'zle-haslo' }, /refused the login/, /password in DATABASE_URL/],
    ['that does not listen', { port: '1' }, /does not answer: .*ECONNREFUSED/, /start the server/],
    ['on a host that is none', { hostname: 'nie-ma.invalid' }, /does not answer/, /correct DATABASE_URL/],
    ['that is not on the server', { pathname: '/nie_ma' }, /is not there/, /createdb/],
  ])('%s ends 1, and no password is shown', async (_, change, words, wayOut) => {
    const url = Object.assign(new URL(database.url), { password: 'tajne', ...passwordOf(change), ...change })
    for (const args of [
      ['campaign', 'list', '--verbose'],
      ['worker', '--until-idle'],
    ]) {
      const ended = await goniec(args, { env: { DATABASE_URL: url.href } })
      const { error, hint } = failure(ended, 1, { verbose: true })
      expect(error).toMatch(words)
      expect(hint).toMatch(wayOut)
      expect(ended.stdout + ended.stderr).not.toContain(url.password)
    }
  })

  test('without the schema ends 1 and names the command', async () => {
    const empty = await createTestDatabase({ empty: true })
    const ended = await goniec(['campaign', 'list'], { env: { DATABASE_URL: empty.url } })
    expect(failure(ended, 1)).toMatchObject({ hint: 'goniec migrate' })
  })
})

describe('a mail server that is not there', () => {
  test('is told by the worker and by "mailbox test"; the mail stays pending, with the reason', async () => {
    write('one.csv', 'email,imie\nkto@inny.example,Ktoś\n')
    const other = await createTestDatabase()
    const there = { DATABASE_URL: other.url }
    for (const args of [
      ['apply', 'team.yaml'],
      ['lead', 'import', 'one.csv', '--campaign', 'wiosna'],
      ['campaign', 'start', 'wiosna', '--no-login', '--yes'],
    ])
      expect(await goniec(args, { env: there, cwd: directory })).toMatchObject({ code: 0 })
    const worker = startWorker(other.urlAs('worker'))
    const line = await worker.line(({ msg }) => msg === 'not sent')
    expect(line).toMatchObject({
      level: 'warn',
      outcome: 'mailbox_fault',
      status: 'pending',
      mailbox: 'anna@firma.example',
    })
    expect(line['response']).toMatch(/ECONNREFUSED/)

    const tested = await goniec(['mailbox', 'test', 'anna@firma.example'], { env: there })
    expect(tested).toMatchObject({
      code: 3,
      stdout: expect.stringMatching(/ECONNREFUSED 127\.0\.0\.1:\d+\n$/) as string,
    })
    expect(tested.stderr).toMatch(/^The login to anna@firma\.example does not work\.\nTry: /)
    const withoutPassword = await goniec(['mailbox', 'test', 'bez-hasla@firma.example'], { env: there })
    expect(withoutPassword).toMatchObject({ code: 3, stdout: expect.stringContaining('GONIEC_TEST_NOWHERE') as string })

    const shown = await goniec(['mailbox', 'show', 'anna@firma.example'], { env: there })
    expect(shown.stdout).toMatch(/^faults +\d in a row; the last: connect ECONNREFUSED /m)
    const { stdout } = await goniec(['queue', 'list', '--json'], { env: there })
    expect(JSON.parse(stdout)).toMatchObject([{ lead: 'kto@inny.example', status: 'pending' }])
    worker.kill('SIGTERM')
    expect(await worker.ended).toBe(0)
  })
})

/** What an error says; stack traces are for our own defects. */
function failure({ code, stderr }: Ended, expected: number, { verbose = false } = {}): { error: string; hint: string } {
  const [, error = '', hint = ''] = /^Error: ([\s\S]+?)\nTry: (.+)$/m.exec(stderr) ?? []
  expect({ code, stderr, told: error !== '' && hint !== '' }).toEqual({ code: expected, stderr, told: true })
  expect(verbose ? '' : stderr).not.toMatch(/^\s+at .+:\d+/m)
  return { error, hint }
}

/** A limit on the size of files stands in for a full disk: it fails the same way, without a mount. */
function withLittleRoom(...args: string[]): Ended {
  const bin = join(import.meta.dirname, '../../bin/goniec.js')
  const { status, signal, stdout, stderr } = spawnSync(
    'bash',
    ['-c', 'ulimit -f 100; exec "$@"', 'bash', process.execPath, bin, ...args],
    { encoding: 'utf8', cwd: directory, env: { ...process.env, ...env } },
  )
  return { code: status, signal, stdout, stderr }
}

async function enrolled(pattern: string): Promise<number> {
  const rows = await database.query<{ n: number }>(
    'select count(*)::integer as n from goniec.enrollment e join goniec.lead l on l.id = e.lead_id where l.email like $1',
    [pattern],
  )
  return rows[0]?.n ?? 0
}

function write(name: string, text: string): void {
  writeFileSync(join(directory, name), text)
}

/** The right one, where the password is not what is wrong. */
function passwordOf(change: object): { password?: string } {
  return 'password' in change ? {} : { password: new URL(database.url).password }
}
