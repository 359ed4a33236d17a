import { beforeAll, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { World } from '../support/world.ts'
import { runGoniec } from './run-goniec.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  await new World(database.pool).mail({ lead: await new World(database.pool).lead({ email: 'jan@firma.example' }) })
})

const goniec = (args: string[], input = '') => runGoniec(['suppress', ...args], { url: database.url, input })

it('values come as arguments or from standard input; it says what is held; what is no value is named and ends 1', async () => {
  expect(await goniec(['add', 'firma.example', '--reason', 'competitor'])).toEqual({
    code: 0,
    stdout: '',
    stderr: 'Suppressed 1. 1 open mail is held by it.\n',
  })
  const { code, stdout, stderr } = await goniec(['add', '-', '--json'], 'firma.example\nx@y.example\nnonsense\n')
  expect(code).toBe(1)
  expect(JSON.parse(stdout)).toMatchObject({ added: ['x@y.example'], known: 1, held: 1, already_passed: 0 })
  expect(stderr).toContain('Error: nonsense: ')
})

it('the list is for people and programs', async () => {
  expect((await goniec(['list'])).stdout).toMatch(/^suppressed +why +since +by\nfirma\.example +competitor/)
  expect(JSON.parse((await goniec(['list', 'x@', '--json'])).stdout)).toMatchObject([
    { value: 'x@y.example', reason: null },
  ])
})

it('lifting asks; an unknown value is answered with the nearest', async () => {
  expect((await goniec(['remove', 'firma.example'])).code).toBe(2)
  expect(await goniec(['remove', 'firma.example', '--yes'])).toMatchObject({ code: 0 })
  expect(await goniec(['remove', 'x@z.example', '--yes'])).toMatchObject({
    code: 1,
    stderr: 'Error: x@z.example is not suppressed; did you mean "x@y.example"?\n',
  })
})
