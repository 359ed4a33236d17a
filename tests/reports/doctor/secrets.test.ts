/** Files with passwords that everybody on the machine may read. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { Checked } from '../../../src/reports/doctor/checked.ts'
import { checkSecrets } from '../../../src/reports/doctor/secrets.ts'
import { createTestDatabase } from '../../support/database.ts'
import { World } from '../../support/world.ts'

const directory = mkdtempSync(join(tmpdir(), 'goniec-secrets-'))
afterAll(() => rmSync(directory, { recursive: true }))

/** The files of these modes, each of another mailbox; null: it is not there. */
async function checked(modes: Record<string, number | null>, columns = passwordAt): Promise<Checked[]> {
  const database = await createTestDatabase()
  const world = new World(database.pool)
  for (const [name, mode] of Object.entries(modes)) {
    const path = join(directory, name)
    rmSync(path, { force: true })
    if (mode !== null) {
      writeFileSync(path, 'secret')
      chmodSync(path, mode)
    }
    await world.mailbox({ address: `${name}@firma.example`, smtp_user: name, ...columns(path) })
  }
  return checkSecrets(database)
}

const passwordAt = (path: string): Record<string, unknown> => ({ smtp_password_ref: `file:${path}` })
const tokenAt = (path: string): Record<string, unknown> => ({
  smtp_oauth2: {
    tokenUrl: 'https://t.example',
    clientId: 'x',
    clientSecret: 'env:X',
    refreshToken: `file:${path}`,
    scope: null,
  },
})
const at = (name: string): string => join(directory, name)

test('a password file that everybody may read is a warning that names it, its mailbox and what to do', async () => {
  expect(await checked({ anna: 0o644, piotr: 0o600 })).toEqual([
    {
      name: 'secret files',
      verdict: 'warning',
      text: `every user of this machine may read ${at('anna')}, which has a secret of anna@firma.example`,
      try: `chmod 600 ${at('anna')}; then change the password`,
    },
  ])
})

test('so is the file of a refresh token or of a client’s secret', async () => {
  expect(await checked({ anna: 0o604 }, tokenAt)).toMatchObject([{ verdict: 'warning' }])
})

test('files that are closed to others are well, those that are not here were not tried', async () => {
  expect(await checked({ anna: 0o640, piotr: null })).toMatchObject([
    { verdict: 'ok', text: '1 of 2, closed to others' },
    { verdict: 'not_tried', text: `not to be seen from here: ${at('piotr')}` },
  ])
})

test('without such files nothing is said', async () => {
  expect(await checked({ anna: 0o644 }, () => ({ smtp_password_ref: 'env:ANNA' }))).toEqual([])
})
