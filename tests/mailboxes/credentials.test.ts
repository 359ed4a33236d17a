import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { messageOf } from '../../src/errors.ts'
import { resolveCredential } from '../../src/mailboxes/credentials.ts'

const directory = mkdtempSync(join(tmpdir(), 'goniec-credentials-'))
afterAll(() => rmSync(directory, { recursive: true }))

function file(name: string, content: string | Buffer, mode = 0o600): string {
  const path = join(directory, name)
  writeFileSync(path, content)
  chmodSync(path, mode)
  return path
}

test('a variable of the environment is a password as it stands', async () => {
  expect(await resolveCredential('env:ANNA', { ANNA: ' zażółć gęślą ' })).toBe(' zażółć gęślą ')
})

test('the line break at the end of a file is no part of the password', async () => {
  expect(await resolveCredential(`file:${file('unix', 'pass word \n')}`, {})).toBe('pass word ')
  expect(await resolveCredential(`file:${file('windows', 'hasło\r\n')}`, {})).toBe('hasło')
  expect(await resolveCredential(`file:${file('bare', 'hasło')}`, {})).toBe('hasło')
})

test('a credential is read from the directory that systemd names', async () => {
  file('anna-smtp', 'from systemd\n', 0o440)
  expect(await resolveCredential('credential:anna-smtp', { CREDENTIALS_DIRECTORY: directory })).toBe('from systemd')
})

test('a file that everybody may read is used, with a warning that names it', async () => {
  const warnings: string[] = []
  const onWarning = (text: string): void => void warnings.push(text)
  await resolveCredential(`file:${file('closed', 'secret')}`, {}, { onWarning })
  expect(warnings).toEqual([])
  const path = file('open', 'secret', 0o644)
  await resolveCredential(`file:${path}`, {}, { onWarning })
  expect(warnings).toEqual([`every user of this machine may read the password file:${path}; chmod 600 ${path}`])
})

const pipe = join(directory, 'pipe')
execFileSync('mkfifo', [pipe])

test.each([
  ['env:NOBODY', {}, 'credential_missing', 'the variable NOBODY is not set'],
  ['env:EMPTY', { EMPTY: '' }, 'credential_unusable', 'it is empty'],
  [`file:${join(directory, 'nowhere')}`, {}, 'credential_missing', 'there is no file'],
  [`file:${directory}`, {}, 'credential_unusable', 'is not a file'],
  [`file:${pipe}`, {}, 'credential_unusable', 'is not a file'],
  [`file:${file('long', 'x'.repeat(20_000))}`, {}, 'credential_unusable', 'is longer than 16384 bytes'],
  [`file:${file('lines', 'SECRET=1\nOTHER=2\n')}`, {}, 'credential_unusable', 'more than one line'],
  [`file:${file('latin', Buffer.from([0x70, 0xb9]))}`, {}, 'credential_unusable', 'is not text in UTF-8'],
  ['credential:anna', {}, 'credential_missing', 'CREDENTIALS_DIRECTORY is not set'],
  ['credential:../anna', { CREDENTIALS_DIRECTORY: directory }, 'credential_reference', 'a name has no slash'],
  ['credential:nowhere', { CREDENTIALS_DIRECTORY: directory }, 'credential_missing', 'there is no file'],
])('%s with %o is %s', async (reference, environment, code, text) => {
  const error: unknown = await resolveCredential(reference, environment).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code, exitCode: 1 })
  expect(messageOf(error)).toContain(text)
  expect(messageOf(error)).toContain(reference)
})

test('what is no reference is not repeated, since it could be the password', async () => {
  const error: unknown = await resolveCredential('hunter2', {}).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'credential_reference' })
  expect(JSON.stringify(error) + messageOf(error)).not.toContain('hunter2')
})
