/**
 * What definition files say, as plain typed data: every default filled in, every unit fixed, every text file read. It knows
 * nothing of the database; what the names in it refer to is decided by whoever applies it.
 */

/** Where something stands in a definition file. Lines and columns count from one. */
export interface Position {
  file: string
  line: number
  column: number
  /** The keys that lead there: `campaigns[0].steps[1].wait`. */
  path: string
}

export interface Definition {
  /** The installation's zone; undefined where no file names one: then it stays as it is (`Europe/Warsaw` at first). */
  timezone: string | undefined
  /** Undefined where no file names them: then they stay. */
  warmupStages: WarmupStage[] | undefined
  /** Undefined where no file names them: then they stay. */
  domainLimits: DomainLimit[] | undefined
  /** Undefined where no file names it: then it stays. */
  refusalBrake: RefusalBrake | undefined
  salespeople: SalespersonDefinition[]
  mailboxes: MailboxDefinition[]
  campaigns: CampaignDefinition[]
  /** Every mention of a salesperson or mailbox by another thing, in the order of the files. */
  references: Reference[]
}

export interface Reference {
  kind: 'salesperson' | 'mailbox'
  /** The normalised address that is referred to. */
  name: string
  /** Who refers: `campaign "spring-offer"`, `mailbox anna@firma.example`. */
  by: string
  /** True where the files themselves define it; else it has to exist in the database already. */
  defined: boolean
  at: Position
}

/** From this day of warm-up on (the first is 1); null is no limit. */
export interface WarmupStage {
  fromDay: number
  warmupLimit: number | null
  campaignLimit: number | null
}

/** Most campaign mails to a recipient domain; `*` is every one that is not named. Null is no limit. */
export interface DomainLimit {
  domain: string
  dailyLimit: number | null
  hourlyLimit: number | null
}

/** A campaign or mailbox pauses when more than this share of its `last` mails, at least `least`, was refused for good; null: never. */
export interface RefusalBrake {
  share: number | null
  least: number
  last: number
}

export interface SalespersonDefinition {
  email: string
  name: string
  dailyLimit: number | null
  at: Position
}

export interface MailboxDefinition {
  address: string
  /** The name people see as the sender; null: the bare address. */
  name: string | null
  salesperson: string
  dailyLimit: number
  minGapMs: number
  signature: { text: string | null; html: string | null }
  /** Where `List-Unsubscribe` points, an address; null: the mailbox itself. */
  unsubscribe: string | null
  smtp: SmtpServer
  /** Null where replies are not read. Without a login of its own, that of `smtp` is meant. */
  imap: ServerAccount | null
  /** Null: not warming. `started` is an ISO date; `dailyLimit` null: none beside the stages'. */
  warmup: { started: string; dailyLimit: number | null } | null
  at: Position
}

export interface ServerAccount {
  host: string
  port: number
  /** `tls` from the first byte, `starttls` required, `none` in the clear. */
  security: Security
  /** Null together with the password: no login. */
  user: string | null
  /** A reference, never a password: `env:NAME`, `file:PATH` or `credential:NAME`. */
  password: string | null
}

export interface SmtpServer extends ServerAccount {
  /** Logs in with access tokens (XOAUTH2) instead of the password, which is null then. */
  oauth2: OAuth2 | null
}

/** How access tokens are had. Secrets are references, as a password is. */
export interface OAuth2 {
  tokenUrl: string
  clientId: string
  clientSecret: string | null
  /** Null: the client's own right (client credentials), not a person's consent. */
  refreshToken: string | null
  /** Null: that of the consent. */
  scope: string | null
}

export type Security = 'tls' | 'starttls' | 'none'

export interface CampaignDefinition {
  name: string
  salesperson: string
  /** Normalised addresses, in the file's order, at least one. */
  mailboxes: string[]
  timezone: string
  /** ISO date, or null: from the start command on. */
  startsOn: string | null
  window: SendingWindow
  /** A country or region that date-holidays knows, `PL`, `DE-BY`; null: works on holidays. */
  holidays: string | null
  /** ISO dates, ascending, each once. */
  skipDates: string[]
  delayMs: number
  /** Of the delay, to both sides: 0.2 is ± 20 %. */
  jitter: number
  dailyLimit: number | null
  /** Calendar days; 0 is off. */
  contactGapDays: number
  /** Its part of what it shares with others, against theirs. */
  weight: number
  steps: StepDefinition[]
  at: Position
}

/** Local times of day, `HH:MM`, `to` up to `24:00` and after `from`; days as in ISO, Monday is 1, ascending. */
export interface SendingWindow {
  from: string
  to: string
  days: number[]
}

export interface StepDefinition {
  /** Null: told apart by its place. */
  key: string | null
  /** After the previous step; null on the first one, and only there. */
  wait: Wait | null
  variants: VariantDefinition[]
  at: Position
}

/** Calendar days of the campaign's zone, or a span of time. */
export type Wait = { days: number; ms?: never } | { ms: number; days?: never }

export interface VariantDefinition {
  letter: string
  weight: number
  /** Null: a reply in the thread of the previous step; never on the first step. */
  subject: string | null
  /** Of text and HTML at least one is there. */
  text: string | null
  html: string | null
  at: Position
}
