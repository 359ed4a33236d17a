/**
 * A campaign's days and windows in SQL, by the settings in force, for what was planned and sent with them. The schedule reckons the same in
 * src/schedule/windows.ts; holidays, which only a library knows, are handed in.
 */

/**
 * The instant of a local time; of one that comes twice the first, of one that no clock shows that in which the clock jumps over it. Postgres takes the
 * second of two, and of one that is not shown an instant behind the jump; clocks are changed by an hour, by half of one on Lord Howe Island, and by two
 * in Antarctica, at a whole minute. Most often they were not changed in the two hours before, and three conversions tell.
 */
function instantOf(local: string, zone: string): string {
  const at = `(${local}) at time zone ${zone}`
  const shifts = ['2 hours', '1 hour', '30 minutes'].map((by) => `(${at} - interval '${by}')`)
  const first = `select min(t) from unnest(array[${shifts.join(', ')}]) as t where t at time zone ${zone} = ${local}`
  const isUnchanged = `(${at} - interval '2 hours') at time zone ${zone} = (${local}) - interval '2 hours'`
  const isShown = `${at} at time zone ${zone} = ${local}`
  const jump = `
    select max(t) from generate_series(${at} - interval '2 hours', ${at}, '1 minute') as t
    where t at time zone ${zone} - (t - interval '1 minute') at time zone ${zone} > interval '1 minute'`
  return `(case when not (${isShown}) then (${jump}) when ${isUnchanged} then ${at} else coalesce((${first}), ${at}) end)`
}

/** When the window of the campaign `c` closes that the instant's day has: with the day at the latest, where the clock jumps over the end of it. */
export function windowEnd(at: string): string {
  const day = `(${at} at time zone c.timezone)::date`
  return `least(${instantOf(`${day} + c.window_to`, 'c.timezone')}, ${instantOf(`(${day} + 1)::timestamp`, 'c.timezone')})`
}

/** Whether the instant lies outside of the windows of the campaign `c`; wants `HOLIDAYS` among the CTEs of the statement. */
export function outsideWindow(at: string): string {
  const day = `(${at} at time zone c.timezone)::date`
  return `(
    (array['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'])[extract(isodow from ${day})::integer] <> all (c.window_days)
    or ${day} = any (c.skip_dates)
    or coalesce(${day} < c.starts_on, false)
    or coalesce((c.holidays, ${day}) in (select region, day from holiday), false)
    or ${at} < ${instantOf(`${day} + c.window_from`, 'c.timezone')}
    or ${at} >= ${windowEnd(at)})`
}

/** The table of holidays, as a CTE. */
export const HOLIDAYS = 'holiday as materialized (select * from unnest($1::text[], $2::date[]) as given (region, day))'
