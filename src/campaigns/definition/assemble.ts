/** From the valid data of the files to one definition: places attached, what stands twice found, mentions collected. */
import type { CampaignData } from './campaign.ts'
import { WEEKDAYS } from './campaign.ts'
import type {
  CampaignDefinition,
  Definition,
  MailboxDefinition,
  Position,
  Reference,
  SalespersonDefinition,
  WarmupStage,
} from './definition.ts'
import { domainLimitsOf } from './domain-limits.ts'
import type { DefinitionDocument, KeyPath } from './document.ts'
import type { MailboxData, SalespersonData } from './mailbox.ts'
import { type Problem, where } from './problems.ts'
import type { FileData } from './schema.ts'

/** A file whose values are valid. */
export interface ValidFile {
  document: DefinitionDocument
  data: FileData
}

/** Merges files; each thing may be defined once in all of them. Problems are added to the list. */
export function assemble(files: ValidFile[], problems: Problem[]): Definition {
  const defined = new Map<string, Position>()
  const define = (what: string, at: Position): void => {
    const first = defined.get(what)
    if (first === undefined) defined.set(what, at)
    else problems.push({ at, message: `${what} is defined a second time; the first stands at ${where(first)}` })
  }
  const definition: Definition = {
    timezone: undefined,
    warmupStages: undefined,
    domainLimits: undefined,
    refusalBrake: undefined,
    salespeople: [],
    mailboxes: [],
    campaigns: [],
    references: [],
  }
  for (const { document, data } of files) {
    const at = document.position
    if (data.timezone !== undefined) define('timezone', at(['timezone']))
    if (data.warmup_stages !== undefined) define('warmup_stages', at(['warmup_stages']))
    if (data.domain_limits !== undefined) define('domain_limits', at(['domain_limits']))
    if (data.refusal_brake !== undefined) define('refusal_brake', at(['refusal_brake']))
    definition.timezone ??= data.timezone
    definition.refusalBrake ??= data.refusal_brake
    definition.warmupStages ??= data.warmup_stages?.map(warmupStage)
    definition.domainLimits ??= data.domain_limits && domainLimitsOf(data.domain_limits)
    definition.salespeople.push(
      ...(data.salespeople ?? []).map((item, i) => salesperson(item, at(['salespeople', i, 'email']))),
    )
    definition.mailboxes.push(
      ...(data.mailboxes ?? []).map((item, i) => mailbox(item, at(['mailboxes', i, 'address']))),
    )
    definition.campaigns.push(
      ...(data.campaigns ?? []).map((item, i) => campaign(item, (path) => at(['campaigns', i, ...path]))),
    )
  }
  for (const { email, at } of definition.salespeople) define(`salesperson ${email}`, at)
  for (const { address, at } of definition.mailboxes) define(`mailbox ${address}`, at)
  for (const { name, at } of definition.campaigns) define(`campaign "${name}"`, at)
  definition.references = files.flatMap(({ document, data }) => mentions(data, document, (what) => defined.has(what)))
  return definition
}

function warmupStage(data: NonNullable<FileData['warmup_stages']>[number]): WarmupStage {
  return { fromDay: data.from_day, warmupLimit: data.warmup_limit ?? null, campaignLimit: data.campaign_limit ?? null }
}

function salesperson(data: SalespersonData, at: Position): SalespersonDefinition {
  return { email: data.email, name: data.name, dailyLimit: data.daily_limit ?? null, at }
}

function mailbox(data: MailboxData, at: Position): MailboxDefinition {
  return {
    address: data.address,
    name: data.name ?? null,
    salesperson: data.salesperson,
    dailyLimit: data.daily_limit,
    minGapMs: data.min_gap,
    signature: { text: data.signature?.text ?? null, html: data.signature?.html ?? null },
    unsubscribe: data.unsubscribe ?? null,
    smtp: data.smtp,
    imap: data.imap ?? null,
    warmup:
      data.warmup === undefined ? null : { started: data.warmup.started, dailyLimit: data.warmup.daily_limit ?? null },
    at,
  }
}

function campaign(data: CampaignData, at: (path: KeyPath) => Position): CampaignDefinition {
  const { from, to, days } = data.window
  return {
    name: data.name,
    salesperson: data.salesperson,
    mailboxes: data.mailboxes,
    timezone: data.timezone,
    startsOn: data.starts_on ?? null,
    window: { from, to, days: ascending(days.map((day) => WEEKDAYS.indexOf(day) + 1)) },
    holidays: data.holidays,
    skipDates: ascending(data.skip_dates),
    delayMs: data.delay,
    jitter: data.jitter,
    dailyLimit: data.daily_limit ?? null,
    contactGapDays: data.contact_gap,
    weight: data.weight,
    steps: data.steps.map(({ key, wait, variants }, i) => ({
      key: key ?? null,
      wait: wait ?? null,
      variants: variants.map(({ letter, weight, subject, text, html }, j) => {
        return {
          letter,
          weight,
          subject: subject ?? null,
          text: text ?? null,
          html: html ?? null,
          at: at(['steps', i, 'variants', j]),
        }
      }),
      at: at(['steps', i]),
    })),
    at: at(['name']),
  }
}

/** Ascending, each once. */
function ascending<T extends string | number>(values: T[]): T[] {
  return [...new Set(values)].sort((a, b) => (a < b ? -1 : 1))
}

function mentions(data: FileData, document: DefinitionDocument, isDefined: (what: string) => boolean): Reference[] {
  const mention = (kind: Reference['kind'], name: string, by: string, path: KeyPath): Reference => {
    return { kind, name, by, defined: isDefined(`${kind} ${name}`), at: document.position(path) }
  }
  const ofMailboxes = (data.mailboxes ?? []).map((mailbox, i) => {
    return mention('salesperson', mailbox.salesperson, `mailbox ${mailbox.address}`, ['mailboxes', i, 'salesperson'])
  })
  const ofCampaigns = (data.campaigns ?? []).flatMap(({ name, salesperson, mailboxes }, i) => [
    mention('salesperson', salesperson, `campaign "${name}"`, ['campaigns', i, 'salesperson']),
    ...mailboxes.map((address, j) =>
      mention('mailbox', address, `campaign "${name}"`, ['campaigns', i, 'mailboxes', j]),
    ),
  ])
  return [...ofMailboxes, ...ofCampaigns]
}
