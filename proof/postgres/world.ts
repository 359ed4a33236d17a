/** The world of block C: some mailboxes, two campaigns whose second step follows at once, and leads that come in while it runs. */
import { makeFleet } from '../../tests/crash/fleet.ts'
import type { Database } from '../../src/database/pool.ts'
import { hurryMails } from '../hurry.ts'
import { whileAway } from './patience.ts'

type Asked = Pick<Database, 'query'>

const MAILBOXES = 3
const CAMPAIGNS = 2

/** Mails that a lead gets. */
const STEPS = 2

/** Makes it, with nobody in it yet. Pages are nearly empty, so that writing anything at all wants room on the disk. */
export async function makeWorld(database: Asked, smtpPort: number): Promise<void> {
  await makeFleet(database, { mailboxes: MAILBOXES, campaigns: CAMPAIGNS, leads: 0, smtpPort })
  for (const table of ['attempt', 'event', 'message', 'message_content', 'incarnation'])
    await database.query(`alter table goniec.${table} set (fillfactor = 10)`)
}

/** Leads of one run come in as soon as the server takes writes, once however often that is tried, and the workers are told. */
export async function enroll(database: Asked, run: string, leads: number): Promise<void> {
  await whileAway(() => bringIn(database, run, leads))
  await database.query(`select pg_notify('goniec', 'plan')`)
}

async function bringIn(database: Asked, run: string, leads: number): Promise<void> {
  await database.query(
    `with
     leads as (
       insert into goniec.lead (email) select $1 || '-' || n || '@people.example' from generate_series(1, $2::int) n
       on conflict do nothing
       returning id, email
     ),
     enrollments as (
       insert into goniec.enrollment (campaign_id, lead_id, fields) select 1 + id % ${CAMPAIGNS}, id, jsonb_build_object('n', id::text) from leads
       returning id, campaign_id, lead_id
     )
     insert into goniec.message (kind, campaign_id, enrollment_id, lead_id, recipient, step_id, step_key, variant)
     select 'campaign', e.campaign_id, e.id, l.id, l.email, s.id, s.key, 'A'
     from enrollments e join leads l on l.id = e.lead_id join goniec.step s on s.campaign_id = e.campaign_id and s.position = 1`,
    [run, leads],
  )
}

/** What is still open, in words; empty when every mail of every lead has ended. */
export async function openMails(database: Asked): Promise<string[]> {
  const rows = await database.query<{ what: string }>(
    `select l.email || case when m.id is null then ' lacks mails' else ': ' || m.step_key || ' is ' || m.status || coalesce(', ' || m.held_reason, '') end as what
     from goniec.lead l
     left join goniec.message m on m.lead_id = l.id and m.status in ('pending', 'sending')
     where m.id is not null or ${STEPS} > (select count(*) from goniec.message x where x.lead_id = l.id)
     order by 1`,
  )
  return rows.map(({ what }) => what)
}

/** A person who does not wait: what is put off, by however long, may go at once, and what has no slot is asked for. */
export async function putNothingOff(database: Asked): Promise<void> {
  await hurryMails(database)
  await database.query(
    `select pg_notify('goniec', 'plan') where exists (select from goniec.message where status = 'pending' and scheduled_at is null)`,
  )
}

/** Has the engine run a job, and resolves when it has: an engine that is dead never does. */
export async function untilEngineRuns(database: Asked, pause: () => Promise<void>): Promise<void> {
  await database.query(`select graphile_worker.add_job('recover', '{}', job_key => 'proof')`)
  while ((await database.query(`select from graphile_worker.jobs where key = 'proof'`)).length > 0) await pause()
}
