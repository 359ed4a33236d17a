import { Client } from 'pg'
import { expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { chooseDatabase, type DatabaseChoice } from '../../src/database/choice.ts'

function choose(env: Record<string, string>, flag?: string): DatabaseChoice {
  return chooseDatabase(readConfig(env), flag)
}

const URL_SET = { DATABASE_URL: 'postgres://anna:tajne@db.firma.example/goniec' }

test('a command that is told neither database stops, and names both', () => {
  expect(() => choose({})).toThrow(
    expect.objectContaining({
      code: 'database_unknown',
      exitCode: 2,
      hint: expect.stringMatching(/DATABASE_URL.*--embedded/),
    }),
  )
})

test('each way alone is enough', () => {
  expect(choose(URL_SET)).toEqual({ kind: 'url', url: URL_SET.DATABASE_URL })
  expect(choose({ GONIEC_EMBEDDED: '/srv/goniec' })).toEqual({ kind: 'embedded', directory: '/srv/goniec' })
  expect(choose({ GONIEC_EMBEDDED: '1', XDG_DATA_HOME: '/home/anna/data' })).toEqual({
    kind: 'embedded',
    directory: '/home/anna/data/goniec/postgres',
  })
  expect(choose({ GONIEC_EMBEDDED: '0', ...URL_SET })).toMatchObject({ kind: 'url' })
  expect(choose({}, '/srv/goniec')).toEqual({ kind: 'embedded', directory: '/srv/goniec' })
})

test('the flag goes before the environment, and two variables are an error', () => {
  expect(choose(URL_SET, '/srv/goniec')).toMatchObject({ kind: 'embedded' })
  expect(() => choose({ ...URL_SET, GONIEC_EMBEDDED: '1' })).toThrow(
    expect.objectContaining({ code: 'database_ambiguous', exitCode: 2 }),
  )
})

test('a socket’s directory is taken as libpq has it, with a user and without', () => {
  expect(choose({ DATABASE_URL: 'postgres:///goniec?host=/run/postgresql' })).toMatchObject({ kind: 'url' })
  for (const user of ['anna', 'anna:tajne']) {
    const { url } = choose({ DATABASE_URL: `postgres://${user}@/goniec?host=/run/postgresql` }) as { url: string }
    expect(new Client({ connectionString: url })).toMatchObject({
      host: '/run/postgresql',
      user: 'anna',
      database: 'goniec',
    })
  }
})

test('what is no Postgres URL is refused without being repeated: it may hold a password', () => {
  for (const url of ['mysql://root:tajne@localhost/x', 'tajne', 'postgres://a:ta@jne:x@[/']) {
    expect(() => choose({ DATABASE_URL: url })).toThrow(
      expect.objectContaining({ code: 'database_url', message: expect.not.stringMatching(/tajne|ta@jne/) }),
    )
  }
})
