/** For whoever typed an address that no lead has: the leads whose addresses stand next to it. */
import type { Database } from '../database/pool.ts'

/** Of millions only the neighbours in the order of addresses: that is where a typing mistake leaves one most often. */
export async function nearAddresses(database: Pick<Database, 'query'>, address: string): Promise<string[]> {
  const near = await database.query<{ email: string }>(
    `(select email from goniec.lead where email > $1 order by email limit 50) union all (select email from goniec.lead where email < $1 order by email desc limit 50)`,
    [address],
  )
  return near.map(({ email }) => email)
}
