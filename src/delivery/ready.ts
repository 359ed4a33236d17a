/**
 * Makes sessions ready before there is a mail: each session of Postgres compiles and plans functions for itself when they are first called, and for
 * those of delivery that takes longer than any of them does afterwards (150 ms of a claim's first 180). So they are called for no mail.
 */
import type { Database } from '../database/pool.ts'

/** Claims and fences go on at the same time. */
const SESSIONS = 2

/** Connects, and calls what claims, fences and settles. Changes nothing, and waits for nobody but whoever waits for the barrier. */
export async function makeReady({ query }: Pick<Database, 'query'>): Promise<void> {
  await Promise.all(Array.from({ length: SESSIONS }, () => query(CALLED_FOR_NOTHING)))
}

/** No mailbox is left to choose from, and no mail is given to what follows. */
const CALLED_FOR_NOTHING = `
  with clock as materialized (select goniec.now() as at, interval '1 minute' as span)
  select
    goniec.choose(at, at::date, 1, span, '{}', array(select id from goniec.mailbox), '{}', '{}', '{}'),
    goniec.lock_chosen('{}', at::date, at),
    goniec.take('{}', 0, 0, span, span, at, at::date, span),
    goniec.next_opening(at, span),
    (select count(*) from goniec.material('{}', '{}')),
    (select count(*) from goniec.fence(0, '{}', span)),
    (select count(*) from goniec.settle(0, '[]'))
  from clock`
