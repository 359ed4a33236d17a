/**
 * Why one mail has not been sent: its reasons, the one that ends last first; what happens next and when, or that nothing ever sends it; and
 * every gate, the one that binds first, the others in the order in which claim asks for them.
 */
import { findCampaign, type Campaign } from '../../campaigns/campaign.ts'
import type { Database } from '../../database/pool.ts'
import type { Instant } from '../../time.ts'
import type { MessageStatus } from '../mail.ts'
import { isAnyWorkerRunning } from '../status/workers.ts'
import { local, localExact, whyClosed } from './calendar.ts'
import { isUsable, noMailboxText, resumeOf } from './day-words.ts'
import { type Earlier, whyNotEarlier } from './earlier.ts'
import { APPLY, domainOf, reasonOfGate } from './gate-words.ts'
import { readGates, readMailFacts, readMailboxStates, type GateRow, type MailFacts } from './mail-facts.ts'
import { nextOf, type Asked } from './next.ts'
import { byEnd, type Next, type Reason } from './reason.ts'
import { fateOf } from './fate.ts'

export interface MailWhy {
  id: number
  kind: MailFacts['kind']
  status: MessageStatus
  campaign: string | null
  step: string | null
  recipient: string
  mailbox: string | null
  scheduled_at: Instant | null
  timezone: string
  /** A worker may take it at this instant. */
  sendable: boolean
  /** Without a worker nothing of `next` comes. */
  worker_runs: boolean
  reasons: Reason[]
  /** Null: nothing will send it before somebody acts, or it is out. */
  next: Next | null
  /** Why nothing will ever send it by itself; null: something will, or it was sent. */
  never: string | null
  gates: Gate[]
}

/** A gate as it is shown. */
export interface Gate {
  gate: string
  open: boolean
  code: string | null
  value: unknown
  limit: unknown
  opens_at: Instant | null
}

/** Explains these mails; ids that are none are left out. */
export async function explainMails(database: Pick<Database, 'query'>, ids: readonly number[]): Promise<MailWhy[]> {
  const all = await readMailFacts(database, ids)
  const gates = Map.groupBy(await readGates(database, ids), ({ message_id: id }) => id)
  const workerRuns = await isAnyWorkerRunning(database)
  const campaigns = new Map<string, Campaign>()
  const explained: MailWhy[] = []
  for (const facts of all) {
    let campaign = campaigns.get(facts.campaign ?? '') ?? null
    if (!campaign && facts.campaign !== null) {
      campaign = await findCampaign(database, facts.campaign)
      campaigns.set(facts.campaign, campaign)
    }
    // A response names a campaign only for the record; it is held by none.
    const held = facts.kind === 'campaign' ? campaign : null
    explained.push(await explain(database, { facts, gates: gates.get(facts.id) ?? [], campaign: held, workerRuns }))
  }
  return explained
}

async function explain(database: Pick<Database, 'query'>, asked: Asked): Promise<MailWhy> {
  const { facts, gates, workerRuns: worker_runs } = asked
  const { id, kind, status, campaign, step, recipient, mailbox, scheduled_at, timezone } = facts
  const subject = { id, kind, status, campaign, step, recipient, mailbox, scheduled_at, timezone, worker_runs }
  if (status !== 'pending') return { ...subject, sendable: false, ...fateOf(facts), gates: [] }
  const { reasons, full } = await reasonsOf(database, asked)
  const next = nextOf(asked, reasons, full)
  const [first] = reasons
  return {
    ...subject,
    sendable: first?.code === 'due',
    reasons,
    next,
    never: next === null ? (first?.text ?? null) : null,
    gates: gates.toSorted(bindingFirst).map((gate) => withWindow(toGate(gate), asked)),
  }
}

async function reasonsOf(database: Pick<Database, 'query'>, asked: Asked): Promise<Earlier> {
  const { facts, gates, campaign } = asked
  const shut = gates.filter(({ is_open: open }) => !open)
  if (shut.length === 0) return { reasons: [dueReason(asked)], full: false }
  // A slot that was missed waits for the plan; one that is to come has the same word where it was moved for that.
  const slot = shut.find(({ gate, code, opens_at: at }) => gate === 'slot' && (code !== 'missed' || at !== null))
  const found = shut.filter((gate) => gate !== slot).map((gate) => reasonOfGate(gate, facts))
  if (!slot) return { reasons: found.toSorted(byEnd), full: false }
  const planned = slot.opens_at
  // A mail that a person has to let go first was not tried on any day.
  const barred = !planned && found.some(({ ended_by: by }) => by === 'person')
  const earlier = barred ? { reasons: [], full: false } : await whyNotEarlier(database, facts, { campaign, planned })
  const own = await slotReason(database, asked, slot)
  if (planned) {
    // What kept it from earlier days ends with them: by time, since it has a place after them.
    const passed = earlier.reasons.map((it): Reason => (it.ended_by === 'plan' ? { ...it, ended_by: 'time' } : it))
    return { reasons: [...unique([...found, ...passed]).toSorted(byEnd), own], full: false }
  }
  const causes = unique([...found, ...earlier.reasons])
  if (isPassedOver(slot, own, causes)) return { reasons: causes.toSorted(byEnd), full: earlier.full }
  // The plan's word for it comes last: it is what the causes lead to.
  const all = own.ended_by === 'person' ? unique([...causes, own]).toSorted(byEnd) : [...causes.toSorted(byEnd), own]
  return { reasons: all.filter(({ code }) => !isSaidBy(code, all)), full: earlier.full }
}

/** What must not be mailed, or is braked, gets no slot anew, whatever took the last one: of such a mail the plan makes nothing. */
function isPassedOver({ code }: GateRow, { ended_by: by }: Reason, causes: readonly Reason[]): boolean {
  const isLaidAnew = by === 'plan' && !Object.hasOwn(NO_SLOT, code ?? '')
  return (
    isLaidAnew &&
    causes.some((cause) => /^(lead_|suppressed$|held$|after_restore$|all_paused$|salesperson_paused$)/.test(cause.code))
  )
}

/** Where a gate says more than the plan's word for the same thing. */
function isSaidBy(code: string, reasons: readonly Reason[]): boolean {
  const said = (start: string): boolean =>
    reasons.some((other) => other.ended_by === 'person' && other.code !== code && other.code.startsWith(start))
  if (code === 'no_usable_mailbox') return said('mailbox_')
  return ['campaign_not_running', 'not_planned', 'no_room'].includes(code) && said('')
}

/** Of reasons with one code the one that ends last. */
function unique(reasons: readonly Reason[]): Reason[] {
  const byCode = Map.groupBy(reasons, ({ code }) => code)
  return [...byCode.values()].flatMap((same) => same.toSorted(byEnd).slice(0, 1))
}

function dueReason({ workerRuns: runs }: Asked): Reason {
  return {
    code: 'due',
    text: runs
      ? 'nothing stands against it: a worker takes it now'
      : 'nothing stands against it, but no worker is running',
    until: null,
    todo: runs ? null : 'goniec worker',
    ended_by: 'mail',
  }
}

/** A slot that is to come, or that there is none. */
async function slotReason(
  database: Pick<Database, 'query'>,
  { facts, campaign }: Asked,
  slot: GateRow,
): Promise<Reason> {
  const { timezone, mailbox } = facts
  const reason = (text: string, todo: string | null = null, by: Reason['ended_by'] = 'plan'): Reason => ({
    code: slot.code ?? 'planned',
    text,
    until: slot.opens_at,
    todo,
    ended_by: by,
  })
  if (slot.opens_at) {
    const moved = MOVED[slot.code ?? '']
    return reason(
      `it is planned for ${localExact(slot.opens_at, timezone)} from ${mailbox}${moved === undefined ? '' : `; ${moved}`}`,
      null,
      'time',
    )
  }
  // Of such a domain the plan reads no mail at all, and leaves what it said of it before.
  if (facts.kind === 'campaign' && facts.domain_limit === 0) {
    const text = `domain_limits let no campaign mail go to ${domainOf(facts.recipient)}`
    return { ...reason(text, `raise domain_limits in the definition file: ${APPLY}`, 'person'), code: 'domain_limit' }
  }
  if (slot.code === 'no_usable_mailbox' && campaign) {
    const states = await readMailboxStates(database, campaign.id, facts.bound_mailbox_id)
    if (states.some(isUsable)) return reason('no mailbox could be used when the plan looked; the next plan looks again')
    return reason(noMailboxText(states), resumeOf(states), 'person')
  }
  if (slot.code === 'no_sending_day')
    return reason(
      'its campaign’s calendar names no day to send on',
      'change window.days or skip_dates in the definition file, then goniec apply FILE',
      'person',
    )
  return reason(NO_SLOT[slot.code ?? ''] ?? 'the plan lays its slot anew within a minute')
}

const MOVED: Record<string, string> = {
  missed: 'its time before was missed',
  settings: 'moved when settings changed',
  mailbox: 'moved when its mailbox could not be used',
  capacity: 'moved when its place was taken',
  paused: 'moved after a pause',
  retry: 'it is tried again',
  priority: 'a follow-up took its place before',
  share: 'another campaign took its share of the day before',
}

const NO_SLOT: Record<string, string> = {
  no_room: 'every place on the days that are planned is taken',
  not_due: 'its time lies beyond the days that are planned',
  domain_limit: 'its recipient’s domain gets no more on the days that are planned',
  lead_taken: 'other campaigns keep its lead on all days that are planned',
  not_planned: 'the plan has given it no time yet',
  campaign_not_running: 'its campaign did not run when the plan looked; the next plan looks again',
}

function bindingFirst(one: GateRow, other: GateRow): number {
  return Number(isBinding(other)) - Number(isBinding(one)) || one.place - other.place
}

function isBinding({ is_open: open, binds }: GateRow): boolean {
  return !open && binds === 1
}

function toGate({ gate, is_open: open, code, value, most: limit, opens_at }: GateRow): Gate {
  return { gate, open, code, value, limit, opens_at }
}

/** Claim asks only whether the window of a slot is still open; before its slot a mail waits for the campaign's calendar. */
function withWindow(gate: Gate, { facts: { now }, campaign }: Asked): Gate {
  if (gate.gate !== 'window' || !campaign) return gate
  const { timeZone, window } = campaign.calendar
  const shown = { ...gate, value: local(now, timeZone).slice(11), limit: `${window.from}–${window.to}` }
  const closed = gate.open ? whyClosed(campaign, now) : null
  return closed ? { ...shown, open: false, code: closed.code, opens_at: closed.until } : shown
}
