/** Applying while mails go out: nobody deadlocks, and what is on its way goes by the new settings or not at all. */
import type { Client } from 'pg'
import { beforeEach, expect, it } from 'vitest'
import { applyDefinition, previewApply } from '../../src/campaigns/apply/apply.ts'
import { parseDefinition } from '../../src/campaigns/definition/parse.ts'
import { importLeads } from '../../src/leads/import.ts'
import { Readable } from 'node:stream'
import { untilBlocked } from '../support/blocked.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { claim, fence, settle } from '../support/protocol.ts'
import { World } from '../support/world.ts'
import { Temporal } from '../../src/time.ts'

let database: TestDatabase
let world: World
beforeEach(async () => {
  database = await createTestDatabase()
  await database.query(`alter database ${database.name} set deadlock_timeout = '600ms'`)
  world = new World(database.pool, Temporal.Now.instant())
})

interface Variation {
  limit: number
  steps: string[]
  text: string
}

/** A team of four mailboxes with two campaigns that run the whole day, every day, without a delay. */
function team({ limit, steps, text }: Variation): string {
  const boxes = [1, 2, 3, 4].map((n) => `box${n}@firma.example`)
  // One mail in seven is refused: the brake would end it.
  return `
refusal_brake: off
salespeople: [{ email: anna@firma.example, name: Anna, daily_limit: ${limit * 10} }]
mailboxes:
${boxes.map((address) => `  - { address: ${address}, salesperson: anna@firma.example, daily_limit: ${limit}, min_gap: 0, smtp: { host: smtp.firma.example } }`).join('\n')}
campaigns:
${['one', 'two']
  .map(
    (name) => `  - name: ${name}
    salesperson: anna@firma.example
    mailboxes: [${boxes.join(', ')}]
    window: { from: "00:00", to: "24:00", days: [mon, tue, wed, thu, fri, sat, sun] }
    holidays: ~
    delay: 0
    contact_gap: 0d
    steps:
${steps.map((key, n) => `      - { key: ${key}, ${n > 0 ? 'wait: 1ms, ' : ''}variants: [{ letter: A, subject: S, text: "${text}" }] }`).join('\n')}`,
  )
  .join('\n')}
`
}

async function apply(variation: Variation): Promise<void> {
  const definition = parseDefinition([{ path: 'team.yaml', text: team(variation) }])
  const agreed = await previewApply(database, definition)
  await applyDefinition(database, definition, agreed)
}

const CALM: Variation = { limit: 5000, steps: ['intro', 'reminder', 'last'], text: 'x' }

/** Both campaigns running, as `campaign start` leaves them. */
async function startCalm(): Promise<void> {
  await apply(CALM)
  await database.query(`update goniec.campaign set status = 'running', started_at = goniec.now()`)
  await world.makeDayRows()
}

const addresses = (from: number, count: number) =>
  Array.from({ length: count }, (_, n) => `lead${from + n}@klient.example\n`).join('')

/** Gives every waiting mail a slot that is due, by the settings in force: what the plan does, without its calendar. */
const PLAN = `
  with mine as (
    select m.id, c.version as campaign_version, b.id as mailbox_id, b.version as mailbox_version
    from goniec.message m
    join goniec.campaign c on c.id = m.campaign_id
    join lateral (select b.* from goniec.mailbox b order by b.id offset m.id % 4 limit 1) b on true
    where m.status = 'pending'
      and (m.scheduled_at is null or m.planned_campaign_version <> c.version or m.planned_mailbox_version <> b.version)
    order by m.id limit 200 for no key update of m skip locked
  )
  update goniec.message m
  set scheduled_at = goniec.now(), window_closes_at = goniec.now() + interval '1 hour', mailbox_id = mine.mailbox_id,
      planned_campaign_version = mine.campaign_version, planned_mailbox_version = mine.mailbox_version
  from mine where m.id = mine.id`

const OUTCOMES = ['accepted', 'accepted', 'accepted', 'mailbox_fault', 'deferred', 'accepted', 'rejected'] as const

/** Of each worker, at least: how long sixty changes take is the machine's business. */
const PART = 40

/** Sends what it can get until it is told to stop, and has done its part; every fourth mailbox fault breaks its mailbox, in two mailboxes at once. */
async function send(session: Client, worker: number, until: { over: boolean }): Promise<number> {
  let accepted = 0
  for (let turn = 0; !until.over || accepted < PART; turn++) {
    await session.query(PLAN)
    const { attempts } = await claim(session, worker)
    if (attempts.length === 0) continue
    const verdicts = await fence(session, worker, attempts)
    const outcome = OUTCOMES[turn % OUTCOMES.length] ?? 'accepted'
    const reports = attempts.map((attempt, n) =>
      verdicts[n]?.verdict === 'passed'
        ? { attempt, outcome, code: 451, response: 'said the server', permanent: true }
        : { attempt, outcome: 'aborted' as const, give_back: true, reason: 'refused' },
    )
    // In the other order, so that two mailboxes that break are locked against the order of their ids.
    for (const { verdict } of await settle(session, worker, reports.toReversed())) expect(verdict).toBe('settled')
    if (outcome === 'accepted') accepted += verdicts.filter(({ verdict }) => verdict === 'passed').length
    await session.query(`update goniec.mailbox_gate set free_from = null where free_from is not null`)
    await session.query(
      `update goniec.mailbox b set status = 'active', status_reason = null
       from (select id from goniec.mailbox where status = 'broken' order by id for no key update skip locked) mine where b.id = mine.id`,
    )
  }
  return accepted
}

it('sixty changes of limits, texts and steps while three workers send and leads are imported: no deadlock, no error', async () => {
  await startCalm()
  for (const campaign of ['one', 'two']) {
    await importLeads(database, Readable.from([`email\n${addresses(0, 400)}`]), { campaign })
  }
  const until = { over: false }
  const workers = await Promise.all(
    [1, 2, 3].map(async () => [await database.session(), await world.worker()] as const),
  )
  const sending = Promise.all(workers.map(([session, worker]) => send(session, worker, until)))
  const applying = (async () => {
    for (let n = 0; n < 60; n++) {
      const steps =
        [
          ['intro', 'reminder', 'last'],
          ['intro', 'last'],
          ['intro', 'last', 'reminder'],
        ][n % 3] ?? []
      await apply({ limit: 5000 - n, steps, text: `x${n}` })
      if (n % 6 === 0) {
        await importLeads(database, Readable.from([`email\n${addresses(400 + n * 10, 50)}`]), { campaign: 'one' })
      }
    }
  })().finally(() => (until.over = true))
  const [accepted] = await Promise.all([sending, applying])
  expect(accepted.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(100)
  // Nobody had a step twice, and every counter is that of the ledger.
  expect(
    await database.query(
      `select m.campaign_id, m.lead_id, m.step_key
       from goniec.attempt a join goniec.message m on m.id = a.message_id
       where a.state = 'accepted' group by 1, 2, 3 having count(*) > 1`,
    ),
  ).toEqual([])
  expect(
    await world.value(
      `select count(*) from goniec.mailbox_day d where d.campaign_taken <>
         (select count(*) from goniec.attempt a where a.mailbox_id = d.mailbox_id and a.mailbox_day = d.day and a.holds_capacity)`,
    ),
  ).toBe(0)
}, 120_000)

it('a mail that was claimed before does not pass its fence by old settings', async () => {
  await startCalm()
  await importLeads(database, Readable.from([`email\n${addresses(0, 1)}`]), { campaign: 'one' })
  await database.query(PLAN)
  const worker = await world.worker()
  const { attempts } = await claim(database.pool, worker)
  expect(attempts).toHaveLength(1)
  await apply({ ...CALM, text: 'better' })
  expect(await fence(database.pool, worker, attempts)).toMatchObject([{ verdict: 'settings_changed' }])
})

it('while a settle holds a mailbox, apply waits without holding it up, and then goes on', async () => {
  await apply(CALM)
  const settling = await database.session()
  await settling.query('begin')
  await settling.query(
    `update goniec.mailbox set status = 'broken', status_reason = 'test' where address = 'box1@firma.example'`,
  )
  const applying = apply({ ...CALM, limit: 4000 })
  const [{ pid } = { pid: 0 }] = await waiting()
  await untilBlocked(database, pid)
  // What the settle might want next: a mailbox that apply had got before it was held up.
  await settling.query(`update goniec.mailbox set status_reason = 'test' where address = 'box4@firma.example'`)
  await settling.query('commit')
  await applying
  expect(await world.value('select max(daily_limit) from goniec.mailbox')).toBe(4000)
})

it('a step of a campaign that never ran is not removed while leads are imported into it', async () => {
  await apply(CALM)
  const importing = await database.session()
  await importing.query('begin')
  await importing.query('select goniec.import_leads(1, $1)', [
    JSON.stringify([{ line: 2, email: 'jan@klient.example', given: 'jan@klient.example', fields: {} }]),
  ])
  const definition = parseDefinition([{ path: 'team.yaml', text: team({ ...CALM, steps: ['reminder', 'last'] }) }])
  const applying = previewApply(database, definition).then((agreed) => applyDefinition(database, definition, agreed))
  const [{ pid } = { pid: 0 }] = await waiting()
  await untilBlocked(database, pid)
  await importing.query('commit')
  // It sees the mail now, and what was agreed to would be something else.
  await expect(applying).rejects.toThrow('somebody else has changed these settings meanwhile')
})

/** Sessions that wait for a lock, as soon as there is one. */
async function waiting(): Promise<{ pid: number }[]> {
  for (;;) {
    const rows = await database.query<{ pid: number }>(
      `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    )
    if (rows.length > 0) return rows
  }
}
