/** What the mails of one claim are made of, and the accounts that they leave by: read together, on the way of every mail. */
import type { Database } from '../database/pool.ts'
import type { ClaimedAttempt } from '../delivery/claim.ts'
import { loadMaterial } from '../delivery/material.ts'
import { loadAccounts } from './connections.ts'
import type { Consignment } from './sender.ts'

/** Of each of the attempts; what is not there any more is undefined. */
export type Contents = (attempt: ClaimedAttempt) => Pick<Consignment, 'material' | 'account'>

export async function loadContents(
  database: Pick<Database, 'query'>,
  attempts: readonly ClaimedAttempt[],
): Promise<Contents> {
  const mailboxByMessage = new Map(attempts.map(({ messageId, mailboxId }) => [messageId, mailboxId]))
  const [materials, accounts] = await Promise.all([
    loadMaterial(database, [...mailboxByMessage.keys()], mailboxByMessage),
    loadAccounts(database, [...new Set(mailboxByMessage.values())]),
  ])
  return ({ messageId, mailboxId }) => ({ material: materials.get(messageId), account: accounts.get(mailboxId) })
}
