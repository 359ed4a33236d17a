/** A world from a seed: five campaigns, twelve mailboxes of which four are warming, leads that are in one campaign or in several. */
import { Temporal } from '../../src/time.ts'
import { Random } from './random.ts'
import type { CampaignSettings, MailboxSettings, SalespersonSettings, Settings, StepSettings } from './settings.ts'

export interface SimulatedWorld {
  seed: number
  /** The Monday on which it begins, at seven in the installation's zone, and how long it goes on. */
  firstDay: string
  startMs: number
  endMs: number
  settings: Settings
  /** The leads of each campaign, by its name, as they are imported on the first day. */
  leads: ReadonlyMap<string, readonly string[]>
}

const ZONE = 'Europe/Warsaw'
const WEEKS = 8

/** Eight weeks from each of them: the 25-hour day and 11 November; Christmas to Epiphany; the 23-hour day, Easter and early May. */
const FIRST_DAYS = ['2026-10-05', '2027-03-15', '2026-11-30']

const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri']

/** Draws a world. The same seed gives the same world. */
export function drawWorld(seed: number): SimulatedWorld {
  const random = new Random('world', seed)
  const firstDay = FIRST_DAYS[seed % FIRST_DAYS.length] ?? ''
  const start = Temporal.PlainDate.from(firstDay)
  const salespeople = ['anna', 'bartek', 'celina'].map((name): SalespersonSettings => ({
    email: `${name}@firma.example`,
    dailyLimit: random.chance(0.5) ? random.int(20, 34) : null,
  }))
  const mailboxes = Array.from({ length: 12 }, (_, index) => drawMailbox(random, index, salespeople, start))
  const campaigns = Array.from({ length: 5 }, (_, index) =>
    drawCampaign(random, index, { salespeople, mailboxes, start }),
  )
  return {
    seed,
    firstDay,
    startMs: instantMs(firstDay, '07:00'),
    endMs: instantMs(start.add({ weeks: WEEKS }).toString(), '00:00'),
    settings: {
      zone: ZONE,
      domainLimits: random.chance(0.6)
        ? { daily: random.int(2, 4), hourly: random.int(1, 3), free: domain(random) }
        : null,
      stages: [
        { fromDay: 1, warmupLimit: 10, campaignLimit: 2 },
        { fromDay: 8, warmupLimit: 20, campaignLimit: 4 },
        { fromDay: 22, warmupLimit: 30, campaignLimit: 7 },
        { fromDay: 36, warmupLimit: null, campaignLimit: null },
      ],
      salespeople,
      mailboxes,
      campaigns,
    },
    leads: drawLeads(random, campaigns),
  }
}

/** An instant of the installation's zone. */
export function instantMs(day: string, time: string, zone = ZONE): number {
  return Temporal.PlainDateTime.from(`${day}T${time}`).toZonedDateTime(zone).epochMilliseconds
}

/** Addresses that are in no campaign yet. */
export function drawStrangers(random: Random, count: number, name: string): string[] {
  return Array.from({ length: count }, (_, index) => `${name}${index}@${domain(random)}`)
}

type Day = ReturnType<typeof Temporal.PlainDate.from>

function drawMailbox(
  random: Random,
  index: number,
  salespeople: readonly SalespersonSettings[],
  start: Day,
): MailboxSettings {
  const owner = salespeople[index % salespeople.length]?.email ?? ''
  const isWarming = index >= 8
  return {
    address: `box${index + 1}.${owner}`,
    salesperson: owner,
    dailyLimit: random.int(4, 7),
    gapSeconds: random.pick([60, 120, 240, 600]),
    warmup: isWarming
      ? { started: start.add({ days: random.int(-20, 10) }).toString(), dailyLimit: random.int(5, 12) }
      : null,
  }
}

interface Parts {
  salespeople: readonly SalespersonSettings[]
  mailboxes: readonly MailboxSettings[]
  start: Day
}

/** The fourth begins on a day of its own, the fifth is started in the middle (see happenings). */
function drawCampaign(random: Random, index: number, { salespeople, mailboxes, start }: Parts): CampaignSettings {
  const isAbroad = index === 2
  const [from, to] = isAbroad
    ? random.pick([
        ['10:00', '20:00'],
        ['08:30', '15:00'],
      ])
    : [random.pick(['08:00', '09:00', '09:30']), random.pick(['13:00', '15:30', '17:00'])]
  const boxes = mailboxes.filter((_, box) => box % 5 === index || (box + 1) % 4 === index % 4)
  return {
    name: `c${index + 1}`,
    salesperson: random.pick(salespeople).email,
    mailboxes: boxes.map(({ address }) => address),
    zone: isAbroad ? random.pick(['America/New_York', 'Europe/London', 'Asia/Tokyo']) : ZONE,
    startsOn: index === 3 ? start.add({ days: random.int(3, 10) }).toString() : null,
    from: from ?? '',
    to: to ?? '',
    days: random.chance(0.25) ? [...WEEKDAYS, 'sat'] : random.chance(0.2) ? WEEKDAYS.slice(0, 4) : WEEKDAYS,
    holidays: isAbroad ? 'none' : 'PL',
    skipDates: random.chance(0.5) ? [start.add({ days: random.int(5, 50) }).toString()] : [],
    delaySeconds: random.pick([90, 180, 300, 900]),
    jitterPercent: random.pick([0, 20, 40]),
    dailyLimit: random.chance(0.6) ? random.int(6, 11) : null,
    contactGapDays: random.int(0, 3),
    revision: 1,
    weight: random.pick([1, 1, 1, 2, 3]),
    steps: drawSteps(random),
  }
}

function drawSteps(random: Random): StepSettings[] {
  const steps: StepSettings[] = [
    { key: 'intro', wait: null, hasSubject: true },
    {
      key: 'reminder',
      wait: random.chance(0.3) ? { hours: random.int(20, 80) } : { days: random.int(1, 6) },
      hasSubject: false,
    },
    { key: 'last', wait: { days: random.int(2, 7) }, hasSubject: random.chance(0.5) },
  ]
  return steps.slice(0, random.int(1, 3))
}

/** About as many mails as eight weeks can carry; a fifth of the leads is in two campaigns. */
function drawLeads(random: Random, campaigns: readonly CampaignSettings[]): Map<string, string[]> {
  const shared = drawStrangers(random, 45, 'shared')
  return new Map(
    campaigns.map(({ name, steps }) => {
      const own = drawStrangers(random, Math.round(random.int(130, 190) / steps.length), `${name}-lead`)
      return [name, [...own, ...random.sample(shared, 20)]]
    }),
  )
}

function domain(random: Random): string {
  return `klient${random.int(1, 60)}.example`
}
