/**
 * One invariant as one statement: it returns the rows that break it, and none where all is well.
 *
 * A check may compare only what stands in the rows of one snapshot, and only what holds at every commit: what workers put right within a minute (a
 * plan that is being written, a campaign that is being completed) is no invariant, unless it has stayed for longer than that. Where a promise is
 * about settings, it is compared for what was planned and sent with the settings in force, told by the version that slot and attempt carry.
 */
export interface Check {
  /** Reads as a sentence of what holds. */
  name: string
  /** The requirements that it proves. */
  proves: readonly string[]
  /** What holds, in one sentence. */
  says: string
  /** What to do where it does not. */
  todo: string
  /** The rows that break it. */
  sql: string
  /** It is given public holidays: `$1::text[]` codes, `$2::date[]` their days, one for each. */
  givenHolidays?: true
}

/** One statement, on the snapshot that all checks see. */
export type Ask = <Row>(text: string, values: readonly unknown[]) => Promise<Row[]>

/** States in which an attempt is under way, or its mail accepted, or nobody knows. */
export const HOLDING = `('claimed', 'transmitting', 'accepted', 'in_doubt')`

/** History was sent elsewhere, and what a restored database had forgotten by a life of a worker that it does not know: nobody here claimed it. */
export const OF_OURS = `(a.ended_by is distinct from 'import' and (a.incarnation_id is not null or a.message_id is null))`

/**
 * Whoever marks, pauses or suppresses commits a moment after the time that he writes down, and until then fences may pass. A transaction that
 * somebody leaves open for longer than this looks like a broken promise here.
 */
export const AFTER_COMMIT = `interval '1 minute'`

/** The way out where a mail is concerned that no command can call back. */
export const LOOK =
  'goniec message show ID tells the story of each mail; keep the database as it is, and report a defect'
