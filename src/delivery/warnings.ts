/**
 * Statements whose answer is worth less with a warning. Postgres says yes and warns when the wait for a synchronous standby was cancelled:
 * then the commit is on this server only, and a failover forgets it.
 */
import { DatabaseError, type Pool, type PoolClient, type QueryConfig, type QueryResultRow } from 'pg'

export interface Warning {
  text: string
  /** The standby does not have what was committed. */
  isAboutStandby: boolean
}

/** Asks on a connection of its own, and returns the last warning with the rows. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- rows have the shape that the caller names, as with the driver itself
export async function queryWatchingWarnings<Row extends QueryResultRow>(
  pool: Pick<Pool, 'connect'>,
  query: QueryConfig,
): Promise<{ rows: Row[]; warning: Warning | undefined }> {
  const client: PoolClient = await pool.connect()
  let warning: Warning | undefined
  const onNotice = ({ severity, message = 'a warning without words', routine }: Notice): void => {
    if (severity === 'WARNING') warning = { text: message, isAboutStandby: routine === 'SyncRepWaitForLSN' }
  }
  client.on('notice', onNotice)
  let failure: unknown
  try {
    const { rows } = await client.query<Row>(query)
    return { rows, warning }
  } catch (error) {
    failure = error
    throw error
  } finally {
    client.removeListener('notice', onNotice)
    client.release(failure !== undefined && isConnectionFailure(failure))
  }
}

/** As the driver hands it on. `routine` is the place in Postgres' source, which no translation changes. */
interface Notice {
  severity?: string | undefined
  message?: string | undefined
  routine?: string | undefined
}

/** A connection that failed is not used again; one on which a statement failed is. */
function isConnectionFailure(error: unknown): boolean {
  return !(error instanceof DatabaseError)
}
