/**
 * The views of `goniec_report`, read as they are: which there are, what they say about themselves, and their rows, streamed.
 *
 * Rows come through a cursor in a transaction that only reads: what it holds in memory is one page, however many there are. It locks
 * nothing; as long as it runs, the server keeps the old versions of rows that it may still show.
 */
import type { PoolClient } from 'pg'
import type { Database } from '../database/pool.ts'
import { GoniecError } from '../errors.ts'
import { didYouMean, nearest } from '../nearest.ts'
import type { Instant } from '../time.ts'

export interface View {
  name: string
  /** What it is, in a sentence. */
  sentence: string
  columns: ViewColumn[]
}

export interface ViewColumn {
  name: string
  /** Postgres' name of its type. */
  type: string
  sentence: string
}

export type ViewValue = string | number | boolean | null | Instant | readonly (number | Instant)[] | object
export type ViewRow = Record<string, ViewValue>

/** A column and what it has to be. */
export interface ViewFilter {
  column: string
  is: '=' | '>=' | '<='
  value: string
}

export interface RowsWanted {
  filters?: readonly ViewFilter[]
  /** Most rows; by default all. */
  limit?: number | undefined
}

/** In which order rows are shown. Where none is said, the view has one of its own, or a sort of all of it would be dear. */
const ORDER: Record<string, string> = {
  attempts: 'attempt_id desc',
  campaign_days: 'day desc, campaign',
  campaigns: 'campaign',
  domain_days: 'day, domain',
  doubts: 'transmitting_at, message_id',
  duplicates: 'recipient, step',
  lateness: 'day desc, campaign, kind',
  lead_history: 'event_id',
  leads: 'campaign, lead',
  mailbox_days: 'day, mailbox',
  outcomes: 'refused desc, attempts desc, server, domain',
  queue: 'scheduled_at, message_id',
  salesperson_days: 'day, salesperson',
  sent: 'sent_at desc, message_id desc',
  variants: 'campaign, step, variant',
}

const PAGE = 500

/** All views, by name. */
export async function readViews(database: Pick<Database, 'query'>): Promise<View[]> {
  return database.query<View & Record<string, unknown>>(VIEWS)
}

/** The view of this name (`campaign-days` is `campaign_days`), or an error with the nearest one. */
export async function findView(database: Pick<Database, 'query'>, given: string): Promise<View> {
  const views = await readViews(database)
  const name = given.toLowerCase().replaceAll('-', '_')
  const view = views.find((known) => known.name === name)
  if (view) return view
  const names = views.map((known) => known.name)
  const meant = nearest(name, names)
  throw new GoniecError('report_unknown', `there is no report "${given}"${didYouMean(name, names)}`, {
    hint: meant === undefined ? 'goniec report' : `goniec report ${meant}`,
    exitCode: 2,
  })
}

/** The rows of a view, page by page. Filters name columns that it has. */
export async function* readRows(
  database: Pick<Database, 'pool'>,
  view: View,
  { filters = [], limit }: RowsWanted = {},
): AsyncGenerator<ViewRow[]> {
  const client = await database.pool.connect()
  let broken: unknown
  try {
    await client.query('begin read only')
    // A cursor is planned for its first tenth; here all of it is read, unless it is cut off.
    if (limit === undefined) await client.query('set local cursor_tuple_fraction = 1')
    yield* fetchAll(client, view, filters, limit)
  } catch (error) {
    broken = error
    throw error
  } finally {
    if (broken === undefined) await client.query('rollback')
    client.release(broken !== undefined)
  }
}

async function* fetchAll(
  client: PoolClient,
  view: View,
  filters: readonly ViewFilter[],
  limit: number | undefined,
): AsyncGenerator<ViewRow[]> {
  const conditions = filters.map(({ column, is }, index) => `${column} ${is} $${index + 1}`)
  const order = ORDER[view.name]
  await client.query(
    `declare rows no scroll cursor for
     select ${view.columns.map(({ name, type }) => (type === 'numeric' ? `${name}::float8` : name)).join(', ')} from goniec_report.${view.name}
     ${conditions.length > 0 ? `where ${conditions.join(' and ')}` : ''}
     ${order === undefined ? '' : `order by ${order}`}
     ${limit === undefined ? '' : `limit ${limit}`}`,
    filters.map(({ value }) => value),
  )
  for (;;) {
    const { rows } = await client.query<ViewRow>(`fetch ${PAGE} from rows`)
    if (rows.length > 0) yield rows
    if (rows.length < PAGE) return
  }
}

const VIEWS = `
  select c.relname as name, coalesce(obj_description(c.oid, 'pg_class'), '') as sentence,
    (select json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
                                       'sentence', coalesce(col_description(c.oid, a.attnum), '')) order by a.attnum)
     from pg_attribute a where a.attrelid = c.oid and a.attnum > 0) as columns
  from pg_class c
  where c.relnamespace = 'goniec_report'::regnamespace and c.relkind = 'v'
  order by c.relname collate "C"`
