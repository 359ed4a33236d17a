import { beforeEach, describe, expect, it } from 'vitest'
import { actOnLeads } from '../../src/leads/lead-acts.ts'
import type { LeadAct } from '../../src/leads/marks.ts'
import { showLead } from '../../src/leads/show.ts'
import { untilBlocked } from '../support/blocked.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { claim, claimOne, fence, settle, stateOf } from '../support/protocol.ts'
import { NOON, World } from '../support/world.ts'

let database: TestDatabase
let world: World
let worker = 0
let campaign = 0
let lead = 0
beforeEach(async () => {
  database = await createTestDatabase()
  await setClock(database, NOON)
  world = new World(database.pool)
  worker = await world.worker()
  await world.mailbox()
  campaign = await world.campaign({ name: 'spring', steps: ['intro', 'reminder'] })
  lead = await world.lead({ email: 'jan@klient.example' })
})

const act = (act: LeadAct, ...addresses: string[]) =>
  actOnLeads(database, act, addresses.length > 0 ? addresses : ['jan@klient.example'])

const response = () => world.mail({ kind: 'response', lead })
const status = async (message: number) => (await stateOf(database.pool, message)).message

const CHANGED = { problem: null, changed: true, cancelled: 0, made: 0, already_passed: 0 }

describe('marks', () => {
  it('a block holds all mail to the lead, and loses none: unblocked, it goes', async () => {
    const mail = await world.mail({ campaign, lead })
    expect(await act({ kind: 'block' })).toEqual([{ address: 'jan@klient.example', ...CHANGED }])
    expect((await claim(database.pool, worker)).messages).toEqual([])
    expect(await act({ kind: 'block' })).toMatchObject([{ changed: false }])
    expect(await act({ kind: 'unblock', marks: ['blocked'] })).toMatchObject([{ changed: true }])
    expect((await claim(database.pool, worker)).messages).toEqual([mail.id])
  })

  it('a reply ends the open campaign mails; responses stay', async () => {
    const [mail, answer] = [await world.mail({ campaign, lead }), await response()]
    expect(await act({ kind: 'replied' })).toMatchObject([{ changed: true, cancelled: 1 }])
    expect([await status(mail.id), await status(answer.id)]).toEqual(['cancelled', 'pending'])
    expect((await claim(database.pool, worker)).messages).toEqual([answer.id])
  })

  it('an unsubscription ends all open mails, and suppresses the address', async () => {
    const [mail, answer] = [await world.mail({ campaign, lead }), await response()]
    expect(await act({ kind: 'unsubscribe' })).toMatchObject([{ changed: true, cancelled: 2 }])
    expect([await status(mail.id), await status(answer.id)]).toEqual(['cancelled', 'cancelled'])
    expect(await database.query('select value, reason from goniec.suppression')).toEqual([
      { value: 'jan@klient.example', reason: 'unsubscribed' },
    ])
    expect(await act({ kind: 'unblock', marks: ['unsubscribed'] })).toMatchObject([{ changed: true }])
    expect(await world.value('select count(*) from goniec.suppression')).toBe(0)
  })

  it('a removal ends the mails of one campaign, and of no other; who is not in it is named', async () => {
    const other = await world.campaign({ name: 'autumn' })
    const [mail, stays] = [await world.mail({ campaign, lead }), await world.mail({ campaign: other, lead })]
    await world.lead({ email: 'ola@klient.example' })
    expect(
      await act({ kind: 'remove', campaignId: campaign }, 'JAN@klient.example', 'ola@klient.example'),
    ).toMatchObject([
      { address: 'jan@klient.example', changed: true, cancelled: 1 },
      { problem: 'ola@klient.example is not in this campaign', changed: false },
    ])
    expect([await status(mail.id), await status(stays.id)]).toEqual(['cancelled', 'pending'])
  })

  it('a lead that goes on gets the step that was not made while it was blocked', async () => {
    const mail = await world.mail({ campaign, lead })
    const attempt = await claimOne(database.pool, worker, mail.id)
    await fence(database.pool, worker, attempt)
    await act({ kind: 'block' })
    await settle(database.pool, worker, { attempt, outcome: 'accepted' })
    await act({ kind: 'unblock', marks: ['blocked'] })
    expect((await showLead(database, 'jan@klient.example'))?.messages).toMatchObject([
      { step: 'intro', status: 'sent' },
      { step: 'reminder', status: 'pending' },
    ])
  })

  it('which counts from the last mail that it got, also where one before it is of a step that was removed since', async () => {
    await world.insert('step', { campaign_id: campaign, position: 3, key: 'removed', keyed: true, retired_at: NOON })
    for (const [minutes, step] of ['removed', 'intro'].entries()) {
      const mail = await world.mail({ campaign, lead, step })
      const attempt = await claimOne(database.pool, worker, mail.id)
      await setClock(database, NOON.add({ minutes }))
      await fence(database.pool, worker, attempt)
      await world.update('lead', lead, { blocked_at: NOON })
      await settle(database.pool, worker, { attempt, outcome: 'accepted' })
      if (step === 'removed') await world.update('lead', lead, { blocked_at: null })
    }
    expect(await act({ kind: 'unblock', marks: ['blocked'] })).toMatchObject([{ made: 1 }])
    expect(await world.value(`select follows_at from goniec.message where step_key = 'reminder'`)).toEqual(
      NOON.add({ minutes: 1 }),
    )
  })

  it('unknown addresses, and what is none, are named; the others are done, many at once', async () => {
    const emails = Array.from({ length: 450 }, (_, n) => `lead${n}@klient.example`)
    for (const email of emails.slice(0, 449)) await world.lead({ email })
    const results = await act({ kind: 'block' }, ...emails, 'nobody')
    expect(results.filter(({ changed }) => changed)).toHaveLength(449)
    expect(results.slice(-2)).toMatchObject([
      { problem: 'there is no lead lead449@klient.example' },
      { problem: '"nobody" is not an e-mail address: it has no @' },
    ])
  })

  it('every act is recorded with who did it, and a dry run does nothing', async () => {
    await actOnLeads(database, { kind: 'block' }, ['jan@klient.example'], { dryRun: true })
    expect(await world.value('select blocked_at from goniec.lead')).toBeNull()
    await act({ kind: 'block' })
    await act({ kind: 'unblock', marks: ['blocked'] })
    const events = await database.query<{ type: string; actor: string }>(
      'select type, actor from goniec.event where lead_id is not null',
    )
    expect(events.map(({ type }) => type)).toEqual(['lead_blocked', 'lead_unblocked'])
    expect(events[0]?.actor).toMatch(/.@./)
  })
})

describe('against mails under way', () => {
  it('a mail that had not passed its fence is stopped, and ends with the mark', async () => {
    const mail = await world.mail({ campaign, lead })
    const attempt = await claimOne(database.pool, worker, mail.id)
    expect(await act({ kind: 'replied' })).toMatchObject([{ changed: true, already_passed: 0 }])
    expect(await fence(database.pool, worker, attempt)).toMatchObject([{ verdict: 'lead_not_mailable' }])
    await settle(database.pool, worker, { attempt, outcome: 'aborted', give_back: true })
    expect(await status(mail.id)).toBe('cancelled')
  })

  it('a fence that is just being passed is waited for, and its mail counted', async () => {
    const mail = await world.mail({ campaign, lead })
    const attempt = await claimOne(database.pool, worker, mail.id)
    const fencing = await database.session()
    await fencing.query('begin')
    expect(await fence(fencing, worker, attempt)).toMatchObject([{ verdict: 'passed' }])
    const acting = act({ kind: 'unsubscribe' })
    await untilBlocked(database, await sessionAtBarrier())
    await fencing.query('commit')
    expect(await acting).toMatchObject([{ changed: true, already_passed: 1 }])
  })

  it('a lead that is let go on while its mail is just being settled gets the next step: the settle is waited for', async () => {
    const mail = await world.mail({ campaign, lead })
    const attempt = await claimOne(database.pool, worker, mail.id)
    await fence(database.pool, worker, attempt)
    await act({ kind: 'block' })
    const settling = await database.session()
    await settling.query('begin')
    await settle(settling, worker, { attempt, outcome: 'accepted' })
    const acting = act({ kind: 'unblock', marks: ['blocked'] })
    await untilBlocked(database, await sessionThatLocks('goniec.message m'))
    await settling.query('commit')
    expect(await acting).toMatchObject([{ changed: true, made: 1 }])
  })

  it('a settle that is just running is not waited for; the mail that comes back behind it is not sent either', async () => {
    const mail = await world.mail({ campaign, lead })
    const attempt = await claimOne(database.pool, worker, mail.id)
    await fence(database.pool, worker, attempt)
    const settling = await database.session()
    await settling.query('begin')
    await settle(settling, worker, { attempt, outcome: 'deferred' })
    expect(await act({ kind: 'replied' })).toMatchObject([{ changed: true, cancelled: 0 }])
    await settling.query('commit')
    expect((await claim(database.pool, worker)).messages).toEqual([])
  })
})

/** The session whose statement of these words waits for a lock. */
async function sessionThatLocks(words: string): Promise<number> {
  for (;;) {
    const [row] = await database.query<{ pid: number }>(
      `select pid from pg_stat_activity where datname = current_database() and position($1 in query) > 0 and wait_event_type = 'Lock'`,
      [words],
    )
    if (row) return row.pid
  }
}

/** The session that waits for the barrier. */
async function sessionAtBarrier(): Promise<number> {
  for (;;) {
    const [row] = await database.query<{ pid: number }>(
      `select pid from pg_stat_activity where datname = current_database() and query like '%pass_barrier%' and wait_event = 'advisory'`,
    )
    if (row) return row.pid
  }
}

it('a lead is shown with its marks, campaigns, fields and mails', async () => {
  await world.enrollment(campaign, lead, { fields: '{"imie": "Jan"}' })
  const mail = await world.mail({ campaign, lead })
  await database.query(`insert into goniec.suppression (value, reason) values ('klient.example', 'competitor')`)
  await act({ kind: 'block' })
  expect(await showLead(database, ' JAN@Klient.example')).toMatchObject({
    email: 'jan@klient.example',
    blocked_at: NOON,
    replied_at: null,
    suppressed: [{ value: 'klient.example', reason: 'competitor' }],
    enrollments: [{ campaign: 'spring', campaign_status: 'running', removed_at: null, fields: { imie: 'Jan' } }],
    messages: [{ id: mail.id, campaign: 'spring', step: 'intro', status: 'pending', sent_at: null }],
  })
  expect(await showLead(database, 'nobody@klient.example')).toBeNull()
})
