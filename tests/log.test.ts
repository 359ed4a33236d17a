import { expect, test } from 'vitest'
import { createLogger } from '../src/log.ts'

/** What a log of these lines says, parsed. */
function logged(write: (log: ReturnType<typeof createLogger>) => void): Record<string, unknown>[] {
  const lines: string[] = []
  write(createLogger({ level: 'info', fields: { worker: 'poczta' } }, { write: (line) => void lines.push(line) }))
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

test('a line has its level in words, its time in ISO 8601, and whose it is', () => {
  const [line] = logged((log) => log.info({ message_id: 7 }, 'accepted'))
  expect(line).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    worker: 'poczta',
    message_id: 7,
    msg: 'accepted',
  })
})

test('passwords and mails never stand in the log, however deep they come', () => {
  const lines = logged((log) => {
    log.info(
      { password: 'tajne', smtp: { auth: { user: 'anna', pass: 'tajne' } }, mail: { raw: 'tajne', html: 'tajne' } },
      'sending',
    )
    log.warn({ mailbox: { smtp: { password: 'tajne' } } }, 'login')
    log.error(
      {
        err: Object.assign(new Error('postgres://anna:tajne@db.firma.example/x refused'), {
          code: '28P01',
          connectionString: 'tajne',
        }),
      },
      'database',
    )
  })
  expect(JSON.stringify(lines)).not.toContain('tajne')
  expect(lines[2]).toMatchObject({ err: { code: '28P01', message: 'postgres://anna:***@db.firma.example/x refused' } })
})

test('an error is told with its cause', () => {
  const [line] = logged((log) => log.error({ err: new Error('outer', { cause: new Error('inner') }) }, 'failed'))
  expect(line).toMatchObject({ err: { message: 'outer', cause: { message: 'inner' } } })
})
