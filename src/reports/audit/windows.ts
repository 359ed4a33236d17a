/**
 * A campaign's days and windows in SQL, by the settings in force, for what was planned and sent with them. The schedule reckons the same in
 * src/schedule/windows.ts; holidays, which only a library knows, are handed in.
 */

/** The instant of a local time; of one that comes twice the first, of one that no clock shows an hour later. */
function instantOf(local: string, zone: string): string {
  return `(case when ((${local}) at time zone ${zone} - interval '1 hour') at time zone ${zone} = ${local}
                then (${local}) at time zone ${zone} - interval '1 hour' else (${local}) at time zone ${zone} end)`
}

/** When the window of the campaign `c` closes that the instant's day has. */
export function windowEnd(at: string): string {
  return instantOf(`(${at} at time zone c.timezone)::date + c.window_to`, 'c.timezone')
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
