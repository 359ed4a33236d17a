/**
 * Why a mail waits: one stated reason for every message that is pending, in a plain code.
 *
 * It is the gate that binds (`goniec.gates`, 000016_gates.sql), worked out from the facts that claim itself decides by, so that the two
 * cannot disagree: a mail is `due` exactly if claim would take it now were it the only one. Of several gates that are shut the one
 * binds that opens last. `goniec why` shows all of them.
 */

/** How long a slot stays due: claim's own default. An older one is missed. */
export const GRACE = `interval '5 minutes'`

/**
 * The statement behind a common table expression: give it the name of a relation with a column `id` (the messages asked about, few of
 * them), and it returns `id, reason`. `reason` is null for a message that waits for nothing: one that was sent.
 *
 * Two more must stand before it: `clock (now, today)`, see `CLOCK`.
 */
export function reasonsOf(asked: string): string {
  return `
    select m.id,
      case m.status
        when 'pending' then coalesce(shut.code, 'due')
        when 'sending' then 'under_way'
        when 'in_doubt' then 'in_doubt'
        when 'failed' then 'failed'
        when 'cancelled' then coalesce(m.slot_reason, 'cancelled')
      end as reason
    from ${asked} as asked
    cross join clock
    join goniec.message m on m.id = asked.id
    -- "offset 0": one message at a time, by its key. Joined as a whole, the planner reads every slot of the queue.
    left join lateral (
      select g.code from goniec.gates(clock.now, clock.today, ${GRACE}) g where g.message_id = m.id and g.binds = 1 offset 0
    ) as shut on true`
}

/** The instant that a statement speaks about, and the installation's day; read once. */
export const CLOCK = `
  clock as materialized (
    select c.now, (c.now at time zone i.timezone)::date as today from (select goniec.now() as now) c, goniec.installation i
  )`
