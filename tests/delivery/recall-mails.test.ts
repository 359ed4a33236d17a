/** What a worker's logbook tells a database that has forgotten it. */
import { expect, test } from 'vitest'
import { worldForEachTest } from '../support/rolled-back.ts'
import { NOON } from '../support/world.ts'

const here = worldForEachTest()

/** Tells of one mail, as a logbook does; returns how many were forgotten. */
async function recall(message: number, outcome: 'accepted' | 'unknown'): Promise<number> {
  const { rows } = await here.session.query<{ recalled: number }>(
    `select goniec.recall_mails(goniec.notice_restoration('forgotten', 'a test'), 'one', jsonb_build_array(jsonb_build_object(
       'attempt_id', 4711, 'passed_at', $2::timestamptz, 'outcome', $3::text, 'response', '250 OK', 'kind', 'campaign', 'recipient', m.recipient,
       'campaign', c.name, 'step_key', m.step_key, 'mailbox', 'nobody@any.example', 'rfc_message_id', '<a@b.example>'))) as recalled
     from goniec.message m join goniec.campaign c on c.id = m.campaign_id where m.id = $1`,
    [message, NOON, outcome],
  )
  await here.settled()
  return rows[0]?.recalled ?? 0
}

test('a mail that was on the wire when it was told of is in doubt, until the server’s yes is told', async () => {
  const mail = await here.world.mail()
  expect(await recall(mail.id, 'unknown')).toBe(1)
  expect(await here.world.row('message', mail.id)).toMatchObject({ status: 'in_doubt' })
  expect(await recall(mail.id, 'accepted')).toBe(0)
  expect(await here.world.row('message', mail.id)).toMatchObject({ status: 'sent', sent_at: NOON })
  expect(await recall(mail.id, 'unknown')).toBe(0)
  const { rows } = await here.session.query('select outcome, became from goniec.recalled_mail')
  expect(rows).toEqual([{ outcome: 'accepted', became: 'sent' }])
})

const STEPS = ['intro', 'second', 'third', 'fourth']

/** Tells of these steps of a campaign to a lead, the first nine days ago, two days between them; returns the number of the restoration. */
async function tellOf(campaign: number, recipient: string, steps: readonly string[]): Promise<number> {
  const { rows } = await here.session.query<{ restoration: number; recalled: number }>(
    `select r.id as restoration, goniec.recall_mails(r.id, 'one', (
       select jsonb_agg(jsonb_build_object(
         'attempt_id', 4711 + t.index, 'passed_at', t.at, 'outcome', 'accepted', 'response', '250 OK', 'kind', 'campaign', 'recipient', $1::text,
         'campaign', c.name, 'step_key', t.step, 'mailbox', 'nobody@any.example', 'rfc_message_id', '<' || t.step || '@b.example>'))
       from goniec.campaign c cross join unnest($3::text[], $4::timestamptz[]) with ordinality as t (step, at, index)
       where c.id = $2)) as recalled
     from goniec.notice_restoration('forgotten', 'a test') as r (id)`,
    [recipient, campaign, steps, steps.map((_, index) => NOON.subtract({ hours: 24 * (9 - 2 * index) }))],
  )
  expect(rows).toMatchObject([{ recalled: steps.length }])
  return rows[0]?.restoration ?? 0
}

async function mailsByStep(): Promise<unknown> {
  const { rows } = await here.session.query('select step_key, status from goniec.message order by id')
  return rows.map(({ step_key: step, status }) => `${step} ${status}`)
}

test('follow-ups that it has told of are found at once, however many; what comes behind them may have gone out as well', async () => {
  const campaign = await here.world.campaign({ steps: STEPS })
  const lead = await here.world.lead({ email: 'jan@klient.example' })
  await here.world.mail({ campaign, lead })
  const restoration = await tellOf(campaign, 'jan@klient.example', ['intro', 'second', 'third'])
  expect(await mailsByStep()).toEqual(['intro sent', 'second sent', 'third sent', 'fourth pending'])
  await here.session.query('select goniec.doubt_due($1)', [restoration])
  expect(await mailsByStep()).toEqual(['intro sent', 'second sent', 'third sent', 'fourth in_doubt'])
})

test('so may what comes behind mails of a lead who was imported again a moment before another worker is given up', async () => {
  const campaign = await here.world.campaign({ steps: STEPS })
  const restoration = await tellOf(campaign, 'jan@klient.example', ['intro', 'second'])
  const lead = await here.world.lead({ email: 'jan@klient.example' })
  await here.world.mail({ campaign, lead })
  await here.session.query('select goniec.doubt_due($1)', [restoration])
  expect(await mailsByStep()).toEqual(['intro sent', 'second sent', 'third in_doubt'])
})
