/** The full screen on a real terminal. What is waited for is what stands in the window, or a row. */
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startOwnServer } from '../crash/own-server.ts'
import { createTestDatabase } from '../support/database.ts'
import { goniec } from '../support/goniec.ts'
import { hasTmux, openTerminal, type Terminal } from '../support/terminal.ts'
import { untilRow } from '../support/until-row.ts'
import { World } from '../support/world.ts'

const GONIEC = `${process.execPath} ${join(import.meta.dirname, '..', '..', 'bin', 'goniec.js')}`
const LONG_MS = 300_000

function watch(url: string, { width = 80, height = 24, env = {} } = {}): Terminal {
  const terminal = openTerminal(width, height, { DATABASE_URL: url, ...env })
  onTestFinished(terminal.close)
  terminal.type('clear; echo was here before', 'Enter')
  terminal.type(`${GONIEC} status --watch; echo "ended with $?"`, 'Enter')
  return terminal
}

/** It has ended with this code, and the terminal is as it was: what is typed is seen again. */
async function ended(terminal: Terminal, code: number): Promise<void> {
  await terminal.until(new RegExp(`was here before[^]*ended with ${code}`))
  expect(terminal.isRestored()).toBe(true)
  terminal.type('echo typed again', 'Enter')
  await terminal.until(/^\$ echo typed again\ntyped again$/m)
}

async function twoCampaigns(): Promise<string> {
  const database = await createTestDatabase()
  const world = new World(database.pool)
  await world.campaign({ name: '東京\u001b[31m-offer' })
  await world.campaign({ name: 'spring' })
  return database.url
}

describe.skipIf(!hasTmux)('on a terminal (needs tmux)', () => {
  test('a campaign is chosen, paused and resumed by keys, and its row says so', { timeout: LONG_MS }, async () => {
    const database = await createTestDatabase()
    const world = new World(database.pool)
    const other = await world.campaign({ name: 'other' })
    await world.campaign({ name: 'spring' })
    const terminal = watch(database.url)
    await terminal.until(/^▸ spring .*nothing open$/m)
    terminal.type('j')
    await terminal.until(/^▸ other /m)
    terminal.type('p')
    await terminal.until(/^Pause other\? y: yes, any other key: no$/m)
    terminal.type('n')
    await terminal.until(/^Nothing was changed\.$/m)
    terminal.type('p', 'y')
    await terminal.until(/^▸ other .*paused$[^]*^ {2}.* other +the campaign was paused, by /m)
    expect(terminal.lines().at(-1)).toBe('Paused other. No more mail of its steps goes out.')
    await untilRow(
      database,
      `select from goniec.event where type = 'campaign_paused' and campaign_id = $1 and actor like '%@%'`,
      [other],
    )
    terminal.type('r', 'y')
    await terminal.until(/^▸ other .*nothing open$/m)
    terminal.type('q')
    await ended(terminal, 0)
  })

  test(
    'what others change is seen, in a window of any size, and names of any kind are harmless',
    { timeout: LONG_MS },
    async () => {
      const url = await twoCampaigns()
      const terminal = watch(url, { width: 40, height: 12 })
      await terminal.until(/^ {2}東京 \[31m-of/m)
      expect(terminal.lines()).toHaveLength(12)
      terminal.resize(100, 30)
      await terminal.until(/^ {2}東京 \[31m-offer +░+ /m)
      await expect.poll(() => terminal.lines().at(-1)).toBe('↑↓ choose   p pause   r resume   ? help   q quit')
      expect(terminal.lines()).toHaveLength(30)
      expect((await goniec(['pause', '--all'], { env: { DATABASE_URL: url } })).code).toBe(0)
      await terminal.until(/^everything is paused since .*: goniec resume --all$/m)
      terminal.type('?')
      await terminal.until(/^p +pause it, r resume it; both ask first$/m)
      terminal.type('C-c')
      await ended(terminal, 0)
    },
  )

  test('Ctrl-Z gives the terminal back until fg; a signal ends it as q does', { timeout: LONG_MS }, async () => {
    const terminal = watch(await twoCampaigns(), { env: { NO_COLOR: '1' } })
    await terminal.until(/^▸ spring /m)
    terminal.type('C-z')
    await terminal.until(/was here before[^]*ended with 148/)
    expect(terminal.isRestored()).toBe(true)
    terminal.type('fg', 'Enter')
    await terminal.until(/^▸ spring [^]*q quit$/m)
    terminal.type('C-z')
    await terminal.until(/was here before[^]*ended with 148[^]*fg[^]*Stopped/)
    terminal.type('clear; echo was here before; kill %1; fg; echo "ended with $?"', 'Enter')
    await ended(terminal, 0)
  })

  test(
    'an outage of the database is told on the screen, and it goes on when that is back',
    { timeout: LONG_MS },
    async () => {
      const server = await startOwnServer()
      onTestFinished(() => server.remove())
      await new World(server.database.pool).campaign({ name: 'spring' })
      const terminal = watch(server.workerUrl)
      await terminal.until(/^▸ spring /m)
      await server.stop()
      await terminal.until(/as it was at[^]*^database away since \d\d:\d\d:\d\d: .*(lost|does not answer|starting)/m)
      terminal.type('p', 'y')
      await terminal.until(/^spring was not paused: /m)
      await server.start()
      await terminal.until(/^goniec {2}.*none is running$/m)
      await expect.poll(() => terminal.lines().join('\n')).not.toContain('away')
      terminal.type('q')
      await ended(terminal, 0)
    },
  )

  test('who may only read watches, and is told so when pausing', { timeout: LONG_MS }, async () => {
    const database = await createTestDatabase()
    await new World(database.pool).campaign({ name: 'spring' })
    const terminal = watch(database.urlAs('reporter'))
    await terminal.until(/^▸ spring /m)
    terminal.type('p', 'y')
    await terminal.until(/^spring was not paused: this user may not do this /m)
    expect(terminal.lines().join('\n')).toMatch(/^▸ spring .*nothing open$/m)
    terminal.type('q')
    await ended(terminal, 0)
  })

  test('an error that ends it is told where it can be read', { timeout: LONG_MS }, async () => {
    const database = await createTestDatabase()
    const terminal = watch(database.url)
    await terminal.until(/^Campaigns|q quit$/m)
    await database.query('drop schema goniec cascade')
    await terminal.until(/was here before[^]*Error: [^]*ended with 1/)
    expect(terminal.isRestored()).toBe(true)
  })
})

test('where there is no terminal it says so, and what to use instead', async () => {
  const { code, stderr } = await goniec(['status', '--watch'], {
    env: { DATABASE_URL: (await createTestDatabase()).url },
  })
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr:
      'Error: --watch draws on a terminal, and here is none\nTry: goniec status, once; goniec status --check for a monitor; or goniec events --follow\n',
  })
})
