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
