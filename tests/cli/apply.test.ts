import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startGoniec } from '../support/goniec.ts'
import { runGoniec } from './run-goniec.ts'

let database: TestDatabase
let directory = ''
beforeAll(async () => {
  database = await createTestDatabase()
  directory = mkdtempSync(join(tmpdir(), 'goniec-apply-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

const TEAM = `
salespeople: [{ email: anna@firma.example, name: Anna }]
mailboxes: [{ address: anna@firma.example, salesperson: anna@firma.example, smtp: { host: smtp.firma.example } }]
campaigns:
  - name: spring
    salesperson: anna@firma.example
    mailboxes: [anna@firma.example]
    delay: 90s
    steps: [{ key: intro, variants: [{ letter: A, subject: Hello, text: Good day. }] }]
`

const goniec = (...args: string[]) => runGoniec(args, { url: database.url, cwd: directory })
const write = (text: string) => writeFileSync(join(directory, 'team.yaml'), text)

it('an invalid file ends 1 with every mistake; a missing one too; without a file it is wrong usage', async () => {
  write(TEAM.replace('delay', 'dealy').replace('smtp.firma.example', '1 2'))
  const { code, stderr } = await goniec('apply', 'team.yaml')
  expect(code).toBe(1)
  expect(stderr).toMatch(
    /Error: The definition has 2 mistakes; nothing was changed\.\n {2}team\.yaml:3[^]*did you mean "delay"\?[^]*Try: /,
  )
  expect((await goniec('apply', 'nothing.yaml')).stderr).toMatch(
    /^Error: there is no definition file nothing\.yaml\nTry: /,
  )
  expect((await goniec('apply')).code).toBe(2)
})

it('what it makes is said, done without a question, and says what to run next; again there is nothing to change', async () => {
  write(TEAM)
  expect(await goniec('apply', 'team.yaml', '--dry-run')).toMatchObject({
    code: 0,
    stderr: 'Dry run: nothing was changed.\n',
  })
  expect(await goniec('apply', 'team.yaml')).toEqual({
    code: 0,
    stdout: 'salesperson anna@firma.example: created\nmailbox anna@firma.example: created\ncampaign spring: created\n',
    stderr: 'Applied. Next: goniec lead import CSV --campaign spring\n',
  })
  expect((await goniec('apply', 'team.yaml')).stderr).toBe('Nothing to change.\n')
})

it('what runs is changed with a yes only, and the fields are told with old and new value', async () => {
  await database.query(`update goniec.campaign set status = 'running', started_at = goniec.now()`)
  write(TEAM.replace('90s', '5m').replace('Good day.', 'Good evening.'))
  const refused = await goniec('apply', 'team.yaml')
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('Try: add --yes, or --dry-run') })
  expect(refused.stdout).toContain(
    'campaign spring: changed\n  delay: 1m30s → 5m\n  steps.intro.variant A.text: Good day. → Good evening.\n',
  )
  const { code, stdout, stderr } = await goniec('apply', 'team.yaml', '--yes', '--json')
  // A text that no lead can be mailed is found by the check only, and the campaign runs already.
  expect([code, stderr]).toEqual([0, 'Applied. Next: goniec campaign check spring\n'])
  expect(JSON.parse(stdout)).toMatchObject({
    applied: true,
    dry_run: false,
    cancelled: 0,
    changes: [
      { kind: 'salesperson', change: 'unchanged' },
      { kind: 'mailbox', change: 'unchanged' },
      {
        kind: 'campaign',
        name: 'spring',
        change: 'changed',
        mails: 0,
        fields: [{ field: 'delay', from: '1m30s', to: '5m' }, {}],
      },
    ],
  })
  expect(
    await database.query(
      "select type, data ->> 'name' as name from goniec.event where campaign_id is not null order by id desc limit 1",
    ),
  ).toEqual([{ type: 'applied', name: 'spring' }])
})

it('a step that is added has texts too, and a campaign that is made beside hides nothing of one that changes', async () => {
  const winter = TEAM.replaceAll('spring', 'winter')
  write(winter)
  await goniec('apply', 'team.yaml')
  const steps = '{ key: last, wait: 3d, variants: [{ letter: A, text: "{{ nope }}" }] }'
  const longer = winter.replace('Good day. }] }]', `Good day. }] }, ${steps}]`)
  write(longer)
  expect((await goniec('apply', 'team.yaml')).stderr).toBe('Applied. Next: goniec campaign check winter\n')
  write(winter)
  expect((await goniec('apply', 'team.yaml')).stderr).toBe('Applied.\n')
  write(longer + winter.slice(winter.indexOf('  - name: winter')).replaceAll('winter', 'summer'))
  expect((await goniec('apply', 'team.yaml')).stderr).toBe(
    'Applied. Next: goniec lead import CSV --campaign summer Next: goniec campaign check winter\n',
  )
})

it('a definition can come from standard input', async () => {
  const { code, stderr } = await runGoniec(['apply', '-', '--yes'], { url: database.url, input: TEAM })
  expect([code, stderr]).toEqual([0, 'Applied. Next: goniec campaign check spring\n'])
})

it('what it says is not read to its end (head): it is done nevertheless', async () => {
  write(TEAM.replaceAll('spring', 'unread'))
  const { child, ended } = startGoniec(['apply', 'team.yaml'], { env: { DATABASE_URL: database.url }, cwd: directory })
  child.stdout?.destroy()
  expect(await ended).toMatchObject({ code: 0, stderr: expect.stringMatching(/^Applied\./) })
  expect(await database.query(`select status from goniec.campaign where name = 'unread'`)).toEqual([
    { status: 'draft' },
  ])
})
