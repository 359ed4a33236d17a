/** The answer to `goniec why`: a number is a message, what has an `@` is a lead, all else a campaign; a name that stands in quotes of its own stays one. */
import type { Database } from '../../database/pool.ts'
import { unknownMessage } from '../../delivery/unknown-message.ts'
import { explainCampaign, type CampaignWhy } from './campaign.ts'
import { explainLead, type LeadWhy } from './lead.ts'
import { explainMails, type MailWhy } from './mail.ts'

export type Why = { of: 'message'; why: MailWhy } | { of: 'lead'; why: LeadWhy } | { of: 'campaign'; why: CampaignWhy }

/** Explains what is named. A campaign whose name is a number, or has an `@`, goes before a message or a lead of that name. */
export async function explain(
  database: Pick<Database, 'query'>,
  given: string,
  { message = false }: { message?: boolean } = {},
): Promise<Why> {
  const text = given.trim()
  const looksOtherwise = /^\d+$/.test(text) || text.includes('@')
  if (!message && (!looksOtherwise || (await isCampaign(database, text)))) {
    return { of: 'campaign', why: await explainCampaign(database, text) }
  }
  if (!message && text.includes('@')) return { of: 'lead', why: await explainLead(database, text) }
  const [mail] = Number.isSafeInteger(Number(text)) ? await explainMails(database, [Number(text)]) : []
  if (!mail) throw unknownMessage(Number(text))
  return { of: 'message', why: mail }
}

async function isCampaign(database: Pick<Database, 'query'>, name: string): Promise<boolean> {
  const rows = await database.query('select from goniec.campaign where name = $1', [name])
  return rows.length > 0
}
