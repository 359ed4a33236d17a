import { expect, test } from 'vitest'
import { createTestDatabase } from '../support/database.ts'

test('statements are not compiled: on tables that were not analysed yet that took longer than all of their work', async () => {
  const database = await createTestDatabase()
  const settings = await Promise.all(Array.from({ length: 3 }, () => database.query('show jit')))
  expect(settings).toEqual([[{ jit: 'off' }], [{ jit: 'off' }], [{ jit: 'off' }]])
})
