/** A mailbox as operators name it: by its address, or refused with the nearest one. */
import type { Database } from '../database/pool.ts'
import { GoniecError } from '../errors.ts'
import { normaliseAddress } from '../leads/address.ts'
import { didYouMean, nearest } from '../nearest.ts'

export interface FoundMailbox {
  id: number
  address: string
}

/** The mailbox of this address. */
export async function findMailbox(database: Pick<Database, 'query'>, given: string): Promise<FoundMailbox> {
  const normal = normaliseAddress(given)
  const address = normal.problem === undefined ? normal.address : given.trim().toLowerCase()
  const [found] = await database.query<FoundMailbox & Record<string, unknown>>(
    'select id, address from goniec.mailbox where address = $1',
    [address],
  )
  if (found) return found
  const rows = await database.query<{ address: string }>('select address from goniec.mailbox order by address')
  const known = rows.map((row) => row.address)
  const meant = nearest(address, known)
  const list =
    known.length === 0 ? 'goniec apply FILE, which makes mailboxes from a definition file' : 'goniec mailbox list'
  throw new GoniecError('mailbox_unknown', `there is no mailbox "${given}"${didYouMean(address, known)}`, {
    hint: meant === undefined ? list : `goniec mailbox show ${meant}`,
  })
}
