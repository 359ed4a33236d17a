/**
 * Every lead of a campaign that has an open mail, read through a cursor so that a hundred thousand need no more memory than two
 * thousand, and checked against the texts.
 */
import { sql } from 'kysely'
import type { Database, Queries } from '../../database/pool.ts'
import { templateFields } from '../../delivery/material.ts'
import { shellWord, type Campaign } from '../campaign.ts'
import { LeadFlaws } from './lead-flaws.ts'
import { leadProblems, mailsToCome, type LeadToCheck } from './lead-texts.ts'
import type { Finding, LeadsChecked } from './report.ts'
import type { CheckedStep } from './steps.ts'

export interface LeadCheckOptions {
  /** How many problems of leads are kept, to be shown. */
  keep: number
  onProgress?: (checked: number) => void
}

/** Checks them all. The findings say what is missing how often; the kept problems, whom. */
export async function checkLeads(
  database: Database,
  { id, name }: Pick<Campaign, 'id' | 'name'>,
  steps: readonly CheckedStep[],
  { keep, onProgress = () => undefined }: LeadCheckOptions,
): Promise<{ leads: LeadsChecked; problems: Finding[] }> {
  const leads: LeadsChecked = { toMail: 0, notMailable: 0, mails: 0, incomplete: 0, problems: [] }
  const flaws = new LeadFlaws()
  await eachLead(database, id, ({ mailable, ...lead }) => {
    if (!mailable) {
      leads.notMailable += 1
      return
    }
    leads.toMail += 1
    leads.mails += mailsToCome(lead, steps)
    const found = leadProblems(lead, steps)
    if (found.length > 0) leads.incomplete += 1
    leads.problems.push(...found.slice(0, Math.max(0, keep - leads.problems.length)))
    flaws.add(lead, found)
    if (leads.toMail % BATCH === 0) onProgress(leads.toMail)
  })
  if (leads.toMail === 0) return { leads, problems: [nobody(name, leads)] }
  const listAll = `goniec campaign check ${shellWord(name)} --json lists all of them`
  return { leads, problems: flaws.findings({ of: leads.toMail, listAll }) }
}

const BATCH = 2000

interface LeadRow extends Omit<LeadToCheck, 'fields'> {
  fields: Record<string, unknown>
  mailable: boolean
}

async function eachLead(
  database: Database,
  campaignId: number,
  visit: (lead: LeadToCheck & { mailable: boolean }) => void,
): Promise<void> {
  await database.transaction(async (tx) => {
    await openCursor(tx, campaignId)
    for (;;) {
      const { rows } = await sql<LeadRow>`fetch forward ${sql.lit(BATCH)} from leads_to_check`.execute(tx)
      for (const row of rows) visit({ ...row, fields: templateFields(row.fields, row.email) })
      if (rows.length < BATCH) return
    }
  })
}

/** A cursor takes no parameters; the id is a number of ours. */
async function openCursor(tx: Queries, campaignId: number): Promise<void> {
  await sql`
    declare leads_to_check no scroll cursor for
    select m.recipient as email, e.fields, m.step_id as "stepId", s.position,
           e.removed_at is null and l.blocked_at is null and l.replied_at is null and l.unsubscribed_at is null
             and l.bounced_at is null and not goniec.is_suppressed(m.recipient) as mailable,
           m.follows_at is null or coalesce((
             select p.rfc_message_id is not null and kept.subject is not null
             from goniec.message p
             left join goniec.message_content kept on kept.message_id = p.id
             where p.lead_id = m.lead_id and p.enrollment_id = m.enrollment_id and p.kind = 'campaign' and p.status = 'sent'
             order by p.sent_at desc, p.id desc
             limit 1), false) as "threadKnown"
    from goniec.message m
    join goniec.enrollment e on e.id = m.enrollment_id
    join goniec.lead l on l.id = m.lead_id
    join goniec.step s on s.id = m.step_id
    where m.campaign_id = ${sql.lit(campaignId)} and m.kind = 'campaign' and m.status = 'pending'`.execute(tx)
}

function nobody(name: string, { notMailable }: LeadsChecked): Finding {
  return notMailable === 0
    ? {
        code: 'no_leads',
        text: 'there is nobody to send to',
        hint: `goniec lead import CSV --campaign ${shellWord(name)}`,
      }
    : {
        code: 'no_leads',
        text: `there is nobody to send to: all ${notMailable} leads with an open mail are blocked, replied, unsubscribed, bounced or suppressed`,
        hint: 'goniec lead show ADDRESS',
      }
}
