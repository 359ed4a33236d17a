import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { World } from '../support/world.ts'
import { runGoniec } from './run-goniec.ts'

let database: TestDatabase
let world: World
let directory = ''
beforeAll(async () => {
  database = await createTestDatabase()
  world = new World(database.pool)
  await world.campaign({ name: 'spring' })
  await world.insert('campaign_mailbox', { campaign_id: 1, mailbox_id: await world.mailbox() }, 'mailbox_id')
  directory = mkdtempSync(join(tmpdir(), 'goniec-lead-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

const goniec = (args: string[], input = '') => runGoniec(args, { url: database.url, cwd: directory, input })

it('an import prints its counts by the contract, and nothing of its progress in a pipe', async () => {
  writeFileSync(join(directory, 'leads.csv'), 'email;imie\njan@klient.example;Jan\nola@klient.example;Ola\nnobody;X\n')
  const { code, stdout, stderr } = await goniec(['lead', 'import', 'leads.csv', '--campaign', 'spring', '--json'])
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toEqual({
    rows: 3,
    new: 2,
    known: 0,
    updated: 0,
    enrolled: 2,
    rejected: 1,
    rejects_file: 'leads.rejects.csv',
    dry_run: false,
  })
  expect(stderr).toMatch(
    /^1 line is rejected; the reasons stand in leads\.rejects\.csv\.\nspring: done on \d{4}-\d\d-\d\d\nNext: goniec campaign check spring\n$/,
  )
  expect(readFileSync(join(directory, 'leads.rejects.csv'), 'utf8')).toContain(';4\r\n')
})

it('a file with a header and nothing below it is told so', async () => {
  writeFileSync(join(directory, 'bare.csv'), 'email;imie\n')
  const { code, stderr } = await goniec(['lead', 'import', 'bare.csv', '--campaign', 'spring'])
  expect(code).toBe(0)
  expect(stderr).toMatch(/^The file has a header, and no lead on a line below it\.$/m)
})

it('with --strict a rejected line ends 1, and nothing came in', async () => {
  writeFileSync(join(directory, 'strict.csv'), 'email\newa@klient.example\nnobody\n')
  const { code, stderr } = await goniec(['lead', 'import', 'strict.csv', '--campaign', 'spring', '--strict'])
  expect(code).toBe(1)
  expect(stderr).toMatch(
    /^Error: nothing was imported: 1 line is rejected; the reasons stand in strict\.rejects\.csv\nTry: .*leave --strict out/,
  )
  expect(await world.value(`select count(*) from goniec.lead where email = 'ewa@klient.example'`)).toBe(0)
  expect(existsSync(join(directory, 'strict.rejects.csv'))).toBe(true)
  const tried = ['lead', 'import', 'strict.csv', '--campaign', 'spring', '--dry-run']
  expect(await goniec(tried)).toMatchObject({ code: 0 })
  expect(await goniec([...tried, '--strict'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('Dry run: nothing was imported.'),
  })
})

it('an import wants a campaign or a history, not both and not neither', async () => {
  expect(await goniec(['lead', 'import', 'leads.csv'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--campaign NAME'),
  })
  expect((await goniec(['lead', 'import', 'leads.csv', '--history', '--campaign', 'spring'])).code).toBe(2)
  expect(await goniec(['lead', 'import', 'leads.csv', '--campaign', 'spring', '--delimiter', ';;'])).toMatchObject({
    code: 2,
  })
})

it('a history comes from standard input', async () => {
  const input = 'email,campaign,step,sent_at\nhist@klient.example,spring,intro,2025-10-03 14:05\n'
  const { code, stdout } = await goniec(['lead', 'import', '-', '--history', '--json'], input)
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ rows: 1, new: 1, enrolled: 1 })
})

it('addresses come from standard input; an unknown one is named, the others are done, and it ends 1', async () => {
  const { code, stdout, stderr } = await goniec(
    ['lead', 'block', '--json'],
    'jan@klient.example\n\nunknown@klient.example\n',
  )
  expect(code).toBe(1)
  expect(JSON.parse(stdout)).toMatchObject([
    { address: 'jan@klient.example', changed: true, error: null },
    { address: 'unknown@klient.example', changed: false, error: 'there is no lead unknown@klient.example' },
  ])
  expect(stderr).toBe('Error: there is no lead unknown@klient.example\nBlocked 1 lead. Nothing more goes out.\n')
  expect((await goniec(['lead', 'unblock', 'jan@klient.example'])).stderr).toBe('Lifted from 1 lead.\n')
})

it('what ends mails for good is asked about, where there are any', async () => {
  expect(await goniec(['lead', 'replied', 'ola@klient.example'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('Cancel 1 open mail to ola@klient.example for good?'),
  })
  expect(await goniec(['lead', 'replied', 'ola@klient.example', '--dry-run'])).toMatchObject({ code: 0 })
  expect((await goniec(['lead', 'replied', 'ola@klient.example', '--yes'])).stderr).toBe(
    'Marked as replied: 1 lead. Cancelled 1 open mail. No more campaign mail goes out.\n',
  )
  expect(await goniec(['lead', 'unblock', 'ola@klient.example', '--replied'])).toMatchObject({ code: 2 })
  expect((await goniec(['lead', 'remove', 'ola@klient.example'])).code).toBe(2)
})

it('a lead is shown to people and to programs', async () => {
  const shown = await goniec(['lead', 'show', 'ola@klient.example'])
  expect(shown.stdout).toMatch(
    /^lead +ola@klient\.example\n[^]*replied[^]*campaign spring \(running\)\n {2}imie: Ola, email: ola@klient\.example\n[^]*cancelled/,
  )
  const { stdout } = await goniec(['lead', 'show', 'ola@klient.example', '--json'])
  expect(JSON.parse(stdout)).toMatchObject({
    email: 'ola@klient.example',
    messages: [{ status: 'cancelled', step: 'intro' }],
  })
  expect(await goniec(['lead', 'show', 'x@y.example'])).toMatchObject({
    code: 1,
    stderr: 'Error: there is no lead x@y.example\n',
  })
  expect((await goniec(['lead', 'show', 'ola@kilent.example'])).stderr).toBe(
    'Error: there is no lead ola@kilent.example; did you mean "ola@klient.example"?\n',
  )
})
