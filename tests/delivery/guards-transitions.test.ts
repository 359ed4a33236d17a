/** Every change of state, typed by hand: the ones of DESIGN's table can happen, all others are refused and say why. */
import { describe, expect, test } from 'vitest'
import { worldForEachTest } from '../support/rolled-back.ts'
import type { Mail } from '../support/world.ts'

const here = worldForEachTest()

const MESSAGE_STATES = ['pending', 'sending', 'sent', 'failed', 'cancelled', 'in_doubt'] as const
const ATTEMPT_STATES = [
  'claimed',
  'transmitting',
  'accepted',
  'deferred',
  'rejected',
  'in_doubt',
  'aborted',
  'presumed_unsent',
] as const
type MessageState = (typeof MESSAGE_STATES)[number]
type AttemptState = (typeof ATTEMPT_STATES)[number]

/** DESIGN's table; and "what would go back to pending becomes cancelled" where campaign or lead is out. */
const MESSAGE_TABLE: Record<MessageState, MessageState[]> = {
  pending: ['sending', 'cancelled', 'failed'],
  sending: ['sent', 'pending', 'failed', 'in_doubt', 'cancelled'],
  in_doubt: ['sent', 'pending', 'failed', 'cancelled'],
  failed: ['pending'],
  sent: [],
  cancelled: [],
}
const ATTEMPT_TABLE: Record<AttemptState, AttemptState[]> = {
  claimed: ['transmitting', 'aborted', 'deferred', 'rejected'],
  transmitting: ['accepted', 'deferred', 'rejected', 'in_doubt', 'aborted'],
  in_doubt: ['accepted', 'deferred', 'rejected', 'presumed_unsent'],
  accepted: [],
  deferred: [],
  rejected: [],
  aborted: [],
  presumed_unsent: [],
}

/** Which attempt stands beside a message in this state, and which message beside such an attempt. */
const ATTEMPT_BESIDE: Record<MessageState, AttemptState> = {
  pending: 'aborted',
  sending: 'claimed',
  sent: 'accepted',
  failed: 'rejected',
  cancelled: 'aborted',
  in_doubt: 'in_doubt',
}
const MESSAGE_BESIDE: Record<AttemptState, MessageState> = {
  claimed: 'sending',
  transmitting: 'sending',
  accepted: 'sent',
  deferred: 'pending',
  rejected: 'failed',
  in_doubt: 'in_doubt',
  aborted: 'pending',
  presumed_unsent: 'pending',
}

/** A mail as it would stand, with both states set. */
async function mailIn(message: MessageState, attempt: AttemptState): Promise<Mail & { attempt: number }> {
  const mail = await here.world.mail()
  let id = 0
  await here.asHistory(async () => {
    await here.session.query('update goniec.message set status = $2, sent_at = now() where id = $1', [mail.id, message])
    id = await insertAttempt(mail, { state: attempt, incarnation_id: here.worker })
  })
  return { ...mail, attempt: id }
}

async function insertAttempt(mail: Mail, columns: Record<string, unknown> = {}): Promise<number> {
  return here.world.insert('attempt', {
    message_id: mail.id,
    mailbox_id: mail.mailbox,
    kind: 'campaign',
    campaign_id: mail.campaign,
    lead_id: mail.lead,
    salesperson_id: 1,
    lease_until: here.world.now,
    deadline_at: here.world.now,
    mailbox_day: '2026-12-01',
    claimed_at: here.world.now,
    ...columns,
  })
}

const setMessage = (id: number, status: string): Promise<unknown> =>
  here.session.query('update goniec.message set status = $2, sent_at = coalesce(sent_at, now()) where id = $1', [
    id,
    status,
  ])
const setAttempt = (id: number, state: string): Promise<unknown> =>
  here.session.query('update goniec.attempt set state = $2, ended_by = $3 where id = $1', [id, state, 'anna'])
const asOwnWorker = (): Promise<unknown> => here.session.query(`set local goniec.incarnation = ${here.worker}`)
const asRole = (role: string): Promise<unknown> =>
  here.session.query(role === 'owner' ? 'reset role' : `set local role ${role}`)

/** Brings an attempt from one state to another on allowed ways, so that it fits the message. */
async function leadAttempt(mail: Mail & { attempt: number }, from: MessageState, to: MessageState): Promise<void> {
  if (to === 'sending') await insertAttempt(mail)
  const ways: Partial<Record<MessageState, AttemptState[]>> =
    from === 'sending'
      ? {
          sent: ['transmitting', 'accepted'],
          in_doubt: ['transmitting', 'in_doubt'],
          pending: ['aborted'],
          failed: ['rejected'],
          cancelled: ['aborted'],
        }
      : { sent: ['accepted'], pending: ['deferred'], failed: ['rejected'], cancelled: ['deferred'] }
  if (from === 'sending' || from === 'in_doubt')
    for (const state of ways[to] ?? []) await setAttempt(mail.attempt, state)
}

function pairs<State extends string>(
  states: readonly State[],
  table: Record<State, State[]>,
  wanted: boolean,
): [State, State][] {
  return states.flatMap((from) =>
    states.flatMap((to): [State, State][] => (from !== to && table[from].includes(to) === wanted ? [[from, to]] : [])),
  )
}

describe.each(['owner', 'goniec_worker'])('typed in by %s', (role) => {
  test.each(pairs(MESSAGE_STATES, MESSAGE_TABLE, true).filter(([from]) => role === 'owner' || from !== 'failed'))(
    'a message that is %s can become %s, with its attempt',
    async (from, to) => {
      const mail = await mailIn(from, ATTEMPT_BESIDE[from])
      await asRole(role)
      await setMessage(mail.id, to)
      await leadAttempt(mail, from, to)
      await here.settled()
      expect(await here.world.value('select status from goniec.message where id = $1', [mail.id])).toBe(to)
    },
  )

  test.each(pairs(MESSAGE_STATES, MESSAGE_TABLE, false))('a message that is %s cannot become %s', async (from, to) => {
    const mail = await mailIn(from, ATTEMPT_BESIDE[from])
    await asRole(role)
    expect(await here.refusal(() => setMessage(mail.id, to))).toBe(
      `message_transition_is_allowed: message ${mail.id} is ${from}, and cannot become ${to}`,
    )
  })

  test.each(pairs(ATTEMPT_STATES, ATTEMPT_TABLE, true))(
    'an attempt that is %s can become %s, with its message',
    async (from, to) => {
      const mail = await mailIn(MESSAGE_BESIDE[from], from)
      await asRole(role)
      await asOwnWorker()
      await setAttempt(mail.attempt, to)
      if (MESSAGE_BESIDE[to] !== MESSAGE_BESIDE[from]) await setMessage(mail.id, MESSAGE_BESIDE[to])
      await here.settled()
      expect(await here.world.value('select state from goniec.attempt where id = $1', [mail.attempt])).toBe(to)
    },
  )

  test.each(pairs(ATTEMPT_STATES, ATTEMPT_TABLE, false))('an attempt that is %s cannot become %s', async (from, to) => {
    const mail = await mailIn(MESSAGE_BESIDE[from], from)
    await asRole(role)
    await asOwnWorker()
    expect(await here.refusal(() => setAttempt(mail.attempt, to))).toBe(
      `attempt_transition_is_allowed: attempt ${mail.attempt} is ${from}, and cannot become ${to}`,
    )
  })

  test('sent mails made pending again: the update fails and says why', async () => {
    const mail = await mailIn('sent', 'accepted')
    await asRole(role)
    await here.session.query('savepoint before_update')
    const update = here.session.query(`update goniec.message set status = 'pending' where status = 'sent'`)
    await expect(update).rejects.toMatchObject({
      message: `message ${mail.id} is sent, and cannot become pending`,
      detail: 'The server has accepted this mail. Sending it again would mail a person twice.',
      hint: `goniec message show ${mail.id}`,
    })
    await here.session.query('rollback to savepoint before_update')
  })

  test('“sent” cannot be typed in: not on a new message, not without an accepted attempt', async () => {
    const mail = await here.world.mail()
    await asRole(role)
    const insert = `insert into goniec.message (kind, status, recipient, bound_mailbox_id, sent_at) values ('warmup', 'sent', 'x@y.example', $1, now())`
    expect(await here.refusal(() => here.session.query(insert, [mail.mailbox]))).toBe(
      'message_starts_pending: a new message is pending, not sent',
    )
    expect(
      await here.refusal(async () => {
        await setMessage(mail.id, 'sending')
        await setMessage(mail.id, 'sent')
      }),
    ).toBe(
      `message_agrees_with_its_attempts: message ${mail.id} cannot be sent while no attempt of it is under way, accepted or in doubt`,
    )
  })
})

test('a failed message is tried again by an operator only, and not where an attempt was accepted or is in doubt', async () => {
  const failed = await mailIn('failed', 'rejected')
  await asRole('goniec_worker')
  expect(await here.refusal(() => setMessage(failed.id, 'pending'))).toBe(
    `message_is_retried_by_an_operator: message ${failed.id} has failed; only an operator may have it tried again`,
  )
  await asRole('owner')
  for (const state of ['accepted', 'in_doubt'] as const) {
    const mail = await mailIn('failed', state)
    expect(await here.refusal(() => setMessage(mail.id, 'pending'))).toContain(
      `message_agrees_with_its_attempts: message ${mail.id} cannot be pending while an attempt of it is ${state}`,
    )
  }
})

describe('a message and its attempts stay together', () => {
  const alone: [MessageState, AttemptState, MessageState][] = [
    ['sending', 'claimed', 'pending'],
    ['sending', 'transmitting', 'cancelled'],
    ['sending', 'claimed', 'sent'],
    ['sending', 'transmitting', 'in_doubt'],
    ['in_doubt', 'in_doubt', 'pending'],
    ['in_doubt', 'in_doubt', 'failed'],
    ['in_doubt', 'in_doubt', 'sent'],
    ['pending', 'aborted', 'sending'],
  ]
  test.each(alone)(
    'a message that is %s beside an attempt that is %s cannot become %s alone',
    async (message, attempt, to) => {
      const mail = await mailIn(message, attempt)
      expect(await here.refusal(() => setMessage(mail.id, to))).toContain('message_agrees_with_its_attempts')
    },
  )

  const attemptsAlone: [AttemptState, AttemptState][] = [
    ['claimed', 'aborted'],
    ['claimed', 'rejected'],
    ['transmitting', 'accepted'],
    ['transmitting', 'in_doubt'],
    ['in_doubt', 'accepted'],
    ['in_doubt', 'presumed_unsent'],
  ]
  test.each(attemptsAlone)('an attempt that is %s cannot become %s alone', async (from, to) => {
    const mail = await mailIn(MESSAGE_BESIDE[from], from)
    expect(await here.refusal(() => setAttempt(mail.attempt, to))).toContain('message_agrees_with_its_attempts')
  })

  test.each(['pending', 'failed', 'cancelled', 'sent', 'in_doubt'] as const)(
    'an attempt cannot be made beside a message that is %s',
    async (state) => {
      const mail = await mailIn(state, 'aborted')
      expect(await here.refusal(() => insertAttempt(mail))).toContain(
        `message_agrees_with_its_attempts: message ${mail.id} cannot be ${state} while an attempt of it is claimed`,
      )
    },
  )
})

describe('an attempt', () => {
  test('that is transmitting is aborted only by its own worker, who knows that the end was not released', async () => {
    const mail = await mailIn('sending', 'transmitting')
    const slot = await insertAttempt(mail, { message_id: null, mailbox_id: await here.world.mailbox() })
    await setAttempt(slot, 'transmitting')
    for (const incarnation of ['', String(here.worker + 1)]) {
      await here.session.query(`select set_config('goniec.incarnation', $1, true)`, [incarnation])
      for (const attempt of [mail.attempt, slot])
        expect(await here.refusal(() => setAttempt(attempt, 'aborted'))).toBe(
          `attempt_is_aborted_by_its_own_worker: attempt ${attempt} is transmitting: only its own worker can know that nothing was sent`,
        )
    }
  })

  test('is presumed unsent only by a person, who is named', async () => {
    const mail = await mailIn('in_doubt', 'in_doubt')
    const update = `update goniec.attempt set state = 'presumed_unsent' where id = $1`
    expect(await here.refusal(() => here.session.query(update, [mail.attempt]))).toContain(
      'attempt_is_presumed_unsent_by_a_person',
    )
  })

  test.each(ATTEMPT_STATES.filter((state) => state !== 'claimed'))('starts claimed, not %s', async (state) => {
    const mail = await here.world.mail()
    expect(await here.refusal(() => insertAttempt(mail, { state }))).toBe(
      `attempt_starts_claimed: a new attempt is claimed, not ${state}`,
    )
  })
})

test('the table in the database is the one of this test', async () => {
  const { rows } = await here.session.query('select entity, from_state, to_state from goniec.transition')
  const wanted = [
    ...pairs(MESSAGE_STATES, MESSAGE_TABLE, true).map((pair) => ['message', ...pair]),
    ...pairs(ATTEMPT_STATES, ATTEMPT_TABLE, true).map((pair) => ['attempt', ...pair]),
  ]
  const found = rows.map(({ entity, from_state: from, to_state: to }) => `${entity}: ${from} -> ${to}`)
  expect(found.sort()).toEqual(wanted.map(([entity, from, to]) => `${entity}: ${from} -> ${to}`).sort())
})
