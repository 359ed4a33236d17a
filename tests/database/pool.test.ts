import { setImmediate as turn } from 'node:timers/promises'
import { Client } from 'pg'
import { expect, onTestFinished, test } from 'vitest'
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
] as const)('%s looks at the certificate: %s, and nothing warns of it', async ([query, looks]) => {
  const warnings: string[] = []
  const note = ({ message }: Error): unknown => warnings.push(message)
  process.on('warning', note)
  onTestFinished(() => void process.off('warning', note))
  const { ssl }: { ssl: unknown } = new Client(clientConfig(`postgres://me@db.example/goniec${query}`))
  await turn()
  const isLax =
    typeof ssl === 'object' && ssl !== null && 'rejectUnauthorized' in ssl && ssl.rejectUnauthorized === false
  expect({ looks: ssl !== false && !isLax, warnings }).toEqual({ looks, warnings: [] })
})
