/** Changes of settings while campaigns run, as somebody would write them into the definition file. */
import { Temporal } from '../../src/time.ts'
import type { Journal } from './journal.ts'
import type { Random } from './random.ts'
import type { CampaignSettings, Settings } from './settings.ts'

/** Draws one change; returns what is to be applied, and what it is. */
export function drawEdit(
  random: Random,
  journal: Journal,
  nowMs: number,
): { settings: Partial<Settings>; what: string } {
  const kind = random.pick(['campaign', 'campaign', 'campaign', 'mailbox', 'salesperson'] as const)
  if (kind === 'mailbox') {
    const mailbox = random.pick([...journal.mailboxes.values()]).latest
    const changed = random.chance(0.6)
      ? { ...mailbox, dailyLimit: random.int(3, 8) }
      : { ...mailbox, gapSeconds: random.pick([60, 180, 900]) }
    return { settings: { mailboxes: [changed] }, what: `edit ${JSON.stringify(changed)}` }
  }
  if (kind === 'salesperson') {
    const salesperson = random.pick([...journal.salespeople.values()]).latest
    const changed = { ...salesperson, dailyLimit: random.chance(0.3) ? null : random.int(18, 34) }
    return { settings: { salespeople: [changed] }, what: `edit ${JSON.stringify(changed)}` }
  }
  const campaign = random.pick([...journal.campaigns.values()]).latest
  const change = random.pick(CHANGES)(random, campaign, nowMs)
  return {
    settings: { campaigns: [{ ...campaign, ...change }] },
    what: `edit ${campaign.name}: ${JSON.stringify(change)}`,
  }
}

type CampaignChange = (random: Random, campaign: CampaignSettings, nowMs: number) => Partial<CampaignSettings>

const CHANGES: readonly CampaignChange[] = [
  (random) => ({ from: random.pick(['08:00', '10:00', '11:30']), to: random.pick(['14:00', '16:00', '18:30']) }),
  (random) => ({ dailyLimit: random.chance(0.3) ? null : random.int(5, 13) }),
  (random) => ({ delaySeconds: random.pick([60, 240, 600]), jitterPercent: random.pick([0, 10, 50]) }),
  (_, { revision }) => ({ revision: revision + 1 }),
  (random, { mailboxes }) =>
    mailboxes.length < 2 ? {} : { mailboxes: random.sample(mailboxes, mailboxes.length - 1) },
  (random, { days }) => ({ days: days.length > 4 ? days.slice(0, -1) : [...days, random.pick(['sat', 'sun'])] }),
  (random, { skipDates, zone }, nowMs) => {
    const today = Temporal.Instant.fromEpochMilliseconds(nowMs).toZonedDateTimeISO(zone).toPlainDate()
    return { skipDates: [...new Set([...skipDates, today.add({ days: random.int(0, 4) }).toString()])] }
  },
  (random) => ({ contactGapDays: random.int(0, 3) }),
  (random, { steps }) => {
    if (steps.some(({ key }) => key === 'added')) return {}
    return { steps: [...steps, { key: 'added', wait: { days: random.int(1, 4) }, hasSubject: random.chance(0.5) }] }
  },
]
