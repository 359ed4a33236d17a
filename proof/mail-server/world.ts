/** The world of runs that share a worker: for each a mailbox with its own server, and two mails from it. */
import type { Database } from '../../src/database/pool.ts'
import type { Course } from './course.ts'

/** What a run sends, and to whom it logs in. */
export interface Sending extends Pick<Course, 'kind' | 'stage' | 'security' | 'bytes' | 'waitMs'> {
  login: boolean
}

/** What names everything of a run: its mailbox, its campaign, its recipients, its keys. */
export function nameOf(index: number): string {
  return `run-${index + 1}`
}

/** The index of the run that a sentence is about. */
export function runNamedIn(sentence: string): number | undefined {
  const number = /\brun-(\d+)\b/.exec(sentence)?.[1]
  return number === undefined ? undefined : Number(number) - 1
}

/** Makes it. The campaigns run from now on. */
export async function makeWorld(
  database: Pick<Database, 'query'>,
  runs: readonly { course: Sending; port: number }[],
): Promise<void> {
  await database.query(`insert into goniec.salesperson (email) values ('anna@team.example')`)
  const rows = runs.map(({ course, port }, index) => ({
    name: nameOf(index),
    port,
    kind: course.kind,
    security: course.security,
    login: course.login,
    wait_ms: course.waitMs,
    text: textOf(course),
  }))
  for (const statement of STATEMENTS) await database.query(statement, [JSON.stringify(rows)])
  for (const [index, { course }] of runs.entries()) {
    if (course.kind === 'response') await enqueueResponses(database, index, course)
  }
  await database.query(`update goniec.campaign set status = 'running', started_at = goniec.now()`)
}

/** Asks for the run's responses, as a program does that cannot know whether it has asked before. */
export async function enqueueResponses(
  database: Pick<Database, 'query'>,
  index: number,
  course: Sending,
): Promise<void> {
  const name = nameOf(index)
  for (const which of ['first', 'second']) {
    const isLong = course.stage === 'body' && which === 'first'
    await database.query(
      `select goniec.enqueue_response("to" => $1, key => $2, subject => $3, text => $4, "from" => $5, attachments => $6)`,
      [
        `${which}@${name}.example`,
        `${name}/${which}`,
        `${which} of ${name}`,
        isLong ? 'See attachment.' : textOf(course),
        `${name}@team.example`,
        isLong ? JSON.stringify([attachment(course.bytes)]) : '[]',
      ],
    )
  }
}

function textOf({ bytes, stage }: Sending): string {
  const line = 'All work and no play makes Jack a dull boy, and then there is the weather.\n'
  return stage === 'body' ? 'Short.' : `Hello,\n${line.repeat(Math.floor(bytes / line.length))}.\n..\nBye`
}

function attachment(bytes: number): { filename: string; contentType: string; content: string } {
  const content = Buffer.alloc(Math.floor(bytes / 1.37), 'abc').toString('base64')
  return { filename: 'long.bin', contentType: 'application/octet-stream', content }
}

const RUNS = `with run as (
  select * from jsonb_to_recordset($1::jsonb) as r (name text, port integer, kind text, security text, login boolean, wait_ms bigint, text text))`

/** Days of them are ample, delays and gaps none, so that only the fault decides. */
const STATEMENTS = [
  `${RUNS}
   insert into goniec.mailbox (address, salesperson_id, daily_limit, min_gap_ms, smtp_host, smtp_port, smtp_security, smtp_user, smtp_password_ref)
   select run.name || '@team.example', 1, 1000, 0, '127.0.0.1', run.port, run.security,
          case when run.login then 'user' end, case when run.login then 'env:SMTP_PASSWORD' end
   from run`,
  `${RUNS}
   insert into goniec.mailbox_gate (mailbox_id)
   select b.id from goniec.mailbox b join run on b.address = run.name || '@team.example'`,
  `${RUNS}
   insert into goniec.campaign (name, salesperson_id, delay_ms, window_from, window_to, window_days, holidays, contact_gap_days)
   select run.name, 1, 0, '00:00', '24:00', '{mon,tue,wed,thu,fri,sat,sun}', null, 0 from run where run.kind = 'campaign'`,
  `${RUNS}
   insert into goniec.campaign_gate (campaign_id)
   select c.id from goniec.campaign c join run on c.name = run.name`,
  `${RUNS}
   insert into goniec.campaign_mailbox (campaign_id, mailbox_id)
   select c.id, b.id
   from run
   join goniec.campaign c on c.name = run.name
   join goniec.mailbox b on b.address = run.name || '@team.example'`,
  `${RUNS}
   insert into goniec.step (campaign_id, position, key, keyed, wait_ms)
   select c.id, s.position, s.key, true, case when s.position = 2 then run.wait_ms end
   from run
   join goniec.campaign c on c.name = run.name
   cross join (values (1, 'first'), (2, 'second')) s (position, key)`,
  `${RUNS}
   insert into goniec.variant (step_id, letter, subject, text)
   select s.id, 'A', s.key || ' of ' || run.name, run.text
   from run
   join goniec.campaign c on c.name = run.name
   join goniec.step s on s.campaign_id = c.id`,
  `${RUNS}
   insert into goniec.lead (email)
   select which || '@' || run.name || '.example'
   from run
   cross join unnest(case run.kind when 'campaign' then array['both'] else array['first', 'second'] end) which`,
  `${RUNS}
   insert into goniec.enrollment (campaign_id, lead_id)
   select c.id, l.id
   from run
   join goniec.campaign c on c.name = run.name
   join goniec.lead l on l.email = 'both@' || run.name || '.example'`,
  `${RUNS}
   insert into goniec.message (kind, campaign_id, enrollment_id, lead_id, recipient, step_id, step_key, variant)
   select 'campaign', c.id, e.id, l.id, l.email, s.id, s.key, 'A'
   from run
   join goniec.campaign c on c.name = run.name
   join goniec.enrollment e on e.campaign_id = c.id
   join goniec.lead l on l.id = e.lead_id
   join goniec.step s on s.campaign_id = c.id and s.position = 1`,
]
