/** What each view says about a small world that is known (see `views-world.ts`), reckoned by hand. */
import { expect, test } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { seeWorld } from './views-world.ts'

const database = await createTestDatabase()
const { world, ewa, ola, piotr, zofia, response } = await seeWorld(database)

/** These columns of a view's rows, in this order. */
async function read(view: string, columns: string, rest: string): Promise<unknown[][]> {
  const rows = await database.query(`select ${columns} from goniec_report.${view} ${rest}`)
  return rows.map((row) => Object.values(row))
}

test('campaigns: mails by state, history apart, and what comes next', async () => {
  const columns =
    'campaign, salesperson, status, leads, pending, planned, sending, sent, imported, failed, cancelled, in_doubt, done_percent::float8, first_sent_at, next_at'
  expect(await read('campaigns', columns, 'order by 1')).toEqual([
    ['kiwi', 'bartek@firma.example', 'running', 1, 0, 0, 0, 1, 0, 0, 0, 0, 100, world.now, null],
    [
      'spring',
      'anna@firma.example',
      'running',
      7,
      4,
      1,
      0,
      1,
      1,
      1,
      0,
      1,
      37.5,
      world.at(-11 * 86_400_000),
      world.at(86_400_000),
    ],
  ])
})

test('campaign_days: a day is one of the campaign’s zone; what went out, what is planned, what the limit leaves', async () => {
  const columns =
    'campaign, day, sent, first_mails, follow_ups, refused, put_off, in_doubt, planned, daily_limit, taken, room'
  expect(await read('campaign_days', columns, 'order by 1, 2')).toEqual([
    ['kiwi', '2026-12-02', 1, 1, 0, 0, 0, 0, 0, null, 1, null],
    ['spring', '2026-12-01', 1, 1, 0, 1, 1, 1, 0, 5, 4, 1],
    ['spring', '2026-12-02', 0, 0, 0, 0, 0, 0, 1, 5, 0, 5],
  ])
})

test('mailbox_days: a day is one of the installation’s zone; warm-up is minded, and what is planned takes room', async () => {
  const columns =
    'mailbox, day, warming, daily_limit, taken, campaign_limit, campaign_taken, planned, campaign_room, free'
  expect(await read('mailbox_days', columns, 'order by 1, 2')).toEqual([
    ['anna@firma.example', '2026-12-01', false, 6, 4, null, 4, 1, 2, 1],
    ['anna@firma.example', '2026-12-02', false, 6, 0, null, 0, 1, 6, 5],
    ['bartek@firma.example', '2026-12-01', true, 20, 1, 4, 1, 0, 3, 3],
    ['bartek@firma.example', '2026-12-02', true, 20, 0, 4, 0, 0, 4, 4],
  ])
})

test('salesperson_days: over all campaigns', async () => {
  expect(
    await read(
      'salesperson_days',
      'salesperson, name, daily_limit, taken, room, paused',
      `where day = '2026-12-01' order by 1`,
    ),
  ).toEqual([
    ['anna@firma.example', 'Anna Nowak', 10, 4, 6, false],
    ['bartek@firma.example', null, null, 1, null, false],
  ])
})

test('domain_days: only of domains with a limit', async () => {
  expect(await read('domain_days', 'domain', '')).toEqual([])
  await world.insert('domain_day', { domain: 'alfa.example', day: '2026-12-01', daily_limit: 5, taken: 2 }, 'domain')
  expect(await read('domain_days', 'domain, day, daily_limit, taken, room', '')).toEqual([
    ['alfa.example', '2026-12-01', 5, 2, 3],
  ])
})

test('queue: what has a time, and what is in doubt, in planned order', async () => {
  const columns = 'message_id, kind, status, campaign, salesperson, lead, mailbox, day, scheduled_at'
  expect(await read('queue', columns, 'order by scheduled_at')).toEqual([
    [
      ola.id,
      'campaign',
      'in_doubt',
      'spring',
      'anna@firma.example',
      'ola@alfa.example',
      'anna@firma.example',
      '2026-12-01',
      world.at(-40_000),
    ],
    [
      response.id,
      'response',
      'pending',
      null,
      'anna@firma.example',
      'jan@alfa.example',
      'anna@firma.example',
      '2026-12-01',
      world.at(3_600_000),
    ],
    [
      piotr.id,
      'campaign',
      'pending',
      'spring',
      'anna@firma.example',
      'piotr@gamma.example',
      'anna@firma.example',
      '2026-12-02',
      world.at(86_400_000),
    ],
  ])
})

test('sent: planned and actual times side by side; history has a time only', async () => {
  const columns =
    'lead, campaign, step, domain, subject, mailbox, day, first_planned_at, scheduled_at, sent_at, lateness_ms, displacement_ms, rfc_message_id, imported'
  expect(await read('sent', columns, 'order by sent_at, message_id')).toEqual([
    [
      'old@alfa.example',
      'spring',
      'reminder',
      'alfa.example',
      null,
      null,
      '2026-11-20',
      null,
      null,
      world.at(-11 * 86_400_000),
      null,
      null,
      '<old@elsewhere>',
      true,
    ],
    [
      'jan@alfa.example',
      'spring',
      'intro',
      'alfa.example',
      'Offer',
      'anna@firma.example',
      '2026-12-01',
      world.at(-86_460_000),
      world.at(-60_000),
      world.now,
      60_000,
      86_460_000,
      '<jan@firma.example>',
      false,
    ],
    [
      'kim@delta.example',
      'kiwi',
      'intro',
      'delta.example',
      'Kia ora',
      'bartek@firma.example',
      '2026-12-02',
      world.at(-60_000),
      world.at(-60_000),
      world.now,
      60_000,
      60_000,
      '<kim@firma.example>',
      false,
    ],
  ])
})

test('lateness: against the time it had, and against the first it ever had; history is not in it', async () => {
  const columns =
    'campaign, kind, day, mails, lateness_p50_ms, lateness_p99_ms, lateness_max_ms, moved, displacement_p50_ms, displacement_p99_ms, displacement_max_ms'
  expect(await read('lateness', columns, 'order by 1')).toEqual([
    ['kiwi', 'campaign', '2026-12-02', 1, 60_000, 60_000, 60_000, 0, 60_000, 60_000, 60_000],
    ['spring', 'campaign', '2026-12-01', 1, 60_000, 60_000, 60_000, 1, 86_460_000, 86_460_000, 86_460_000],
  ])
})

test('attempts: what servers said, and when', async () => {
  const columns = 'lead, server, mailbox, day, state, outcome, code, response, claimed_at, transmitting_at, finished_at'
  const [now, end] = [world.now, world.at(150)]
  expect(await read('attempts', columns, 'order by attempt_id')).toEqual([
    [
      'jan@alfa.example',
      'smtp.firma.example',
      'anna@firma.example',
      '2026-12-01',
      'accepted',
      'accepted',
      250,
      '250 queued',
      now,
      now,
      end,
    ],
    [
      'ewa@beta.example',
      'smtp.firma.example',
      'anna@firma.example',
      '2026-12-01',
      'rejected',
      'rejected',
      550,
      '550 5.7.1 go away',
      now,
      now,
      end,
    ],
    [
      'adam@alfa.example',
      'smtp.firma.example',
      'anna@firma.example',
      '2026-12-01',
      'deferred',
      'deferred',
      451,
      '451 later',
      now,
      now,
      end,
    ],
    [
      'ola@alfa.example',
      'smtp.firma.example',
      'anna@firma.example',
      '2026-12-01',
      'in_doubt',
      'unknown',
      null,
      null,
      now,
      now,
      end,
    ],
    [
      'kim@delta.example',
      'smtp.else.example',
      'bartek@firma.example',
      '2026-12-02',
      'accepted',
      'accepted',
      250,
      '250 ok',
      now,
      now,
      end,
    ],
  ])
})

test('outcomes: by our server and their domain', async () => {
  const columns =
    'server, domain, attempts, accepted, refused, put_off, mailbox_faults, in_doubt, refused_percent::float8, last_refused_at, last_refusal'
  expect(await read('outcomes', columns, 'order by 1, 2')).toEqual([
    ['smtp.else.example', 'delta.example', 1, 1, 0, 0, 0, 0, 0, null, null],
    ['smtp.firma.example', 'alfa.example', 3, 1, 0, 1, 0, 1, 0, null, null],
    ['smtp.firma.example', 'beta.example', 1, 0, 1, 0, 0, 0, 100, world.at(150), '550 5.7.1 go away'],
  ])
})

test('doubts: all that is needed to find out', async () => {
  expect(
    await read('doubts', 'message_id, campaign, lead, mailbox, subject, transmitting_at, resolvable_at', ''),
  ).toEqual([[ola.id, 'spring', 'ola@alfa.example', 'anna@firma.example', 'Offer', world.now, world.at(900_000)]])
})

test('leads: how far each has come', async () => {
  expect(
    await read('leads', 'lead, state, mails_sent, last_step, next_step, next_at', 'order by campaign, lead'),
  ).toEqual([
    ['kim@delta.example', 'finished', 1, 'intro', null, null],
    ['adam@alfa.example', 'not_mailed', 0, null, 'intro', null],
    ['ewa@beta.example', 'not_reached', 0, null, null, null],
    ['jan@alfa.example', 'replied', 1, 'intro', 'reminder', null],
    ['ola@alfa.example', 'in_doubt', 0, null, null, null],
    ['old@alfa.example', 'finished', 1, 'reminder', null, null],
    ['piotr@gamma.example', 'not_mailed', 0, null, 'intro', world.at(86_400_000)],
    ['zofia@gamma.example', 'not_mailed', 0, null, 'intro', null],
  ])
})

test('lead_history: what happened, in order, with the server’s words', async () => {
  const columns = 'event, campaign, step, message_id, mailbox, reason, response'
  expect(await read('lead_history', columns, `where lead = 'ewa@beta.example' order by event_id`)).toEqual([
    ['claimed', 'spring', 'intro', ewa.id, 'anna@firma.example', null, null],
    ['fenced', 'spring', 'intro', ewa.id, 'anna@firma.example', null, null],
    ['settled', 'spring', 'intro', ewa.id, 'anna@firma.example', 'rejected', '550 5.7.1 go away'],
    ['failed', 'spring', 'intro', ewa.id, 'anna@firma.example', '550 5.7.1 go away', null],
  ])
})

test('variants: a reply belongs to the last mail before it', async () => {
  const columns =
    'campaign, step, variant, subject, sent, failed, in_doubt, open, replied, failed_percent::float8, replied_percent::float8'
  const expected = [
    ['kiwi', 'intro', 'A', 'Subject', 1, 0, 0, 0, 0, 0, 0],
    ['spring', 'intro', 'A', 'Subject', 1, 0, 1, 3, 1, 0, 100],
    ['spring', 'intro', 'B', null, 0, 1, 0, 0, 0, 100, null],
    ['spring', 'reminder', 'A', 'Subject', 0, 0, 0, 1, 0, null, null],
  ]
  expect(await read('variants', columns, 'order by 1, 2, 3')).toEqual(expected)
})

test('waiting: one reason for each mail, the one of goniec queue list, and when it ends', async () => {
  expect(await read('waiting', 'message_id, reason, opened_by, next_at, mailbox', 'order by message_id')).toEqual([
    [3, 'retry', 'plan', null, null],
    [5, 'lead_replied', 'person', null, 'anna@firma.example'],
    [piotr.id, 'planned', 'time', world.at(86_400_000), 'anna@firma.example'],
    [zofia.id, 'not_due', 'plan', null, null],
    [response.id, 'planned', 'time', world.at(3_600_000), 'anna@firma.example'],
  ])
})

test('metrics: each name once for each label, and what was seen', async () => {
  const rows = await database.query<{ metric: string; labels: Record<string, string>; value: number | null }>(
    'select * from goniec_report.metrics',
  )
  const values = Object.fromEntries(
    rows.map(({ metric, labels, value }) => [[metric, ...Object.values(labels)].join(' '), value]),
  )
  expect(Object.keys(values)).toHaveLength(rows.length)
  expect(values).toMatchObject({
    mails_pending: 5,
    mails_due: 0,
    mails_late: 0,
    oldest_due_age: null,
    mails_under_way: 0,
    mails_in_doubt: 1,
    mails_sent_today: 2,
    mails_refused_today: 1,
    attempts_put_off_today: 1,
    'lateness 0.5': 60_000,
    'displacement 1': 86_460_000,
    'claim_latency 0.99': 60_000,
    'smtp_latency_before_content 1': 0,
    'smtp_latency_of_answer 0.5': 150,
    'capacity_left_today anna@firma.example': 2,
    'mailbox_up bartek@firma.example': 1,
    'mailboxes active': 2,
    'campaigns running': 2,
    workers: 0,
    paused: 0,
  })
})
