/** The views on a larger installation (see bench/million.ts): they agree with each other, and what is asked for by name is found by index. */
import { expect, test } from 'vitest'
import { fillLarge } from '../../bench/million.ts'
import { createTestDatabase } from '../support/database.ts'

const database = await createTestDatabase()
const session = await database.session()
await fillLarge(session, { campaigns: 60, pending: 150, ended: 100 })

/** What each of these statements counts. */
async function count(...statements: string[]): Promise<number[]> {
  const [row] = await database.query<{ counts: number[] }>(
    `select array[${statements.map((statement) => `(${statement})`).join(', ')}]::bigint[] as counts`,
  )
  return row?.counts ?? []
}

test('the same mails are counted, wherever they are', async () => {
  const sent = 60 * 95 - 1
  expect(
    await count(
      'select sum(sent) from goniec_report.campaigns',
      'select sum(sent) from goniec_report.campaign_days',
      'select count(*) from goniec_report.sent',
      'select sum(mails) from goniec_report.lateness',
      'select sum(sent) from goniec_report.variants',
      `select count(*) from goniec_report.attempts where state = 'accepted'`,
      'select sum(accepted) from goniec_report.outcomes',
      'select sum(mails_sent) from goniec_report.leads',
      'select count(*) from goniec_report.duplicates',
    ),
  ).toEqual([sent, sent, sent, sent, sent, sent, sent, sent, 0])
  const planned = 60 * 49
  expect(
    await count(
      'select sum(planned) from goniec_report.campaigns',
      'select sum(planned) from goniec_report.campaign_days',
      'select sum(planned) from goniec_report.mailbox_days',
      `select count(*) from goniec_report.queue where status = 'pending'`,
      'select count(*) from goniec_report.waiting where scheduled_at is not null',
    ),
  ).toEqual([planned, planned, planned, planned, planned])
})

test('lateness and displacement are those of the mails of the campaign and day, by their share', async () => {
  const rows = await database.query<{
    day: string
    mails: number
    p50: number
    p99: number
    max: number
    displaced: number
  }>(
    `select day, mails, lateness_p50_ms as p50, lateness_p99_ms as p99, lateness_max_ms as max, displacement_max_ms as displaced
     from goniec_report.lateness where campaign = 'campaign-3'`,
  )
  const mails = await database.query<{ day: string; late: number; displaced: number }>(
    `select (m.sent_at at time zone 'Europe/Warsaw')::date as day, extract(epoch from m.sent_at - m.scheduled_at)::float8 * 1000 as late,
            extract(epoch from m.sent_at - m.first_planned_at)::float8 * 1000 as displaced
     from goniec.message m join goniec.campaign c on c.id = m.campaign_id where c.name = 'campaign-3' and m.status = 'sent'`,
  )
  const expected = [...Map.groupBy(mails, ({ day }) => day)].map(([day, sent]) => {
    const late = sent.map((mail) => Math.round(mail.late)).sort((one, other) => one - other)
    const share = (part: number): number => late[Math.ceil(part * late.length) - 1] ?? Number.NaN
    const displaced = Math.max(...sent.map((mail) => Math.round(mail.displaced)))
    return { day, mails: sent.length, p50: share(0.5), p99: share(0.99), max: share(1), displaced }
  })
  expect(rows.toSorted(byDay)).toEqual(expected.toSorted(byDay))
})

function byDay(one: { day: string }, other: { day: string }): number {
  return one.day.localeCompare(other.day)
}

const LEAD = '(select email from goniec.lead where id = 17)'
const ASKED: readonly [string, number][] = [
  [`campaigns where campaign = 'campaign-7'`, 600],
  [`campaign_days where campaign = 'campaign-7'`, 1200],
  [`campaign_days where day = current_date - 7`, 2000],
  [`mailbox_days where mailbox = 'box-7@firma.example'`, 800],
  [`queue where campaign = 'campaign-7'`, 400],
  [`queue order by scheduled_at, message_id limit 20`, 500],
  [`sent where campaign = 'campaign-7'`, 1000],
  [`sent where mailbox = 'box-7@firma.example'`, 1200],
  [`sent where lead = ${LEAD}`, 100],
  [`sent where day = current_date - 7`, 1500],
  [`lateness where campaign = 'campaign-7'`, 1000],
  [`lateness where day = current_date - 7`, 1500],
  [`attempts where day = current_date - 7`, 1500],
  [`attempts where lead = ${LEAD}`, 100],
  [`leads where campaign = 'campaign-7'`, 1500],
  [`leads where lead = ${LEAD}`, 100],
  [`lead_history where lead = ${LEAD}`, 200],
  [`variants where campaign = 'campaign-7'`, 1500],
  [`doubts`, 200],
]

test.each(ASKED)('%s reads at most %i rows of the big tables', async (asked, most) => {
  // Small tables are read as a whole, however they are asked; what is asked here is whether an index could lead there.
  await session.query(
    'set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off; set enable_bitmapscan = on',
  )
  const { rows } = await session.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
    `explain (analyze, format json) select * from goniec_report.${asked}`,
  )
  const plan = rows[0]?.['QUERY PLAN'][0].Plan
  expect(plan === undefined ? Number.NaN : rowsOfBigTables(plan)).toBeLessThanOrEqual(most)
})

interface Plan {
  'Relation Name'?: string
  'Actual Rows': number
  'Actual Loops': number
  'Rows Removed by Filter'?: number
  Plans?: Plan[]
}

function rowsOfBigTables(plan: Plan): number {
  const isBig = ['message', 'attempt', 'event', 'enrollment', 'lead'].includes(plan['Relation Name'] ?? '')
  const own = isBig ? (plan['Actual Rows'] + (plan['Rows Removed by Filter'] ?? 0)) * plan['Actual Loops'] : 0
  return (plan.Plans ?? []).reduce((sum, part) => sum + rowsOfBigTables(part), own)
}
