/** A small world in a test database, written by plain SQL: a salesperson, a mailbox, campaigns with steps, leads in them. */
import { CompiledQuery } from 'kysely'
import type { Client } from 'pg'
import { assert } from '../../src/errors.ts'
import type { Instant } from '../../src/time.ts'
import { pidOf } from '../support/blocked.ts'
import type { TestDatabase } from '../support/database.ts'

export interface TestVariant {
  letter?: string
  weight?: number
  subject?: string | null
  text?: string | null
  html?: string | null
}

export interface TestStep {
  key: string
  waitDays?: number
  variants?: TestVariant[]
}

/** Columns of `goniec.campaign`, `goniec.mailbox`, … that a test cares about. */
export type Columns = Record<string, unknown>

export class TestWorld {
  readonly database: TestDatabase

  constructor(database: TestDatabase) {
    this.database = database
  }

  async salesperson(email = 'anna@firma.example', columns: Columns = {}): Promise<number> {
    return await this.#insert('salesperson', { email, ...columns })
  }

  async mailbox(address = 'anna@firma.example', columns: Columns = {}): Promise<number> {
    const owner = (columns['salesperson_id'] as number | undefined) ?? (await this.#only('salesperson'))
    const account = { smtp_host: '127.0.0.1', smtp_port: 2525, smtp_security: 'none', daily_limit: 1000, min_gap_ms: 0 }
    const id = await this.#insert('mailbox', { address, salesperson_id: owner, ...account, ...columns })
    await this.database.query('insert into goniec.mailbox_gate (mailbox_id) values ($1)', [id])
    return id
  }

  /** A campaign with its steps; by default one step `intro`, one variant, all mailboxes of the world. */
  async campaign(name: string, columns: Columns = {}, steps: TestStep[] = [{ key: 'intro' }]): Promise<number> {
    const owner = (columns['salesperson_id'] as number | undefined) ?? (await this.#only('salesperson'))
    const id = await this.#insert('campaign', { name, salesperson_id: owner, ...columns })
    await this.database.query('insert into goniec.campaign_gate (campaign_id) values ($1)', [id])
    await this.database.query(
      'insert into goniec.campaign_mailbox (campaign_id, mailbox_id) select $1, id from goniec.mailbox',
      [id],
    )
    for (const [index, step] of steps.entries()) await this.#step(id, index + 1, step)
    return id
  }

  /** Enrolls a lead, new or known, with its first message. Returns the message's id. */
  async enroll(campaignId: number, email: string, fields: Record<string, unknown> = {}): Promise<number> {
    const [lead] = await this.database.query<{ id: number }>(
      `insert into goniec.lead (email) values ($1) on conflict (email) do update set email = excluded.email returning id`,
      [email],
    )
    const enrollment = await this.#insert('enrollment', {
      campaign_id: campaignId,
      lead_id: lead?.id,
      fields: JSON.stringify(fields),
    })
    const [message] = await this.database.query<{ id: number }>(
      `insert into goniec.message (kind, campaign_id, enrollment_id, lead_id, recipient, step_id, step_key, variant)
       select 'campaign', $1, $2, $3, $4, s.id, s.key, goniec.pick_variant(s.id, $2)
       from goniec.step s where s.campaign_id = $1 order by s.position limit 1
       returning id`,
      [campaignId, enrollment, lead?.id, email],
    )
    assert(message, 'the campaign has a first step')
    return message.id
  }

  /** Gives a message a slot and takes it to the state asked for, by an attempt as claim and settle write it. Returns the attempt's id. */
  async attempt(
    messageId: number,
    state: 'claimed' | 'transmitting' | 'accepted' | 'in_doubt',
    { mailboxId, sentAt, rfcMessageId }: { mailboxId?: number; sentAt?: Instant; rfcMessageId?: string } = {},
  ): Promise<number> {
    const mailbox = mailboxId ?? (await this.#only('mailbox'))
    return await this.database.transaction(async (tx) => {
      const query = async (text: string, values: unknown[]): Promise<void> => {
        await tx.executeQuery(CompiledQuery.raw(text, values))
      }
      await query(
        `update goniec.message set status = 'sending', mailbox_id = $2, scheduled_at = goniec.now(), window_closes_at = goniec.now() + interval '1 hour' where id = $1`,
        [messageId, mailbox],
      )
      const { rows } = await tx.executeQuery<{ id: number }>(
        CompiledQuery.raw(
          `insert into goniec.attempt (message_id, mailbox_id, kind, campaign_id, salesperson_id, lead_id, lease_until, deadline_at, mailbox_day, claimed_at)
           select m.id, $2, m.kind, m.campaign_id, b.salesperson_id, m.lead_id, goniec.now() + interval '3 min', goniec.now() + interval '10 min', current_date, goniec.now()
           from goniec.message m join goniec.mailbox b on b.id = $2 where m.id = $1 returning id`,
          [messageId, mailbox],
        ),
      )
      const id = rows[0]?.id ?? 0
      if (state === 'claimed') return id
      await query(
        `update goniec.attempt set state = 'transmitting', transmitting_at = coalesce($2, goniec.now()) where id = $1`,
        [id, sentAt ?? null],
      )
      if (state === 'transmitting') return id
      await query('update goniec.attempt set state = $2 where id = $1', [id, state])
      if (state === 'in_doubt') await query(`update goniec.message set status = 'in_doubt' where id = $1`, [messageId])
      else {
        await query(
          `update goniec.message m set status = 'sent', rfc_message_id = $3, sent_at = a.transmitting_at from goniec.attempt a where m.id = $1 and a.id = $2`,
          [messageId, id, rfcMessageId ?? null],
        )
        await query('select goniec.follow_up(array[$1::bigint])', [messageId])
      }
      return id
    })
  }

  async #step(campaignId: number, position: number, { key, waitDays, variants = [{}] }: TestStep): Promise<void> {
    const id = await this.#insert('step', {
      campaign_id: campaignId,
      position,
      key,
      keyed: true,
      wait_days: waitDays ?? null,
    })
    for (const { letter = 'A', weight = 1, subject = 'Hello', text = 'Good day.', html = null } of variants) {
      await this.database.query(
        'insert into goniec.variant (step_id, letter, weight, subject, text, html) values ($1, $2, $3, $4, $5, $6)',
        [id, letter, weight, subject, text, html],
      )
    }
  }

  async #insert(table: string, columns: Columns): Promise<number> {
    const names = Object.keys(columns)
    const [row] = await this.database.query<{ id: number }>(
      `insert into goniec.${table} (${names.join(', ')}) values (${names.map((_, i) => `$${i + 1}`).join(', ')}) returning id`,
      Object.values(columns),
    )
    return row?.id ?? 0
  }

  async #only(table: string): Promise<number> {
    const [row] = await this.database.query<{ id: number }>(`select id from goniec.${table} order by id limit 1`)
    assert(row, `the world has a ${table}`)
    return row.id
  }
}

/** Waits until some other session is held up by this one. */
export async function untilSomebodyWaitsFor(database: TestDatabase, session: Client): Promise<void> {
  const deadline = performance.now() + 60_000
  for (;;) {
    const rows = await database.query('select from pg_stat_activity where $1 = any (pg_blocking_pids(pid))', [
      pidOf(session),
    ])
    if (rows.length > 0) return
    assert(performance.now() < deadline, 'nobody waits for that session')
  }
}
