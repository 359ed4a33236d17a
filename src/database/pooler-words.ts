/**
 * What pgbouncer says in its own name, also in session mode. All of it has the code of a violated protocol, so it is told apart by its words, and given
 * the code that Postgres or the system has for the same.
 */

/** The code of all of it. */
export const POOLER_SAYS = '08P01'

/** No other code stands for it: no transaction is let through. */
export const NO_TRANSACTIONS = 'statement pooling'

const WORDS: readonly [pattern: RegExp, code: string][] = [
  [/statement pooling mode/, NO_TRANSACTIONS],
  [/query_wait_timeout|no more connections allowed/, '53300'],
  [/no such database/, '3D000'],
  [/server_login_retry|connect failed|server login failed|DNS lookup failed|is disabled/, 'ECONNREFUSED'],
  [/server conn|timeout|shut/, '08006'],
]

/** Undefined: it is nothing that pgbouncer is known to say. */
export function codeOfPooler(text: string): string | undefined {
  return WORDS.find(([pattern]) => pattern.test(text))?.[1]
}
