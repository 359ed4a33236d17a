/** What the plan reads of recipient domains, where any has a limit; without limits nothing of it is asked. */
import type { HeldLeads } from '../../schedule/held-leads.ts'
import type { PlanInput } from '../../schedule/plan-input.ts'
import { MESSAGE_JOINS, OBJECTION } from './message-reads.ts'
import { ms, type Query } from './reads.ts'

/** What campaigns have sent to limited domains on the days and in the hours that are not over. */
export async function domainsTaken(query: Query): Promise<PlanInput['domainsTaken']> {
  const rows = (await query(
    `select d.domain, jsonb_object_agg(d.day, d.taken) as days, '{}'::jsonb as hours
     from goniec.domain_day d
     where d.taken > 0 and d.day >= (goniec.now() - interval '2 days')::date
     group by d.domain
     union all
     select h.domain, '{}', jsonb_object_agg(${ms('h.hour')}, h.taken)
     from goniec.domain_hour h
     where h.taken > 0 and h.hour >= goniec.now() - interval '1 hour'
     group by h.domain`,
  )) as { domain: string; days: Record<string, number>; hours: Record<string, number> }[]
  const taken = new Map<string, { days: Map<string, number>; hours: Map<number, number> }>()
  for (const { domain, days, hours } of rows) {
    const known = taken.get(domain) ?? { days: new Map(), hours: new Map() }
    taken.set(domain, known)
    for (const [day, mails] of Object.entries(days)) known.days.set(day, mails)
    for (const [startMs, mails] of Object.entries(hours)) known.hours.set(Number(startMs), mails)
  }
  return taken
}

/**
 * Of a campaign's first mails without a slot as many as there is room for, but to no domain more than it may get, and those to leads that other
 * campaigns have besides. Page by page, since most often the first page has enough.
 */
export async function firstMails(
  query: Query,
  {
    campaignId,
    room,
    mostTo,
    held,
  }: { campaignId: number; room: number; mostTo: (domain: string) => number; held: HeldLeads },
): Promise<number[]> {
  const ids: number[] = []
  const counts = new Map<string, number>()
  const full = new Set<string>()
  for (let last = 0, left = room, page = Math.min(room, LONGEST_PAGE); left > 0;) {
    const rows = (await query(FIRST_MAILS, [campaignId, last, [...full], page])) as FirstMail[]
    for (const { id, lead_id: leadId, domain, open } of rows) {
      last = id
      if (left > 0 && open && held.isHeld(leadId, campaignId)) {
        ids.push(id)
        continue
      }
      const count = counts.get(domain) ?? 0
      const most = mostTo(domain)
      if (count >= most || (open && count + 1 >= most)) full.add(domain)
      if (!open || count >= most || left === 0) continue
      counts.set(domain, count + 1)
      left -= 1
      ids.push(id)
    }
    if (rows.length < page) break
  }
  return ids
}

interface FirstMail {
  id: number
  lead_id: number | null
  domain: string
  open: boolean
}

/**
 * A page of them in order, and then what stands against each. In one, a planner that underrates how many are open reads and sorts the
 * whole campaign for the first few.
 */
const FIRST_MAILS = `
  select m.id, m.lead_id, goniec.domain_of(m.recipient) as domain, ${OBJECTION} is null as open
  from (
    select * from goniec.message m
    where m.status = 'pending' and m.scheduled_at is null and m.kind = 'campaign' and m.campaign_id = $1 and m.id > $2
      and m.follows_at is null and m.first_planned_at is null and m.not_before is null and goniec.domain_of(m.recipient) <> all ($3)
    order by m.id
    limit $4
  ) m
  ${MESSAGE_JOINS}
  order by m.id`

const LONGEST_PAGE = 10_000
