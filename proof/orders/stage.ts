/**
 * Where orders are executed: one database with one mailbox and one campaign, in which every order has a lead and a mail of its own; a
 * session for each actor; and the clock of that database, which stands still until an order lets time pass.
 *
 * The plan is taken at its fastest, since that is worst: before every claim, whatever is pending has a slot that is due.
 */
// long: a stage is one thing, and half of it is statements

import type { Client } from 'pg'
import { resumeCampaign } from '../../src/campaigns/pause.ts'
import { connectSession, openDatabase, type Database } from '../../src/database/pool.ts'
import { claim } from '../../src/delivery/claim.ts'
import { fence } from '../../src/delivery/fence.ts'
import { recover } from '../../src/delivery/recover.ts'
import { settle, type OutcomeReport } from '../../src/delivery/settle.ts'
import { assert } from '../../src/errors.ts'
import type { Instant } from '../../src/time.ts'
import { setClock } from '../../tests/support/clock.ts'
import { pidOf } from '../../tests/support/blocked.ts'
import { NOON, World } from '../../tests/support/world.ts'
import { HeldSession } from './held-session.ts'

/** What time passing means: every lease and every deadline so far is over. */
const PASSES_MS = 60_000
const LIFE_MS = 30_000
/** From one order's begin to the next one's. */
const APART_MS = 600_000

export type Life = 'one' | 'two' | 'third'

/** The mail that an order is about, and the lives of workers in it. */
export interface Mail {
  id: number
  email: string
  lives: Readonly<Record<Life, number>>
}

/** Where an actor acts, and whether it waits there for another's lock. */
export interface Seat {
  session: HeldSession
  isBlocked: () => Promise<boolean>
}

export class Stage implements AsyncDisposable {
  readonly database: Database
  /** How often time has passed in this order. */
  ticks = 0
  campaign = ''
  #clients: Client[] = []
  #seats = new Map<string, Seat>()
  #mailboxId = 0
  #campaignId = 0
  #orders = 0
  #now: Instant = NOON

  private constructor(url: string) {
    this.database = openDatabase(url, { name: 'orders', size: 2 })
  }

  /** Takes a migrated database that holds nothing yet. */
  static async open(url: string): Promise<Stage> {
    const stage = new Stage(url)
    await setClock(stage.database, NOON)
    await waitForLocksInPeace(stage.database)
    const world = new World(stage.database.pool)
    await world.salesperson({ daily_limit: null })
    stage.#mailboxId = await world.mailbox({ daily_limit: 1_000_000 })
    const always = {
      window_from: '00:00',
      window_to: '24:00',
      window_days: '{mon,tue,wed,thu,fri,sat,sun}',
      holidays: null,
    }
    stage.campaign = 'orders'
    stage.#campaignId = await world.campaign({ name: stage.campaign, ...always })
    return stage
  }

  /** The session of an actor, the same for all orders. */
  async seat(name: string): Promise<Seat> {
    const known = this.#seats.get(name)
    if (known) return known
    const client = await connectSession(this.database.url, { name })
    this.#clients.push(client)
    // By one of this stage: every commit that notifies waits for a moment for those of the whole server.
    const isBlocked = async (): Promise<boolean> => {
      const [row] = await this.database.query<{ blocked: boolean }>('select pg_blocking_pids($1) && $2 as blocked', [
        pidOf(client),
        this.#clients.map(pidOf),
      ])
      return row?.blocked === true
    }
    const seat = { session: new HeldSession(client), isBlocked }
    this.#seats.set(name, seat)
    return seat
  }

  /** A new mail; no other one is open. */
  async beginOrder(): Promise<Mail> {
    this.ticks = 0
    this.#orders += 1
    this.#now = NOON.add({ milliseconds: this.#orders * APART_MS })
    await this.#setClock()
    if (this.#orders % 100 === 1) await this.database.query('select goniec.make_day_rows(2)')
    const email = `lead-${this.#orders}@klient.example`
    const [row] = await this.database.query<{ id: number; lives: Mail['lives'] }>(NEW_MAIL, [
      email,
      this.#campaignId,
      this.#mailboxId,
    ])
    assert(row, 'a new mail is returned')
    return { id: row.id, email, lives: row.lives }
  }

  /** Every lease and every deadline so far is over. */
  async passTime(): Promise<void> {
    this.ticks += 1
    this.#now = this.#now.add({ milliseconds: PASSES_MS })
    await this.#setClock()
  }

  /** One claim of at most one mail: its attempt. */
  async claim(session: HeldSession, life: number, mail: Mail): Promise<number | undefined> {
    await this.database.query(PLACE, [mail.id, this.#mailboxId])
    const limits = { batch: 1, leaseMs: LIFE_MS, totalMs: LIFE_MS, graceMs: 300_000 }
    const { attempts } = await claim(session.pool, { incarnationId: life, ...limits })
    return attempts[0]?.attemptId
  }

  /** The fence's verdict. */
  async fence(session: HeldSession, life: number, attemptId: number): Promise<string> {
    const content = { subject: 'Subject', text: 'Text', html: null, headers: { 'message-id': `<${attemptId}@proof>` } }
    const requests = [{ attemptId, content }]
    const [answer] = await fence(session.pool, { incarnationId: life, totalMs: LIFE_MS, requests })
    return answer?.verdict ?? 'no answer'
  }

  /** Writes the outcome, and tries until it is written, as a worker does. Returns the verdict. */
  async settle(session: HeldSession, life: number, report: OutcomeReport): Promise<string> {
    for (;;) {
      const [answer] = await settle(session.pool, { incarnationId: life, reports: [report] })
      if (!answer) return 'no answer'
      if (!('failed' in answer)) return answer.verdict
      // Only a lock that was not had in time is worth another try.
      if (!/lock timeout/.test(String(answer.failed))) throw answer.failed
    }
  }

  async recover(session: HeldSession, mail: Mail, gone: readonly number[]): Promise<number[]> {
    const ended = await recover(session.pool, { incarnationId: mail.lives.third, gone, seenGone: gone })
    return ended.map(({ attemptId }) => attemptId)
  }

  /** What stands written of the mail. */
  async read(mail: Mail): Promise<Ledger> {
    const [row] = await this.database.query<Ledger & Record<string, unknown>>(LEDGER, [mail.id])
    assert(row, 'the mail is there')
    return row
  }

  /** Whoever is left is recovered, the campaign goes on, and a third worker sends what is still to be sent. */
  async endOrder(mail: Mail, onAccept: (attempt: number) => void): Promise<Ledger> {
    let ledger = await this.read(mail)
    if (ledger.attempts.some(({ state }) => state === 'claimed' || state === 'transmitting')) {
      await this.passTime()
      await recover(this.database.pool, { incarnationId: mail.lives.third })
      ledger = await this.read(mail)
    }
    if (ledger.campaign === 'paused') await resumeCampaign(this.database, this.campaign)
    if (ledger.status !== 'pending') return ledger
    await this.passTime()
    const session = { pool: this.database.pool } as HeldSession
    const attemptId = await this.claim(session, mail.lives.third, mail)
    if (attemptId !== undefined) {
      const passed = (await this.fence(session, mail.lives.third, attemptId)) === 'passed'
      if (passed) onAccept(attemptId)
      await this.settle(session, mail.lives.third, reportOf(attemptId, passed ? 'accepted' : 'aborted'))
    }
    ledger = await this.read(mail)
    if (ledger.status === 'pending')
      await this.database.query(`update goniec.message set status = 'cancelled' where id = $1`, [mail.id])
    return ledger
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client.end()
    await this.database.close()
  }

  async #setClock(): Promise<void> {
    await this.database.query('update goniec_test.clock set now = $1', [this.#now])
  }
}

/** What is written of a mail after an order. */
export interface Ledger {
  status: string
  held: string | null
  campaign: string
  attempts: { id: number; state: string; contradicted: boolean }[]
}

/** An outcome as a worker reports it. */
export function reportOf(attemptId: number, outcome: 'accepted' | 'aborted', { giveBack = false } = {}): OutcomeReport {
  const code = outcome === 'accepted' ? 250 : null
  const nothing = { leadBounced: false, permanent: false }
  return { attemptId, outcome, stage: 'dot', code, response: null, giveBack, reason: 'retry', ...nothing }
}

/**
 * How long a statement waits for a lock is bounded by seconds, and what it does then is not looked at here: on a busy machine others would be so
 * slow that a wait ended before its time, and the same order came to something else.
 */
async function waitForLocksInPeace(database: Database): Promise<void> {
  const functions = await database.query<{ definition: string }>(
    `select pg_get_functiondef(p.oid) as definition from pg_proc p
     where p.pronamespace = 'goniec'::regnamespace and p.prokind = 'f' and pg_get_functiondef(p.oid) like '%lock_timeout%'`,
  )
  for (const { definition } of functions) {
    await database.query(
      definition.replaceAll(/(lock_timeout\W+(?:TO )?')\d+m?s(')/g, (_, before, after) => `${before}10min${after}`),
    )
  }
}

const NEW_MAIL = `
  with
  lead as (insert into goniec.lead (email) values ($1) returning id),
  enrollment as (insert into goniec.enrollment (campaign_id, lead_id) select $2, id from lead returning id, lead_id),
  lives as (
    insert into goniec.incarnation (worker, host, pid, version)
    select name, 'host', 1, '0' from unnest(array['one', 'two', 'third']) as name returning id, worker
  ),
  gate as (update goniec.mailbox_gate set free_from = null, faults = 0 where mailbox_id = $3),
  message as (
    insert into goniec.message (
      kind, campaign_id, enrollment_id, lead_id, recipient, step_id, step_key, variant)
    select 'campaign', s.campaign_id, e.id, e.lead_id, $1, s.id, s.key, 'A'
    from enrollment e join goniec.step s on s.campaign_id = $2
    returning id
  )
  select (select id from message) as id, (select json_object_agg(worker, id) from lives) as lives`

const PLACE = `
  update goniec.message m
  set mailbox_id = b.id, scheduled_at = goniec.now(), first_planned_at = coalesce(m.first_planned_at, goniec.now()), window_closes_at = goniec.now() + interval '1 hour',
      planned_mailbox_version = b.version, planned_campaign_version = c.version, slot_reason = 'retry'
  from goniec.mailbox b, goniec.campaign c
  where b.id = $2 and c.id = m.campaign_id
    and m.id = (select o.id from goniec.message o
                where o.id = $1 and o.status = 'pending' and o.scheduled_at is null and o.held_reason is null
                for no key update skip locked)`

const LEDGER = `
  select m.status, m.held_reason as held, c.status as campaign,
         coalesce((select json_agg(json_build_object(
                     'id', a.id, 'state', a.state, 'contradicted', exists (select from goniec.contradiction x where x.attempt_id = a.id)) order by a.id)
                   from goniec.attempt a where a.message_id = m.id), '[]') as attempts
  from goniec.message m join goniec.campaign c on c.id = m.campaign_id
  where m.id = $1`
