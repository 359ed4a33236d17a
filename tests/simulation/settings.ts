/** What a simulated world is set to: plain values, as the driver knows them. The program learns them from a definition file. */

export interface StepSettings {
  key: string
  /** After the mail before it; null on the first one. */
  wait: { days: number } | { hours: number } | null
  /** False: a reply in the thread. */
  hasSubject: boolean
}

export interface CampaignSettings {
  name: string
  salesperson: string
  mailboxes: readonly string[]
  zone: string
  startsOn: string | null
  from: string
  to: string
  days: readonly string[]
  holidays: 'PL' | 'none'
  skipDates: readonly string[]
  delaySeconds: number
  jitterPercent: number
  dailyLimit: number | null
  contactGapDays: number
  /** Of its texts: every mail says which one it was written from. */
  revision: number
  weight: number
  steps: readonly StepSettings[]
}

export interface MailboxSettings {
  address: string
  salesperson: string
  dailyLimit: number
  gapSeconds: number
  warmup: { started: string; dailyLimit: number } | null
}

export interface SalespersonSettings {
  email: string
  dailyLimit: number | null
}

export interface WarmupStage {
  fromDay: number
  warmupLimit: number | null
  campaignLimit: number | null
}

/** Of recipient domains, but for one that has none. */
export interface DomainLimits {
  daily: number
  hourly: number
  free: string
}

/** Everything that a definition file names. */
export interface Settings {
  zone: string
  domainLimits: DomainLimits | null
  stages: readonly WarmupStage[]
  salespeople: readonly SalespersonSettings[]
  mailboxes: readonly MailboxSettings[]
  campaigns: readonly CampaignSettings[]
}

/** The definition file that says so. */
export function definitionOf(settings: Partial<Settings>, smtpPort: number): string {
  return JSON.stringify({
    // Chance refuses here, and nobody who would look at a bad list and resume: a campaign that was braked would end its weeks.
    refusal_brake: 'off',
    ...(settings.zone === undefined ? {} : { timezone: settings.zone }),
    ...(settings.stages === undefined ? {} : { warmup_stages: settings.stages.map(stage) }),
    ...(settings.domainLimits ? { domain_limits: limitsOf(settings.domainLimits) } : {}),
    ...list('salespeople', settings.salespeople?.map(salesperson)),
    ...list(
      'mailboxes',
      settings.mailboxes?.map((box) => mailbox(box, smtpPort)),
    ),
    ...list('campaigns', settings.campaigns?.map(campaign)),
  })
}

function limitsOf({ daily, hourly, free }: DomainLimits): object {
  return { daily_limit: daily, hourly_limit: hourly, except: [{ domains: [free] }] }
}

function list(key: string, things: object[] | undefined): object {
  return things === undefined ? {} : { [key]: things }
}

function salesperson({ email, dailyLimit }: SalespersonSettings): object {
  return { email, name: email, ...limit(dailyLimit) }
}

function stage({ fromDay, warmupLimit, campaignLimit }: WarmupStage): object {
  return {
    from_day: fromDay,
    ...(warmupLimit === null ? {} : { warmup_limit: warmupLimit }),
    ...(campaignLimit === null ? {} : { campaign_limit: campaignLimit }),
  }
}

function limit(dailyLimit: number | null): object {
  return dailyLimit === null ? {} : { daily_limit: dailyLimit }
}

function mailbox({ address, salesperson, dailyLimit, gapSeconds, warmup }: MailboxSettings, smtpPort: number): object {
  return {
    address,
    salesperson,
    daily_limit: dailyLimit,
    min_gap: `${gapSeconds}s`,
    smtp: { host: '127.0.0.1', port: smtpPort, security: 'none' },
    ...(warmup === null ? {} : { warmup: { started: warmup.started, daily_limit: warmup.dailyLimit } }),
  }
}

function campaign(settings: CampaignSettings): object {
  return {
    name: settings.name,
    salesperson: settings.salesperson,
    mailboxes: settings.mailboxes,
    timezone: settings.zone,
    ...(settings.startsOn === null ? {} : { starts_on: settings.startsOn }),
    window: { from: settings.from, to: settings.to, days: settings.days },
    holidays: settings.holidays,
    skip_dates: settings.skipDates,
    delay: `${settings.delaySeconds}s`,
    jitter: `${settings.jitterPercent}%`,
    ...limit(settings.dailyLimit),
    weight: settings.weight,
    contact_gap: `${settings.contactGapDays}d`,
    steps: settings.steps.map((step) => ({
      key: step.key,
      ...(step.wait === null ? {} : { wait: 'days' in step.wait ? `${step.wait.days}d` : `${step.wait.hours}h` }),
      variants: ['A', 'B'].map((letter) => ({
        letter,
        ...(step.hasSubject ? { subject: `About ${settings.name}, ${step.key}` } : {}),
        text: markOf(settings, step.key, letter),
      })),
    })),
  }
}

/** What every text begins with, so that the recorder's mails say what they are. */
export function markOf(
  { name, revision }: Pick<CampaignSettings, 'name' | 'revision'>,
  step: string,
  letter: string,
): string {
  return `[${name}/${step}/${letter}/${revision}] Good day, {{ n }}.`
}
