/** Forecasts to draw, made by hand: a short one, and one of five campaigns over nine months. */
import type { DrawnCampaign, DrawnDay } from '../../../src/cli/drawing/drawn.ts'
import { windowsOf, type SendingCalendar } from '../../../src/schedule/windows.ts'
import { Temporal } from '../../../src/time.ts'
import type { Drawn } from '../../../src/cli/drawing/drawn.ts'

export const CALENDAR: SendingCalendar = {
  timeZone: 'Europe/Warsaw',
  startsOn: null,
  window: { from: '09:00', to: '16:30', days: ['mon', 'tue', 'wed', 'thu', 'fri'] },
  holidays: 'PL',
  skipDates: ['2026-12-31'],
}

/** Three days, the first mails on two of them. */
export function threeDays(name = 'spring-offer'): Drawn {
  const days: DrawnDay[] = [
    { day: '2026-11-27', firstMails: 120, followUps: 0, mails: 120, binding: 'mailbox_limit' },
    { day: '2026-11-30', firstMails: 60, followUps: 40, mails: 100, binding: 'campaign_limit' },
    { day: '2026-12-01', firstMails: 0, followUps: 12, mails: 12, binding: 'all_planned' },
  ]
  return drawn([campaignOf(name, days)])
}

/** Five campaigns; the longest from November to August. */
export function nineMonths(): Drawn {
  return drawn([
    long('Oferta wiosenna: żółć i gęślą jaźń', { days: 190, aDay: 150 }),
    long('audyt-hal', { days: 60, aDay: 40 }),
    long('fotowoltaika-dach', { days: 120, aDay: 95, startsOn: '2027-02-15' }),
    long('partner-programme', { days: 25, aDay: 10 }),
    { ...campaignOf('waits', []), never: [{ reason: 'its mailbox is broken', mails: 12 }] },
  ])
}

export function drawn(campaigns: DrawnCampaign[]): Drawn {
  return { madeAt: Temporal.Instant.from('2026-11-26T07:30:00Z'), timeZone: 'Europe/Warsaw', campaigns }
}

export function campaignOf(campaign: string, days: DrawnDay[], calendar = CALENDAR): DrawnCampaign {
  const last = days.at(-1)?.day ?? null
  return {
    campaign,
    status: 'running',
    calendar,
    sent: 18,
    mails: days.reduce((sum, { mails }) => sum + mails, 0),
    days,
    firstMailsEnd: days.findLast(({ firstMails }) => firstMails > 0)?.day ?? null,
    followUpsEnd: days.findLast(({ followUps }) => followUps > 0)?.day ?? null,
    finish:
      last === null
        ? null
        : { extrapolated: false, earliest: last, likely: last, latest: windowsOf(calendar, last, 3)[2]?.day ?? last },
    never: [],
  }
}

function long(
  name: string,
  { days, aDay, startsOn = null }: { days: number; aDay: number; startsOn?: string | null },
): DrawnCampaign {
  const calendar = { ...CALENDAR, startsOn }
  const dates = windowsOf(calendar, '2026-11-27', days).map(({ day }) => day)
  const bindings = ['mailbox_limit', 'warmup_limit', 'campaign_limit', 'window'] as const
  return campaignOf(
    name,
    dates.map((day, i) => {
      const followUps = i < 3 ? 0 : Math.round(aDay * Math.min(0.8, i / days))
      const firstMails = i > days * 0.8 ? 0 : aDay - followUps
      return {
        day,
        firstMails,
        followUps,
        mails: firstMails + followUps,
        binding: bindings[Math.floor((i / days) * 4)] ?? 'window',
      }
    }),
    calendar,
  )
}
