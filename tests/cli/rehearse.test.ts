import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { goniec as run, type Ended } from '../support/goniec.ts'
import { readWellFormed, textOf } from '../support/well-formed.ts'

vi.setConfig({ testTimeout: 120_000 })

const DEFINITION = `
salespeople: [{ email: anna@firma.example, name: Anna }]
mailboxes:
  - { address: anna@firma.example, salesperson: anna@firma.example, daily_limit: 2, smtp: { host: smtp.firma.example } }
campaigns:
  - name: spring
    salesperson: anna@firma.example
    mailboxes: [anna@firma.example]
    starts_on: 2031-12-22
    steps:
      - { key: intro, variants: [{ letter: A, subject: 'For {{ company }}', text: Good day. }] }
      - { key: reminder, wait: 1d, variants: [{ letter: A, text: Still there? }] }
`

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'goniec-rehearse-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'spring.yaml'), DEFINITION)
  writeFileSync(
    join(folder, 'leads.csv'),
    'email,company\na@klient.example,A\nb@klient.example,B\nc@klient.example,C\n',
  )
})

const goniec = (args: readonly string[], url?: string, input?: string): Promise<Ended> =>
  run(['rehearse', ...args], {
    env: { DATABASE_URL: url, GONIEC_EMBEDDED: undefined },
    cwd: folder,
    ...(input === undefined ? {} : { input }),
  })

test('a campaign is rehearsed before anything is set up, and nothing is written', async () => {
  const { code, stdout, stderr } = await goniec(['spring.yaml', '--leads', 'leads.csv'])
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr:
      'No database is named: the campaign is rehearsed as if it were alone (DATABASE_URL or --embedded).\n' +
      'Nothing was written to any database. Next: goniec apply spring.yaml\n',
  })
  expect(stdout.replace(/80 % range .*/, '80 % range  …')).toBe(`spring
  to go            6 mails
  first day        Mon 2031-12-22
  first mails end  Tue 2031-12-23
  follow-ups end   Mon 2031-12-29
  finished         Mon 2031-12-29
  80 % range  …

█ first mails · ░ follow-ups · right: the limit that binds
Mon 2031-12-22  2  █████████████████████████████████████  limit of the mailboxes
Tue 2031-12-23  2  ██████████████████░░░░░░░░░░░░░░░░░░░  limit of the mailboxes
Wed 2031-12-24  ·  Wigilia Bożego Narodzenia
Thu 2031-12-25  ·  Pierwszy dzień Bożego Narodzenia
Fri 2031-12-26  ·  Drugi dzień Bożego Narodzenia
Sat–Sun         ·
Mon 2031-12-29  2  ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  no limit

leads.csv: 3 lines, 3 leads to mail, 0 rejected
`)
  expect(readdirSync(folder).toSorted()).toEqual(['leads.csv', 'spring.yaml'])
})

const day = (iso: string, firstMails: number, followUps: number): object => ({
  day: iso,
  first_mails: firstMails,
  follow_ups: followUps,
  mails: firstMails + followUps,
  binding: expect.any(String) as string,
})

test('--json prints the shape that programs rely on, every failing line and lead in it', async () => {
  writeFileSync(join(folder, 'leads.csv'), 'email,company\na@klient.example,A\nnobody,B\nc@klient.example,\n')
  const { code, stdout } = await goniec(['spring.yaml', '--leads', 'leads.csv', '--json'])
  expect(code).toBe(3)
  expect(JSON.parse(stdout)).toMatchObject({
    with_database: false,
    ok: false,
    forecast: {
      made_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string,
      campaigns: [
        {
          campaign: 'spring',
          mails: 4,
          days: [day('2031-12-22', 2, 0), day('2031-12-23', 0, 2)],
          first_mails_end: '2031-12-22',
          follow_ups_end: '2031-12-23',
          finish: { likely: '2031-12-23' },
          never: [],
        },
      ],
    },
    others: [],
    problems: [{ code: 'field_missing' }],
    leads: {
      file: 'leads.csv',
      rows: 3,
      valid: 2,
      rejected_count: 1,
      failing_count: 1,
      rejects_file: null,
      rejected: [{ line: 3, reason: '"nobody" is not an e-mail address: it has no @' }],
      template_failures: [
        { line: 4, lead: 'c@klient.example', step: 'intro', variant: 'A', missing: ['company'], problem: null },
      ],
    },
  })
})

test('what fails is shown and written down with its reason; it ends with 3 where a start would be refused', async () => {
  writeFileSync(join(folder, 'leads.csv'), 'email,company\na@klient.example,A\nnobody,B\nc@klient.example,\n')
  const { code, stdout, stderr } = await goniec(['spring.yaml', '--leads', 'leads.csv', '--rejects', 'mend.csv'])
  expect(code).toBe(3)
  expect(stdout).toContain('Problem: 1 of 2 leads do not have the field "company"\n  Try: fill it in')
  expect(stdout).toMatch(/^ {3}3 {2}– +"nobody" is not an e-mail address: it has no @$/m)
  expect(stdout).toMatch(/^ {3}4 {2}c@klient\.example {2}no company \(in intro A\)$/m)
  expect(stderr).toContain('The lines that fail stand in mend.csv, each with its reason.')
  expect(readFileSync(join(folder, 'mend.csv'), 'utf8').split('\r\n').slice(1, 3)).toEqual([
    '"""nobody"" is not an e-mail address: it has no @",nobody,B,,3',
    'no company (in intro A),c@klient.example,,,4',
  ])
})

test('rejected lines alone are no failure: an import would take the others', async () => {
  writeFileSync(join(folder, 'leads.csv'), 'email,company\na@klient.example,A\nnobody,B\n')
  expect(await goniec(['spring.yaml', '--leads', 'leads.csv'])).toMatchObject({ code: 0 })
})

test('the leads may come from a pipe, and the page goes to its file', async () => {
  const { code, stderr } = await goniec(
    ['spring.yaml', '--leads', '-', '--html', 'page.html'],
    undefined,
    'email;company\na@klient.example;A\n',
  )
  expect(code).toBe(0)
  expect(stderr).toContain('The page is in page.html')
  const page = readFileSync(join(folder, 'page.html'), 'utf8')
  expect(readWellFormed(page).length).toBeGreaterThan(50)
  expect(textOf(page)).toContain('stdin: 1 line, 1 lead to mail, 0 rejected')
})

test('a page that cannot be written is refused before the list is read', async () => {
  const missing = await goniec(['spring.yaml', '--leads', 'none.csv', '--html', 'no/page.html'])
  expect(missing).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^Error: there is no folder no .*\nTry: mkdir -p no,/) as string,
  })
  const foreign = await goniec(['spring.yaml', '--leads', 'leads.csv', '--html', 'leads.csv'])
  expect(foreign).toMatchObject({ code: 1, stderr: expect.stringContaining('is no page of goniec’s') as string })
})

test('with a database its campaigns and leads count', async () => {
  const database = await createTestDatabase()
  await database.query(`insert into goniec.suppression (value) values ('b@klient.example')`)
  const { code, stdout, stderr } = await goniec(['spring.yaml', '--leads', 'leads.csv'], database.url)
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: 'Nothing was written to any database. Next: goniec apply spring.yaml\n',
  })
  expect(stdout).toContain('leads.csv: 3 lines, 2 leads to mail, 1 rejected')
  expect(stdout).toContain('the address or its domain is suppressed')
  expect(await database.query('select count(*)::int as things from goniec.campaign')).toEqual([{ things: 0 }])
})

test('wrong usage is refused with a way out', async () => {
  expect(await goniec(['spring.yaml'])).toMatchObject({ code: 2, stderr: expect.stringContaining('--leads') as string })
  expect(await goniec(['-', '--leads', '-'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('standard input') as string,
  })
  const none = await goniec(['none.yaml', '--leads', 'leads.csv'])
  expect(none).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('there is no definition file none.yaml') as string,
  })
})
