/**
 * The definition that the demo applies: examples/campaigns.yaml, compressed. Delays and waits are short, every day is a sending day, mail
 * goes to the recorder; windows, texts, mailboxes, and all other limits stay what the file says, but for a few that shall show today.
 */
import { join } from 'node:path'
import type {
  CampaignDefinition,
  Definition,
  MailboxDefinition,
  SendingWindow,
  StepDefinition,
} from '../../campaigns/definition/definition.ts'
import { parseDefinition } from '../../campaigns/definition/parse.ts'
import { readDefinitionFiles } from '../../campaigns/definition/read.ts'
import { instantAt, type PlainDate } from '../../time.ts'

/** Where the examples are: beside the sources, and in the package. */
export const EXAMPLES = join(import.meta.dirname, '..', '..', '..', 'examples')

export interface Scene {
  recorderPort: number
  timeZone: string
  /** In that zone. */
  today: PlainDate
}

/** The example's definition as the demo applies it. `first` takes the place of its first campaign's texts and name. */
export function demoDefinition(
  scene: Scene,
  first?: Pick<CampaignDefinition, 'name' | 'steps' | 'dailyLimit'>,
): Definition {
  const definition = parseDefinition(readDefinitionFiles([join(EXAMPLES, 'campaigns.yaml')]))
  const campaigns = definition.campaigns.map((campaign, i) => ({ ...campaign, ...(i === 0 ? first : undefined) }))
  return {
    ...definition,
    timezone: scene.timeZone,
    // A day in a minute: an hour's limit of a domain would hold the rest until the hour is over.
    domainLimits: undefined,
    mailboxes: definition.mailboxes.map((mailbox) => toRecorder(mailbox, scene)),
    campaigns: campaigns.map((campaign, i) => compressed(campaign, PACES[i] ?? PACES[0], scene)),
  }
}

/**
 * The zone in which it is about noon now: there the working hours of the examples are open whenever somebody runs the demo, and no
 * midnight comes in between.
 */
export function noonZone(nowMs: number): string {
  const { hour, minute } = instantAt(nowMs).toZonedDateTimeISO('UTC')
  const offset = Math.round(12 - (hour + minute / 60))
  // In the names of these zones the sign is turned round: Etc/GMT-5 is five hours ahead of Greenwich.
  return offset === 0 ? 'UTC' : `Etc/GMT${offset > 0 ? '-' : '+'}${Math.abs(offset)}`
}

interface Pace {
  delayMs: number
  dailyLimit?: number
}

const PACES: readonly [Pace, ...Pace[]] = [
  { delayMs: 280 },
  { delayMs: 480 },
  // Fewer than its leads, so that a limit shows.
  { delayMs: 620, dailyLimit: 40 },
]

const MIN_GAP_MS = 150
/** A little less than the first campaign has for its mailboxes, so that their limits show: the rest waits for tomorrow. */
const MAILBOX_LIMIT = 90
const FOLLOW_UP_MS = 7000

/** In the first week of the ramp in the file: five campaign mails, so that it shows. */
const WARMUP_DAY = 3

function toRecorder(mailbox: MailboxDefinition, { recorderPort, today }: Scene): MailboxDefinition {
  return {
    ...mailbox,
    dailyLimit: Math.min(mailbox.dailyLimit, MAILBOX_LIMIT),
    minGapMs: MIN_GAP_MS,
    smtp: { host: '127.0.0.1', port: recorderPort, security: 'none', user: null, password: null, oauth2: null },
    imap: null,
    warmup: mailbox.warmup && { ...mailbox.warmup, started: today.subtract({ days: WARMUP_DAY - 1 }).toString() },
  }
}

function compressed(campaign: CampaignDefinition, pace: Pace, { timeZone }: Scene): CampaignDefinition {
  return {
    ...campaign,
    timezone: timeZone,
    startsOn: null,
    window: openNow(campaign.window),
    holidays: null,
    skipDates: [],
    delayMs: pace.delayMs,
    dailyLimit: pace.dailyLimit ?? campaign.dailyLimit,
    steps: campaign.steps.map(soon),
  }
}

/** As in the file, every day, and in any case around noon. */
function openNow({ from, to }: SendingWindow): SendingWindow {
  return { from: from < '11:00' ? from : '11:00', to: to > '13:00' ? to : '13:00', days: [1, 2, 3, 4, 5, 6, 7] }
}

function soon(step: StepDefinition): StepDefinition {
  return { ...step, wait: step.wait && { ms: FOLLOW_UP_MS } }
}
