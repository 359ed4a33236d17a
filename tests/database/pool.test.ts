import { Client } from 'pg'
import { expect, onTestFinished, test, vi } from 'vitest'
import { clientConfig } from '../../src/database/pool.ts'
import { createTestDatabase } from '../support/database.ts'

test('statements are not compiled: on tables that were not analysed yet that took longer than all of their work', async () => {
  const database = await createTestDatabase()
  const settings = await Promise.all(Array.from({ length: 3 }, () => database.query('show jit')))
  expect(settings).toEqual([[{ jit: 'off' }], [{ jit: 'off' }], [{ jit: 'off' }]])
})

test.for([
  ['?sslmode=require', true],
  ['?application_name=x&sslmode=verify-ca', true],
  ['?sslmode=verify-full', true],
  ['?sslmode=no-verify', false],
  ['?uselibpqcompat=true&sslmode=require', false],
] as const)('%s looks at the certificate: %s, and nothing warns of it', ([query, looks]) => {
  const warn = vi.spyOn(process, 'emitWarning').mockReturnValue(undefined)
  onTestFinished(() => warn.mockRestore())
  const { ssl }: { ssl: unknown } = new Client(clientConfig(`postgres://me@db.example/goniec${query}`))
  const isLax =
    typeof ssl === 'object' && ssl !== null && 'rejectUnauthorized' in ssl && ssl.rejectUnauthorized === false
  expect(ssl !== false && !isLax).toBe(looks)
  expect(warn).not.toHaveBeenCalled()
})
