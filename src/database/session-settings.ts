/**
 * What each of goniec's sessions says of itself, whatever the server, the database or the role was given: that its values come as `values.ts`
 * reads them, that its statements mean what stands there, and that a session which waits for notifications is not ended for its silence.
 */
import type { ClientBase } from 'pg'

const SETTINGS = {
  DateStyle: 'ISO, YMD',
  IntervalStyle: 'postgres',
  bytea_output: 'hex',
  extra_float_digits: '1',
  idle_session_timeout: '0',
  /** Without it the plan's arrays could hold no null. */
  array_nulls: 'on',
  /** Else a backslash in a pattern would stand for something else, in the tables' constraints too. */
  standard_conforming_strings: 'on',
  /** Off, it refuses whatever a policy decides on: the engine's tables have some. */
  row_security: 'on',
  /**
   * Statements of goniec are look-ups by index that take milliseconds. Where the planner thinks otherwise, as it does of tables that were
   * not analysed yet, compiling them took twenty seconds (Debian's Postgres 15, where it is on by default).
   */
  jit: 'off',
}

/** To be called once, before anything else is asked: one statement for all, since an idle worker opens more connections than it asks questions. */
export async function setUpSession(client: ClientBase, more: { statementMs?: number } = {}): Promise<void> {
  await client.query(
    more.statementMs === undefined ? ALL : `${ALL}, set_config('statement_timeout', '${more.statementMs}', false)`,
  )
}

const ALL = `select ${Object.entries(SETTINGS)
  .map(([name, value]) => `set_config('${name}', '${value}', false)`)
  .join(', ')}`
