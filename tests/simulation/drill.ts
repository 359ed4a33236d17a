/** A small world for drills: campaigns that send all day by one delay, with room to spare, and nothing that goes wrong by chance. */
import type { TestDatabase } from '../support/database.ts'
import { Driver } from './driver.ts'
import type { Happening } from './happenings.ts'
import { startMailServer, type MailServer } from './mail-server.ts'
import type { CampaignSettings, MailboxSettings } from './settings.ts'
import { instantMs, type SimulatedWorld } from './world.ts'

/** A Monday of a week without a holiday. */
export const MONDAY = '2026-11-16'

export const DELAY_SECONDS = 240

export interface Slot {
  id: number
  campaign: string
  atMs: number
  mailbox: string
}

export interface Drill extends AsyncDisposable {
  driver: Driver
  server: MailServer
  /** Stored slots of mails that wait, in their order. */
  slots: () => Promise<Slot[]>
  /** Moves recorded since the last call, by mail. */
  moves: () => Promise<Map<number, string>>
}

/** A campaign that is in no way special. */
export function plainCampaign(name: string, mailboxes: readonly MailboxSettings[]): CampaignSettings {
  return {
    name,
    salesperson: 'anna@firma.example',
    mailboxes: mailboxes.map(({ address }) => address),
    zone: 'Europe/Warsaw',
    startsOn: null,
    from: '08:00',
    to: '18:00',
    days: ['mon', 'tue', 'wed', 'thu', 'fri'],
    holidays: 'PL',
    skipDates: [],
    delaySeconds: DELAY_SECONDS,
    jitterPercent: 20,
    dailyLimit: null,
    contactGapDays: 1,
    revision: 1,
    weight: 1,
    steps: [
      { key: 'intro', wait: null, hasSubject: true },
      { key: 'reminder', wait: { days: 1 }, hasSubject: false },
    ],
  }
}

export const MAILBOXES: readonly MailboxSettings[] = Array.from({ length: 4 }, (_, index) => ({
  address: `box${index}@firma.example`,
  salesperson: 'anna@firma.example',
  dailyLimit: 40,
  gapSeconds: 30,
  warmup: null,
}))

/** Two campaigns of so many leads, started on Monday at seven. */
export async function startDrill(
  database: TestDatabase,
  happenings: readonly Happening[],
  leads: number,
): Promise<Drill> {
  const campaigns = ['first', 'second'].map((name) => plainCampaign(name, MAILBOXES))
  const world: SimulatedWorld = {
    seed: 0,
    firstDay: MONDAY,
    startMs: instantMs(MONDAY, '07:00'),
    endMs: instantMs('2026-11-28', '00:00'),
    settings: {
      zone: 'Europe/Warsaw',
      domainLimits: null,
      stages: [{ fromDay: 1, warmupLimit: null, campaignLimit: null }],
      salespeople: [{ email: 'anna@firma.example', dailyLimit: null }],
      mailboxes: MAILBOXES,
      campaigns,
    },
    leads: new Map(campaigns.map(({ name }) => [name, addresses(name, leads)])),
  }
  const server = await startMailServer(0, 'good')
  const starts = campaigns.map(({ name }): Happening => ({ atMs: world.startMs, kind: 'start', campaign: name }))
  const driver = new Driver({ world, happenings: [...starts, ...happenings], database, server, onDay: () => undefined })
  await driver.setUp()
  let lastEvent = 0
  return {
    driver,
    server,
    slots: () => database.query<Slot & Record<string, unknown>>(SLOTS),
    async moves() {
      const events = await database.query<{ id: number; message_id: number; reason: string }>(
        `select id, message_id, data ->> 'reason' as reason from goniec.event
         where id > $1 and type in ('moved', 'withdrawn') order by id`,
        [lastEvent],
      )
      lastEvent = events.at(-1)?.id ?? lastEvent
      return new Map(events.map(({ message_id: id, reason }) => [id, reason]))
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

export function addresses(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${name}${index}@klient${index % 50}.example`)
}

const SLOTS = `
  select m.id, c.name as campaign, (extract(epoch from m.scheduled_at) * 1000)::float8 as "atMs", b.address as mailbox
  from goniec.message m
  join goniec.campaign c on c.id = m.campaign_id
  join goniec.mailbox b on b.id = m.mailbox_id
  where m.status = 'pending' and m.scheduled_at is not null
  order by m.scheduled_at, m.id`
