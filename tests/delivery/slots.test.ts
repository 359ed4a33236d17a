/** Slots for other programs: the same counters, the same lock on the mailbox, inside the caller's own transaction. */
import { describe, expect, test } from 'vitest'
import { claim, claimOne, fence, settle } from '../support/protocol.ts'
import { worldForEachTest } from '../support/rolled-back.ts'
import { NOON } from '../support/world.ts'

const here = worldForEachTest()
const minute = 60_000

const take = (kind = 'warmup', lease = '5 min', mailbox = 'box@firma.example'): Promise<unknown> =>
  here.world.value('select goniec.take_slot($1, $2, $3::interval)', [mailbox, kind, lease])
const release = (slot: unknown, used?: boolean): Promise<unknown> =>
  used === undefined
    ? here.world.value('select goniec.release_slot($1)', [slot])
    : here.world.value('select goniec.release_slot($1, $2)', [slot, used])
const record = (kind = 'warmup', sentAt: unknown = NOON): Promise<unknown> =>
  here.world.value(`select goniec.record_external_send('box@firma.example', $1, $2)`, [kind, sentAt])

/** What today's row says. */
async function today(): Promise<unknown> {
  const { rows } = await here.session.query(
    `select daily_limit, campaign_limit, warmup_limit, campaign_taken, warmup_taken, response_taken
     from goniec.mailbox_day where day = '2026-12-01'`,
  )
  return rows[0]
}
const counts = ([campaign, warmup, response]: readonly number[]): unknown =>
  expect.objectContaining({ campaign_taken: campaign, warmup_taken: warmup, response_taken: response })

const box = (columns: Record<string, unknown> = {}): Promise<number> =>
  here.world.mailbox({ address: 'box@firma.example', ...columns })
const sql = (text: string, ...values: unknown[]): Promise<unknown> => here.session.query(text, values)

describe('take_slot', () => {
  test.each([
    ['campaign', [1, 0, 0]],
    ['warmup', [0, 1, 0]],
    ['response', [0, 0, 1]],
  ] as const)('counts a %s mail and occupies the mailbox', async (kind, taken) => {
    await box()
    const mail = await here.world.mail()
    const slot = await take(kind)
    expect(slot).toEqual(expect.any(Number))
    expect(await today()).toEqual(counts(taken))
    expect(await take(kind)).toBeNull()
    expect(await claim(here.session, here.worker)).toMatchObject({ status: 'nothing' })
    await release(slot)
    expect(await claim(here.session, here.worker)).toMatchObject({ messages: [mail.id] })
  })

  const full: Record<string, [hold: () => Promise<unknown>, kinds: string[]]> = {
    'the day is full': [() => sql('update goniec.mailbox_day set daily_limit = 0'), ['campaign', 'warmup', 'response']],
    'the campaign allowance is used up': [() => sql('update goniec.mailbox_day set campaign_limit = 0'), ['campaign']],
    'the warm-up allowance is used up': [() => sql('update goniec.mailbox_day set warmup_limit = 0'), ['warmup']],
    'the mailbox is paused': [
      () => sql(`update goniec.mailbox set status = 'paused'`),
      ['campaign', 'warmup', 'response'],
    ],
    'the salesperson is paused': [
      () => sql('update goniec.salesperson set paused_at = now()'),
      ['campaign', 'warmup', 'response'],
    ],
    'the emergency brake is pulled': [
      () => sql('update goniec.installation set paused_at = now()'),
      ['campaign', 'warmup', 'response'],
    ],
    'the mailbox backs off': [
      () => sql('update goniec.mailbox_gate set free_from = $1', NOON.add({ milliseconds: 1 })),
      ['warmup'],
    ],
    'its gap is not over': [
      () =>
        sql(
          `with gap as (update goniec.mailbox set min_gap_ms = 1000) update goniec.mailbox_gate set last_fence_at = $1`,
          NOON,
        ),
      ['response'],
    ],
  }
  test.each(Object.entries(full))('is null when %s, and takes nothing', async (_, [hold, refused]) => {
    await box()
    await hold()
    const before = await today()
    for (const kind of refused) expect(await take(kind)).toBeNull()
    expect(await today()).toEqual(before)
    expect(await here.world.value('select count(*) from goniec.attempt')).toBe(0)
  })

  test('is null while a mail of goniec is under way', async () => {
    await box()
    const mail = await here.world.mail()
    const attempt = await claimOne(here.session, here.worker, mail.id)
    expect(await take()).toBeNull()
    await fence(here.session, here.worker, attempt)
    expect(await take()).toBeNull()
    await settle(here.session, here.worker, { attempt, outcome: 'accepted' })
    expect(await take()).toEqual(expect.any(Number))
  })

  test('finds the mailbox in any case, makes the day’s row where there is none, and leaves nothing if the caller rolls back', async () => {
    await box()
    await sql('delete from goniec.mailbox_day')
    await sql('savepoint caller')
    expect(await take('warmup', '1 min', ' Box@FIRMA.example ')).toEqual(expect.any(Number))
    await sql('rollback to savepoint caller')
    expect(await today()).toBeUndefined()
    expect(await here.world.value('select count(*) from goniec.attempt')).toBe(0)
  })

  test('names what it does not know', async () => {
    await box()
    expect(await here.refusal(() => take('warmup', '1 min', 'nobody@firma.example'))).toContain(
      'there is no mailbox "nobody@firma.example"',
    )
    expect(await here.refusal(() => take('spam'))).toContain('a kind is response, campaign or warmup, not "spam"')
    expect(await here.refusal(() => take('warmup', '0'))).toContain('a slot needs a lease longer than nothing')
    expect(await here.refusal(() => record('spam'))).toContain('a kind is response, campaign or warmup, not "spam"')
    expect(await here.refusal(() => record('warmup', null))).toContain('a send needs the time it was sent at')
    expect(await here.refusal(() => release(4711))).toContain('there is no slot 4711')
  })

  test('a warming mailbox with 50 a day, 30 for warm-up, and 12 for campaigns in its stage sends 12 campaign mails beside 5 warm-up mails', async () => {
    await sql('delete from goniec.warmup_stage')
    await sql('insert into goniec.warmup_stage values (1, 40, 12)')
    await box({ daily_limit: 50, warmup_started: '2026-11-20', warmup_daily_limit: 30 })
    await here.world.campaign()
    for (let n = 0; n < 5; n += 1) await release(await take())
    for (let n = 0; n < 20; n += 1) await here.world.mail()
    let sent = 0
    for (;;) {
      const { attempts } = await claim(here.session, here.worker)
      if (attempts.length === 0) break
      await fence(here.session, here.worker, attempts)
      await settle(here.session, here.worker, { attempt: attempts[0] ?? 0, outcome: 'accepted' })
      sent += attempts.length
    }
    expect(sent).toBe(12)
    expect(await today()).toEqual({
      daily_limit: 50,
      campaign_limit: 12,
      warmup_limit: 30,
      campaign_taken: 12,
      warmup_taken: 5,
      response_taken: 0,
    })
    expect(await take('campaign')).toBeNull()
    expect(await take('warmup')).toEqual(expect.any(Number))
  })
})

describe('release_slot', () => {
  test('keeps what was used, gives back what was not, and is harmless when called again', async () => {
    await box()
    const used = await take()
    for (let n = 0; n < 2; n += 1) await release(used)
    expect(await today()).toEqual(counts([0, 1, 0]))
    expect(await here.world.row('attempt', Number(used))).toMatchObject({ state: 'accepted', holds_capacity: true })
    const unused = await take()
    for (let n = 0; n < 2; n += 1) await release(unused, false)
    expect(await today()).toEqual(counts([0, 1, 0]))
    expect(await here.world.row('attempt', Number(unused))).toMatchObject({ state: 'aborted', holds_capacity: false })
    await here.settled()
  })

  test('the first word stands: used stays used, and unused stays unused', async () => {
    await box()
    const used = await take()
    await release(used, true)
    await release(used, false)
    expect(await today()).toEqual(counts([0, 1, 0]))
    const unused = await take()
    await release(unused, false)
    await release(unused, true)
    expect(await today()).toEqual(counts([0, 1, 0]))
  })

  test('the mailbox’s gap counts from the release of a used slot', async () => {
    await box({ min_gap_ms: 60_000 })
    const slot = await take()
    await here.clockAt(30_000)
    await release(slot)
    await here.clockAt(89_999)
    expect(await take()).toBeNull()
    await here.clockAt(90_000)
    expect(await take()).toEqual(expect.any(Number))
  })

  test('knows only slots: an attempt of goniec’s own is none', async () => {
    await box()
    const mail = await here.world.mail()
    const attempt = await claimOne(here.session, here.worker, mail.id)
    expect(await here.refusal(() => release(attempt))).toContain(`there is no slot ${attempt}`)
  })
})

describe('a slot whose lease is over', () => {
  test('frees the mailbox without any worker, and stays counted', async () => {
    await box()
    const slot = await take('warmup', '1 min')
    await here.clockAt(minute - 1)
    expect(await take()).toBeNull()
    await here.clockAt(minute)
    expect(await take()).toEqual(expect.any(Number))
    expect(await today()).toEqual(counts([0, 2, 0]))
    expect(await here.world.row('attempt', Number(slot))).toMatchObject({ state: 'aborted', holds_capacity: true })
  })

  test('is given back if its program says in the end that it was not used', async () => {
    await box()
    const slot = await take('warmup', '1 min')
    await here.clockAt(minute)
    await sql('select goniec.recover(null)')
    await release(slot, true)
    expect(await today()).toEqual(counts([0, 1, 0]))
    await release(slot, false)
    expect(await today()).toEqual(counts([0, 0, 0]))
  })
})

describe('record_external_send', () => {
  test.each([
    ['campaign', [1, 0, 0]],
    ['warmup', [0, 1, 0]],
    ['response', [0, 0, 1]],
  ] as const)('counts a %s mail', async (kind, taken) => {
    await box()
    await record(kind)
    expect(await today()).toEqual(counts(taken))
    expect(await here.world.value(`select data ->> 'kind' from goniec.event where type = 'external_send'`)).toBe(kind)
  })

  test('is never refused: the limits of the day become what was taken, and nothing more goes', async () => {
    await box({ daily_limit: 2, warmup_started: '2026-11-30', warmup_daily_limit: 1 })
    await here.world.mail()
    for (let n = 0; n < 3; n += 1) {
      await record('campaign')
      await record('warmup')
    }
    expect(await today()).toEqual({
      daily_limit: 6,
      campaign_limit: 3,
      warmup_limit: 3,
      campaign_taken: 3,
      warmup_taken: 3,
      response_taken: 0,
    })
    await here.world.makeDayRows()
    expect(await claim(here.session, here.worker)).toMatchObject({ status: 'nothing' })
    expect(await take('response')).toBeNull()
  })

  test('counts on the day it was sent, in the installation’s zone, also on days that had no row', async () => {
    await box()
    await record('warmup', '2026-11-30T23:30:00Z')
    await record('warmup', '2026-11-15T12:00:00Z')
    await record('warmup', '2026-11-15T22:59:59Z')
    const { rows } = await here.session.query(
      'select day, warmup_taken from goniec.mailbox_day where warmup_taken > 0 order by day',
    )
    expect(rows).toEqual([
      { day: '2026-11-15', warmup_taken: 2 },
      { day: '2026-12-01', warmup_taken: 1 },
    ])
  })

  test.each(['infinity', '20000-01-01T00:00Z', '0044-03-15 00:00+00 BC'])('at %s is on no day', async (sentAt) => {
    await box()
    expect(await here.refusal(() => record('warmup', sentAt))).toContain('a send is between the years 1 and 9999')
  })
})
