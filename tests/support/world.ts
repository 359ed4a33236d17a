/**
 * Worlds for tests of the protocol, as rows: what is not said is ample and harmless (a running campaign without a delay, a mailbox
 * without a gap, a mail due a minute ago), so that a test names only the facts it is about.
 *
 * A new thing belongs to the last one made (a mailbox to the last salesperson, a mail to the last campaign and mailbox) unless it is
 * told otherwise. Every mailbox and campaign has its gate; day rows come from `goniec.make_day_rows`.
 */
import type { Pool, QueryResultRow } from 'pg'
import { assert } from '../../src/errors.ts'
import { Temporal, type Instant } from '../../src/time.ts'

/** A pool, or a session. */
export type Sql = Pick<Pool, 'query'>

/** Columns of a row, by name; what a builder does not know by itself goes straight into the table. */
type Columns = Record<string, unknown>

/** Noon in Warsaw, on a Tuesday without anything special. */
export const NOON: Instant = Temporal.Instant.from('2026-12-01T11:00:00Z')

export interface MailOptions {
  kind?: 'campaign' | 'response' | 'warmup'
  campaign?: number
  mailbox?: number
  /** Null: a mail to nobody who is a lead (a test, a warm-up mail). */
  lead?: number | null
  step?: string
  /** When its slot is, from now on; null: it has none. */
  dueInMs?: number | null
  /** How long its window stays open. */
  closesInMs?: number
  columns?: Columns
}

/** What a mail is made of, so that tests can go on with its parts. */
export interface Mail {
  id: number
  lead: number | null
  campaign: number | null
  mailbox: number
}

export class World {
  readonly sql: Sql
  readonly now: Instant
  #count = 0
  #salesperson: number | undefined
  #mailbox: number | undefined
  #campaign: number | undefined

  constructor(sql: Sql, now: Instant = NOON) {
    this.sql = sql
    this.now = now
  }

  /** So long from the world's now on. */
  at(fromNowMs: number): Instant {
    return this.now.add({ milliseconds: fromNowMs })
  }

  async salesperson(columns: Columns = {}): Promise<number> {
    this.#salesperson = await this.insert('salesperson', { email: `sales-${this.#next()}@firma.example`, ...columns })
    await this.makeDayRows()
    return this.#salesperson
  }

  async mailbox(columns: Columns = {}): Promise<number> {
    const id = await this.insert('mailbox', {
      address: `box-${this.#next()}@firma.example`,
      salesperson_id: this.#salesperson ?? (await this.salesperson()),
      daily_limit: 1000,
      min_gap_ms: 0,
      smtp_host: '127.0.0.1',
      smtp_port: 25,
      smtp_security: 'none',
      ...columns,
    })
    await this.insert('mailbox_gate', { mailbox_id: id }, 'mailbox_id')
    await this.makeDayRows()
    this.#mailbox = id
    return id
  }

  async campaign({ steps = ['intro'], ...columns }: Columns & { steps?: readonly string[] } = {}): Promise<number> {
    const id = await this.insert('campaign', {
      name: `campaign-${this.#next()}`,
      salesperson_id: this.#salesperson ?? (await this.salesperson()),
      status: 'running',
      delay_ms: 0,
      contact_gap_days: 0,
      ...columns,
    })
    await this.insert('campaign_gate', { campaign_id: id }, 'campaign_id')
    for (const [index, key] of steps.entries()) await this.#step(id, index + 1, key)
    await this.makeDayRows()
    this.#campaign = id
    return id
  }

  async lead(columns: Columns = {}): Promise<number> {
    return this.insert('lead', { email: `lead-${this.#next()}@klient.example`, ...columns })
  }

  async enrollment(campaign: number, lead: number, columns: Columns = {}): Promise<number> {
    const { rows } = await this.sql.query<{ id: number }>(
      'select id from goniec.enrollment where campaign_id = $1 and lead_id = $2',
      [campaign, lead],
    )
    return rows[0]?.id ?? this.insert('enrollment', { campaign_id: campaign, lead_id: lead, ...columns })
  }

  /** A pending message with a slot planned by the settings in force. */
  async mail(options: MailOptions = {}): Promise<Mail> {
    const mailbox = options.mailbox ?? this.#mailbox ?? (await this.mailbox())
    const lead = options.lead === undefined ? await this.lead() : options.lead
    const isCampaignMail = (options.kind ?? 'campaign') === 'campaign'
    const campaign = options.campaign ?? (isCampaignMail ? (this.#campaign ?? (await this.campaign())) : null)
    const id = await this.insert('message', {
      kind: options.kind ?? 'campaign',
      lead_id: lead,
      recipient: await this.#recipient(lead),
      campaign_id: campaign,
      ...(isCampaignMail ? await this.#place(options, campaign, lead) : this.#own(options, mailbox)),
      ...(options.dueInMs === null ? {} : await this.#slot(options, mailbox, isCampaignMail ? campaign : null)),
      ...options.columns,
    })
    return { id, lead, campaign: isCampaignMail ? campaign : null, mailbox }
  }

  /** One life of one worker process. */
  async worker(columns: Columns = {}): Promise<number> {
    const row = { worker: `worker-${this.#next()}`, host: 'host', pid: 1, version: '0', ...columns }
    return this.insert('incarnation', row)
  }

  async makeDayRows(): Promise<void> {
    await this.sql.query('select goniec.make_day_rows(2)')
  }

  /** Inserts a row as it stands, and returns its key. */
  async insert(table: string, row: Columns, key = 'id'): Promise<number> {
    const columns = Object.keys(row)
    const { rows } = await this.sql.query<{ key: number }>(
      `insert into goniec.${table} (${columns.join(', ')})
       values (${columns.map((_, index) => `$${index + 1}`).join(', ')})
       returning ${key} as key`,
      Object.values(row),
    )
    const [first] = rows
    assert(first, `a row of ${table} was inserted`)
    return first.key
  }

  /** Sets columns of one row. */
  async update(table: string, id: number, columns: Columns, key = 'id'): Promise<void> {
    const names = Object.keys(columns)
    const { rowCount } = await this.sql.query(
      `update goniec.${table} set ${names.map((name, index) => `${name} = $${index + 2}`).join(', ')} where ${key} = $1`,
      [id, ...Object.values(columns)],
    )
    assert(rowCount === 1, `there is one row ${id} in ${table}`)
  }

  /** The row of a table with this key. */
  async row<Row extends QueryResultRow = Columns>(table: string, id: number, key = 'id'): Promise<Row> {
    const { rows } = await this.sql.query<Row>(`select * from goniec.${table} where ${key} = $1`, [id])
    const [first] = rows
    assert(first && rows.length === 1, `there is one row ${id} in ${table}`)
    return first
  }

  /** One column of one row, or of none. */
  async value(text: string, values: unknown[] = []): Promise<unknown> {
    const { rows } = await this.sql.query<Columns>(text, values)
    return rows[0] && Object.values(rows[0])[0]
  }

  #next(): number {
    this.#count += 1
    return this.#count
  }

  async #step(campaign: number, position: number, key: string): Promise<void> {
    const row = { campaign_id: campaign, position, key, keyed: true, wait_days: position === 1 ? null : 1 }
    const step = await this.insert('step', row)
    await this.insert('variant', { step_id: step, letter: 'A', subject: 'Subject', text: 'Text' }, 'step_id')
  }

  async #recipient(lead: number | null): Promise<unknown> {
    return lead === null ? 'me@firma.example' : this.value('select email from goniec.lead where id = $1', [lead])
  }

  async #place({ step }: MailOptions, campaign: number | null, lead: number | null): Promise<Columns> {
    assert(campaign !== null && lead !== null, 'campaign mail has a campaign and a lead')
    const { rows } = await this.sql.query<{ id: number; key: string }>(
      `select id, key from goniec.step where campaign_id = $1 and ($2::text is null or key = $2) order by position limit 1`,
      [campaign, step ?? null],
    )
    return {
      enrollment_id: await this.enrollment(campaign, lead),
      step_id: rows[0]?.id,
      step_key: rows[0]?.key,
      variant: 'A',
    }
  }

  #own({ kind }: MailOptions, mailbox: number): Columns {
    const key = `key-${this.#next()}`
    return {
      bound_mailbox_id: mailbox,
      idempotency_key: key,
      ...(kind === 'response' ? { response_day: '2026-12-01' } : {}),
    }
  }

  async #slot({ dueInMs, closesInMs }: MailOptions, mailbox: number, campaign: number | null): Promise<Columns> {
    const at = this.at(dueInMs ?? -60_000)
    return {
      mailbox_id: mailbox,
      scheduled_at: at,
      first_planned_at: at,
      window_closes_at: this.at(closesInMs ?? 3_600_000),
      planned_mailbox_version: await this.value('select version from goniec.mailbox where id = $1', [mailbox]),
      planned_campaign_version: await this.value('select version from goniec.campaign where id = $1', [campaign]),
    }
  }
}
