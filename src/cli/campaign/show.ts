import { describeCampaign, type CampaignDetails, type StepDetails } from '../../campaigns/show.ts'
import { formatDuration, writeDuration } from '../../time.ts'
import type { Cli } from '../cli.ts'
import type { Cell } from '../output.ts'
import { nextTime, summaryJson } from './list.ts'

/** Prints one campaign. */
export async function showCampaign(cli: Cli, name: string): Promise<void> {
  const details = await cli.withDatabase((database) => describeCampaign(database, name))
  cli.output.timeZone = details.timezone
  cli.output.data(detailsJson(details), () => {
    cli.output.properties(properties(details))
    cli.output.line('')
    cli.output.table(details.steps, [
      { header: 'step', value: ({ key, retired }) => (retired ? `${key} (removed)` : key) },
      { header: 'after', value: describeWait },
      { header: 'variants', value: ({ variants }) => variants.join(' ') },
      { header: 'pending', value: ({ counts }) => counts.pending },
      { header: 'sending', value: ({ counts }) => counts.sending },
      { header: 'sent', value: ({ counts }) => counts.sent },
      { header: 'failed', value: ({ counts }) => counts.failed },
      { header: 'cancelled', value: ({ counts }) => counts.cancelled },
      { header: 'in doubt', value: ({ counts }) => counts.in_doubt },
    ])
  })
}

function detailsJson(details: CampaignDetails): Record<string, unknown> {
  const { campaign, leads, planned, unplanned, held, lastSentAt, today, mailboxes, steps } = details
  const { calendar, delayMs, jitter, dailyLimit, contactGapDays, weight, statusReason, startedAt, completedAt } =
    campaign
  return {
    ...summaryJson(details),
    leads,
    planned,
    unplanned,
    held,
    status_reason: statusReason,
    last_sent_at: lastSentAt,
    started_at: startedAt,
    completed_at: completedAt,
    today: { day: today.day, taken: today.taken, daily_limit: today.dailyLimit },
    window: calendar.window,
    holidays: calendar.holidays,
    skip_dates: calendar.skipDates,
    delay_ms: delayMs,
    jitter,
    daily_limit: dailyLimit,
    contact_gap_days: contactGapDays,
    weight,
    mailboxes: mailboxes.map(({ address, status, statusReason }) => ({ address, status, status_reason: statusReason })),
    steps: steps.map(({ key, waitDays, waitMs, retired, variants, counts }) => ({
      key,
      wait_days: waitDays,
      wait_ms: waitMs,
      retired,
      variants,
      counts,
    })),
  }
}

function properties(details: CampaignDetails): [string, Cell][] {
  const { campaign, leads, planned, unplanned, held, lastSentAt, today } = details
  const { calendar, delayMs, jitter, dailyLimit, contactGapDays, weight, statusReason } = campaign
  const { window, holidays, skipDates } = calendar
  const times: [string, Cell][] = [
    ['started', campaign.startedAt],
    ['completed', campaign.completedAt],
    ['last sent', lastSentAt],
  ]
  return [
    ['name', details.name],
    ['status', statusReason === null ? details.status : `${details.status}: ${statusReason}`],
    ['next', nextTime(details)],
    ...times.filter(([, value]) => value !== null),
    ['leads', leads],
    ['pending', `${planned} planned, ${unplanned} without a time yet${held > 0 ? `, ${held} set aside` : ''}`],
    ['today', `${today.taken} of ${today.dailyLimit ?? 'any number'} taken (${today.day})`],
    ['window', `${window.from}–${window.to} on ${window.days.join(', ')}, ${calendar.timeZone}`],
    [
      'not on',
      [holidays === null ? '' : `holidays of ${holidays}`, ...skipDates].filter((part) => part !== '').join(', '),
    ],
    ['delay', `${formatDuration(delayMs)} ± ${Math.round(jitter * 100)} %`],
    ['limit a day', dailyLimit ?? 'none of its own'],
    ['contact gap', contactGapDays === 0 ? 'off' : `${contactGapDays}d`],
    ['weight', weight],
    ['salesperson', details.salesperson],
    ['mailboxes', details.mailboxes.map(describeMailbox).join(', ')],
  ]
}

function describeMailbox({ address, status, statusReason }: CampaignDetails['mailboxes'][number]): string {
  if (status === 'active') return address
  return `${address} (${status}${statusReason === null ? '' : `: ${statusReason}`})`
}

function describeWait({ waitDays, waitMs }: StepDetails): string | null {
  if (waitDays !== null) return `${waitDays}d`
  return waitMs === null ? null : writeDuration(waitMs)
}
