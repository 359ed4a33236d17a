/** A status as it could be read of a small installation, for tests of how it is shown. */
import type { Mail } from '../../src/reports/mail.ts'
import type { MailboxSummary } from '../../src/reports/mailboxes.ts'
import type { CampaignStatusRow } from '../../src/reports/status/campaigns.ts'
import type { Status } from '../../src/reports/status/read.ts'
import type { RecentEvent } from '../../src/reports/status/recent.ts'
import { NOON } from '../support/world.ts'
import type { Instant } from '../../src/time.ts'

const after = (ms: number): Instant => NOON.add({ milliseconds: ms })

export function campaign(over: Partial<CampaignStatusRow> = {}): CampaignStatusRow {
  return {
    name: 'spring-offer',
    status: 'running',
    status_reason: null,
    salesperson: 'anna@firma.example',
    salesperson_paused_at: null,
    timezone: 'Europe/Warsaw',
    starts_on: null,
    sent: 130,
    open: 150,
    to_go: 270,
    in_doubt: 0,
    today: { day: '2026-12-01', taken: 40, daily_limit: 120 },
    next_at: after(80_000),
    finish: { made_on: '2026-12-01', earliest: '2026-12-17', likely: '2026-12-18', latest: '2026-12-22' },
    ...over,
  }
}

export function mail(over: Partial<Mail> = {}): Mail {
  return {
    id: 4711,
    kind: 'campaign',
    campaign: 'spring-offer',
    lead: 'jan.kowalski@klient.example',
    step: 'intro',
    variant: 'A',
    mailbox: 'anna@firma.example',
    status: 'pending',
    first_planned_at: after(80_000),
    scheduled_at: after(80_000),
    reason: 'planned',
    recipient: 'jan.kowalski@klient.example',
    is_test: false,
    detail: null,
    timezone: 'Europe/Warsaw',
    ...over,
  }
}

export function mailbox(over: Partial<MailboxSummary> = {}): MailboxSummary {
  return {
    address: 'anna@firma.example',
    name: null,
    salesperson: 'anna@firma.example',
    status: 'active',
    status_reason: null,
    today: {
      day: '2026-12-01',
      taken: 25,
      daily_limit: 50,
      campaign_taken: 24,
      campaign_limit: null,
      warmup_taken: 0,
      warmup_limit: null,
      response_taken: 1,
    },
    warmup: null,
    free_from: null,
    faults: 0,
    fault_reason: null,
    last_fence_at: null,
    next_at: after(80_000),
    ...over,
  }
}

export function event(over: Partial<RecentEvent> = {}): RecentEvent {
  return {
    id: 1,
    at: after(-20_000),
    since: after(-20_000),
    times: 1,
    type: 'sent',
    actor: 'worker',
    message_id: 4710,
    attempt_id: null,
    campaign: 'spring-offer',
    lead: 'ewa@klient.example',
    mailbox: 'anna@firma.example',
    kind: 'campaign',
    step: 'intro',
    recipient: 'ewa@klient.example',
    is_test: false,
    data: {},
    ...over,
  }
}

const NOTHING = { count: 0, more: false, message_id: null, oldest_at: null }

/** Two campaigns, two mailboxes of which one is broken, a doubt. */
export function statusOf(over: Partial<Status> = {}): Status {
  return {
    at: NOON,
    timezone: 'Europe/Warsaw',
    paused_at: null,
    workers: [
      { name: 'sender-1', host: 'h', pid: 1, version: '0', started_at: NOON, works: true, in_flight: 2 },
      { name: 'sender-2', host: 'h', pid: 2, version: '0', started_at: NOON, works: true, in_flight: 0 },
    ],
    campaigns: [
      campaign(),
      campaign({
        name: 'dach',
        status: 'paused',
        sent: 0,
        to_go: 1240,
        next_at: null,
        finish: null,
        in_doubt: 1,
        today: { day: '', taken: 0, daily_limit: null },
      }),
    ],
    campaigns_total: 2,
    next: [
      mail({ kind: 'response', scheduled_at: after(-2000), recipient: 'ewa@klient.example', reason: 'mailbox_gap' }),
      mail(),
      mail({ scheduled_at: after(86_400_000), recipient: 'zofia@klient.example' }),
    ],
    mailboxes: [
      mailbox({
        address: 'bartek@firma.example',
        status: 'broken',
        status_reason: '535 5.7.8 bad login',
        next_at: null,
      }),
      mailbox({
        warmup: { day: 8, stage: 8, started: '2026-11-24' },
        today: { ...mailbox().today, campaign_limit: 30 },
      }),
    ],
    mailboxes_total: 2,
    trouble: {
      restored: null,
      doubts: { count: 1, more: false, message_id: 7, oldest_at: after(-3600_000) },
      held: { ...NOTHING, reason: null },
      contradictions: NOTHING,
      overdue: NOTHING,
      unplanned: NOTHING,
      braked: [],
      broken: [{ address: 'bartek@firma.example', reason: '535 5.7.8 bad login' }],
      needs_worker: true,
    },
    events: [
      event(),
      event({ type: 'planned', times: 312, at: after(-60_000) }),
      event({
        type: 'campaign_paused',
        message_id: null,
        lead: null,
        campaign: 'dach',
        at: after(-86_400_000),
        data: { from: 'running' },
      }),
    ],
    ...over,
  }
}
