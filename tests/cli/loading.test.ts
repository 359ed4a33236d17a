/** What a command loads before it does anything: files that it does not need are a third of the time in which a person waits for its answer. */
import { execFile } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { createTestDatabase } from '../support/database.ts'

/** Tells at the end of the process which packages it has loaded. */
const TELL = `
  import { registerHooks } from 'node:module'
  const packages = new Set()
  registerHooks({
    load(url, context, next) {
      const [, name] = /node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url) ?? []
      if (name) packages.add(name)
      return next(url, context)
    },
  })
  process.on('exit', () => console.error('LOADED ' + [...packages].join(' ')))`

async function loadedBy(args: readonly string[]): Promise<string[]> {
  const database = await createTestDatabase()
  const told = join(mkdtempSync(join(tmpdir(), 'goniec-test-')), 'told.mjs')
  writeFileSync(told, TELL)
  const { stderr } = await promisify(execFile)(process.execPath, ['--import', told, 'bin/goniec.js', ...args], {
    env: { ...process.env, DATABASE_URL: database.url },
  })
  return /LOADED (.*)/.exec(stderr)?.[1]?.split(' ') ?? []
}

test.each(['status', 'queue list', 'campaign list', 'mailbox list', 'events', 'doubt list'])(
  '%s reads with plain SQL, and loads neither kysely nor the engine nor what makes mails',
  async (command) => {
    const loaded = await loadedBy(command.split(' '))
    expect(loaded).toContain('pg')
    expect(
      loaded.filter((name) => ['kysely', 'graphile-worker', 'nodemailer', 'liquidjs', 'date-holidays'].includes(name)),
    ).toEqual([])
  },
)

test('and what is loaded is seen: an audit takes kysely', async () => {
  expect(await loadedBy(['audit'])).toContain('kysely')
})
