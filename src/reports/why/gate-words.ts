/** What a shut gate means for one mail, in a sentence, and what a person can do about it. */
import { shellWord } from '../../campaigns/campaign.ts'
import { formatDuration, Temporal } from '../../time.ts'
import { describeReason } from '../reason-words.ts'
import { local, localExact } from './calendar.ts'
import type { GateRow, MailFacts } from './mail-facts.ts'
import type { Reason } from './reason.ts'

/** The reason that a shut gate is. */
export function reasonOfGate(gate: GateRow, facts: MailFacts): Reason {
  const code = gate.code ?? gate.gate
  const [text, todo] = WORDS[code]?.(facts, gate) ?? [describeReason(code), null]
  const until = hasComeDue(gate, facts) ? null : gate.opens_at
  return { code, text: text + untilText(until, facts), until, todo, ended_by: gate.opened_by ?? 'plan' }
}

/** What is to open it is over, and only the next plan has to see that. */
function hasComeDue({ opened_by: by, opens_at: at }: GateRow, { now }: MailFacts): boolean {
  return by === 'campaign' && (at === null || at.epochMilliseconds <= now.epochMilliseconds)
}

/** How limits are raised. */
export const APPLY = 'goniec apply FILE'
const RAISE_LIMIT = `nothing, or raise daily_limit in the definition file: ${APPLY}`

function untilText(until: GateRow['opens_at'], { timezone }: MailFacts): string {
  return until === null ? '' : `; until ${localExact(until, timezone)}`
}

type Words = (facts: MailFacts, gate: GateRow) => [text: string, todo: string | null]

const WORDS: Record<string, Words> = {
  after_restore: ({ timezone }, { value }) => [
    `the database was restored, and nothing is sent since ${local(Temporal.Instant.from(textOf(value)), timezone)}`,
    'goniec resume --after-restore',
  ],
  all_paused: () => ['everything is paused', 'goniec resume --all'],
  salesperson_paused: ({ salesperson }) => [
    `salesperson ${salesperson} is paused`,
    `goniec resume --salesperson ${salesperson}`,
  ],
  campaign_draft: ({ campaign }) => [`campaign ${campaign} was not started`, `goniec campaign start ${word(campaign)}`],
  campaign_scheduled: (facts, gate) =>
    hasComeDue(gate, facts)
      ? [
          `campaign ${facts.campaign} is scheduled, and its day has come: the next plan starts it`,
          'goniec worker, if none is running',
        ]
      : [`campaign ${facts.campaign} is scheduled, and its day has not come`, null],
  campaign_paused: ({ campaign, campaign_status_reason: why }) => [
    `campaign ${campaign} is paused${why === null ? '' : `: ${why}`}`,
    `goniec campaign resume ${word(campaign)}`,
  ],
  campaign_completed: ({ campaign }) => [`campaign ${campaign} is completed; the next plan lets it run again`, null],
  campaign_cancelled: ({ campaign }) => [
    `campaign ${campaign} is cancelled, and the next plan cancels this mail`,
    null,
  ],
  held: ({ id, held_reason: why }) => [
    `it was set aside: ${why}`,
    `goniec message retry ${id}, or goniec message cancel ${id}`,
  ],
  lead_blocked: ({ lead }) => [`its lead ${lead} is blocked`, `goniec lead unblock ${word(lead)}`],
  lead_unsubscribed: ({ lead, id }) => [
    `its lead ${lead} has unsubscribed`,
    `goniec message cancel ${id}; by mistake: goniec lead unblock ${word(lead)} --unsubscribed`,
  ],
  lead_bounced: ({ lead, id }) => [
    `the address of its lead ${lead} does not exist, a server said`,
    `goniec message cancel ${id}; by mistake: goniec lead unblock ${word(lead)} --bounced`,
  ],
  lead_replied: ({ lead, id }) => [
    `its lead ${lead} has replied, and gets no more campaign mail`,
    `goniec message cancel ${id}; by mistake: goniec lead unblock ${word(lead)} --replied`,
  ],
  suppressed: ({ recipient }, { value }) => [
    `${value === recipient ? recipient : `${recipient} is under ${textOf(value)}, which`} is suppressed`,
    `goniec suppress remove ${word(textOf(value))}`,
  ],
  mailbox_paused: (facts) => [
    `mailbox ${box(facts)} is paused${facts.status_reason === null ? '' : `: ${facts.status_reason}`}`,
    `goniec mailbox resume ${box(facts)}`,
  ],
  mailbox_broken: (facts) => [
    `mailbox ${box(facts)} is broken: ${facts.status_reason}`,
    `mend it, then goniec mailbox test ${box(facts)} and goniec mailbox resume ${box(facts)}`,
  ],
  mailbox_backoff: (facts, { value }) => [
    `mailbox ${box(facts)} rests after a fault${value === null ? '' : ` (${textOf(value)})`}`,
    `nothing, or goniec mailbox resume ${box(facts)}`,
  ],
  mailbox_busy: (facts) => [`mailbox ${box(facts)} is just sending another mail`, null],
  mailbox_gap: (facts, { most }) => [
    `mailbox ${box(facts)} keeps ${formatDuration(Number(most))} between two mails`,
    null,
  ],
  campaign_delay: ({ campaign }, { most }) => [
    `campaign ${campaign} keeps ${formatDuration(Number(most))} at least between two mails`,
    null,
  ],
  contact_gap: (_, { value, most }) => {
    const by = value as { campaign: string; day: string } | null
    return [
      `campaign ${by?.campaign} has mailed its lead on ${by?.day}, and a contact gap of ${Number(most)}d is kept`,
      `nothing, or a shorter contact_gap in the definition file: ${APPLY}`,
    ]
  },
  mailbox_limit: (facts, { value, most }) => [
    `mailbox ${box(facts)} has sent ${Number(value)} of its ${Number(most)} mails of today`,
    RAISE_LIMIT,
  ],
  warmup_limit: (facts, { value, most }) => [
    `mailbox ${box(facts)} is on day ${facts.warmup_day} of its warm-up, and has sent ${Number(value)} of ${Number(most)} ${facts.kind === 'warmup' ? 'warm-up' : 'campaign'} mails of today`,
    `nothing, or another stage in warmup_stages: ${APPLY}`,
  ],
  campaign_limit: ({ campaign }, { value, most }) => [
    `campaign ${campaign} has sent ${Number(value)} of its ${Number(most)} mails of today`,
    RAISE_LIMIT,
  ],
  salesperson_limit: ({ salesperson }, { value, most }) => [
    `salesperson ${salesperson} has sent ${Number(value)} of ${Number(most)} mails of today`,
    RAISE_LIMIT,
  ],
  domain_limit: ({ recipient }, { value, most }) => [
    `${domainOf(recipient)} has had ${Number(value)} of the ${Number(most)} mails that domain_limits allow it`,
    `nothing, or raise domain_limits in the definition file: ${APPLY}`,
  ],
  settings_changed: () => ['settings have changed since it was planned; the next plan looks at it again', null],
  day_not_prepared: () => ['the plan has not prepared today yet', 'goniec worker, if none is running'],
  window_closed: () => ['its window has closed; the next plan finds it another place', null],
  missed: ({ scheduled_at: at, timezone }) => [
    `it was planned for ${at && local(at, timezone)} and nobody sent it; the next plan gives it the first free place`,
    'goniec worker, if none is running',
  ],
  attempt_open: () => ['an attempt of it has not ended', null],
}

/** What its limit is counted by. */
export function domainOf(recipient: string): string {
  return recipient.slice(recipient.lastIndexOf('@') + 1)
}

/** Where it is to leave from. */
function box({ mailbox, bound_mailbox: bound }: MailFacts): string {
  return mailbox ?? bound ?? 'of its campaign'
}

function word(name: string | null): string {
  return shellWord(name ?? '')
}

/** A gate's value is JSON; these are texts. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
