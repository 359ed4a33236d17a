/** Least privilege: what the roles of worker and reporter can do, and what they cannot. */
import type { Client } from 'pg'
import { beforeAll, describe, expect, test } from 'vitest'
import { setClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { claim, fence, recover, settle } from '../support/protocol.ts'
import { NOON, World } from '../support/world.ts'

let database: TestDatabase
let world: World
let worker: Client
let reporter: Client

beforeAll(async () => {
  database = await createTestDatabase()
  await setClock(database, NOON)
  world = new World(database.pool)
  worker = await database.session('worker')
  reporter = await database.session('reporter')
  await world.mail()
})

/** The error's message, or what was done; nothing of it stays. */
async function attempted(session: Client, text: string): Promise<string> {
  await session.query('begin')
  try {
    const { command } = await session.query(text)
    return command
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    await session.query('rollback')
  }
}

const denied = /permission denied|must be owner|must be able to|not allowed/

describe('a worker', () => {
  test('has a mail through claim, fence and settle, and what comes after', async () => {
    const id = await new World(worker).worker()
    await world.campaign({ steps: ['intro', 'reminder'] })
    const mails = [
      await world.mail({ mailbox: await world.mailbox() }),
      await world.mail({ mailbox: await world.mailbox() }),
    ]
    const { of } = await claim(worker, id)
    const attempts = mails.map((mail) => of.get(mail.id) ?? 0)
    expect(await fence(worker, id, attempts, [{ attempt_id: attempts[0], subject: 'x' }])).toMatchObject([
      { verdict: 'passed' },
      { verdict: 'passed' },
    ])
    const reports = [
      { attempt: attempts[0] ?? 0, outcome: 'accepted' },
      { attempt: attempts[1] ?? 0, outcome: 'rejected', code: 550, lead_bounced: true },
    ] as const
    expect(await settle(worker, id, reports)).toMatchObject([{ status: 'sent' }, { status: 'failed' }])
  })

  test('recovers, makes day rows, completes campaigns, takes and gives back slots, resolves a doubt', async () => {
    const id = await new World(worker).worker()
    const mail = await world.mail({ mailbox: await world.mailbox(), campaign: await world.campaign() })
    const { attempts } = await claim(worker, id)
    await fence(worker, id, attempts)
    await setClock(database, NOON.add({ minutes: 15 }))
    expect((await recover(worker, null)).map(({ message_id: message }) => message)).toContain(mail.id)
    await worker.query('select goniec.make_day_rows()')
    await worker.query(`select goniec.resolve_doubt($1, 'sent')`, [mail.id])
    await worker.query('select goniec.complete_campaigns()')
    const { rows } = await worker.query(
      `select goniec.take_slot(address, 'warmup') as slot from goniec.mailbox where status = 'active' limit 1`,
    )
    await worker.query('select goniec.release_slot($1, false)', [rows[0]?.['slot']])
    await worker.query(
      `select goniec.record_external_send(address, 'warmup', goniec.now()) from goniec.mailbox limit 1`,
    )
    await worker.query('select goniec.pass_barrier()')
    await setClock(database, NOON)
    expect(await world.row('message', mail.id)).toMatchObject({ status: 'sent' })
  })

  const forbidden = [
    'delete from goniec.message',
    'delete from goniec.attempt',
    'delete from goniec.event',
    'delete from goniec.mailbox_day',
    'delete from goniec.suppression',
    'truncate goniec.message cascade',
    'update goniec.event set at = now()',
    'update goniec.contradiction set at = now()',
    'update goniec.salesperson set daily_limit = 1000',
    'update goniec.mailbox set daily_limit = 1000',
    `update goniec.mailbox set smtp_host = 'evil.example'`,
    'update goniec.campaign set daily_limit = 1000',
    'update goniec.campaign set delay_ms = 0',
    `update goniec.lead set email = 'other@klient.example'`,
    'update goniec.lead set unsubscribed_at = null',
    'update goniec.enrollment set removed_at = null',
    'update goniec.installation set paused_at = null',
    `update goniec.variant set text = 'spam'`,
    `insert into goniec.lead (email) values ('new@klient.example')`,
    `insert into goniec.transition values ('message', 'sent', 'pending', 'again')`,
    'alter table goniec.message disable trigger all',
    'drop trigger guard_message_update on goniec.message',
    'drop index goniec.one_live_attempt_per_mailbox',
    'create table goniec.mine (id int)',
    'set session_replication_role = replica',
  ]
  test.each(forbidden)('cannot %s', async (text) => {
    expect(await attempted(worker, text)).toMatch(denied)
  })
})

describe('a reporter', () => {
  test('reads every table', async () => {
    const tables = await database.query<{ name: string }>(
      `select format('%I.%I', table_schema, table_name) as name from information_schema.tables where table_schema = 'goniec'`,
    )
    for (const { name } of tables) expect(await attempted(reporter, `select * from ${name}`)).toBe('SELECT')
  })

  test('writes none', async () => {
    const tables = await database.query<{ name: string; column: string }>(
      `select format('goniec.%I', relname) as name, quote_ident(attname) as column
       from pg_class join pg_attribute on attrelid = pg_class.oid and attnum = 1
       where relnamespace = 'goniec'::regnamespace and relkind = 'r'`,
    )
    expect(tables.length).toBeGreaterThan(20)
    for (const { name, column } of tables) {
      for (const text of [
        `insert into ${name} default values`,
        `update ${name} set ${column} = default`,
        `delete from ${name}`,
        `truncate ${name} cascade`,
      ])
        expect(`${text}: ${await attempted(reporter, text)}`).toMatch(denied)
    }
  })

  const functions = [
    `select goniec.claim(max(id), 1, '1 min', '1 min') from goniec.incarnation`,
    `select goniec.fence(incarnation_id, array[id], '1 min') from goniec.attempt`,
    `select goniec.settle(incarnation_id, jsonb_build_array(jsonb_build_object('attempt_id', id))) from goniec.attempt`,
    'select goniec.recover(null)',
    'select goniec.make_day_rows()',
    'select goniec.complete_campaigns()',
    `select goniec.resolve_doubt(1, 'sent')`,
    `select goniec.take_slot(address, 'warmup') from goniec.mailbox`,
    'select goniec.release_slot(1)',
    `select goniec.record_external_send(address, 'warmup', now()) from goniec.mailbox`,
    `select goniec.enqueue_response('reporter@klient.example', 'k', 't', 's', null, address) from goniec.mailbox`,
  ]
  test.each(functions)('cannot %s', async (text) => {
    await world.campaign()
    await database.query(`insert into goniec.lead (email) values ('reporter@klient.example') on conflict do nothing`)
    await world.mail({ mailbox: await world.mailbox(), campaign: await world.campaign() })
    await world.worker()
    expect(await attempted(reporter, text)).toMatch(denied)
  })
})

test('somebody without a role sees nothing of goniec', async () => {
  const nobody = `nobody_${database.name}`
  await database.query(`create role ${nobody}`)
  const session = await database.session()
  await session.query(`set role ${nobody}`)
  expect(await attempted(session, 'select * from goniec.lead')).toMatch(/permission denied for schema goniec/)
  expect(await attempted(session, 'select goniec.now()')).toMatch(/permission denied for schema goniec/)
  await database.query(`drop role ${nobody}`)
})
