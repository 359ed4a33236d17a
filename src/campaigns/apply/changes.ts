/** What applying a definition would change: each thing of the files against what is stored, field by field. Pure. */
import type { Definition, DomainLimit, RefusalBrake, WarmupStage } from '../definition/definition.ts'
import type { Problem } from '../definition/problems.ts'
import { CAMPAIGN, type FieldChange, MAILBOX, SALESPERSON, type Setting, type Value } from './settings.ts'
import type { Stored, StoredThing } from './stored.ts'
import { compareSteps, type StepsChange } from './steps.ts'

export interface Change {
  kind: 'installation' | 'salesperson' | 'mailbox' | 'campaign'
  /** The installation has none. */
  name: string
  change: 'created' | 'changed' | 'unchanged'
  fields: FieldChange[]
  /** What follows from it that its fields do not say. */
  notes: string[]
}

/** One thing's change with what is needed to write it. */
export interface ThingChange<Thing> extends Change {
  thing: Thing
  stored: StoredThing | undefined
  /** The columns to write, as settings have them. */
  columns: Map<string, Value>
  /** Slots planned before are void. */
  voidsSlots: boolean
}

export interface CampaignChange extends ThingChange<Definition['campaigns'][number]> {
  mailboxes: readonly string[] | undefined
  steps: StepsChange
}

export interface Changes {
  installation: Change & Pick<Definition, 'timezone' | 'warmupStages' | 'domainLimits' | 'refusalBrake'>
  salespeople: ThingChange<Definition['salespeople'][number]>[]
  mailboxes: ThingChange<Definition['mailboxes'][number]>[]
  campaigns: CampaignChange[]
  /** What cannot be, as what is stored stands. */
  problems: Problem[]
}

/** Compares a definition with what is stored. */
export function compare(definition: Definition, stored: Stored): Changes {
  const problems: Problem[] = []
  return {
    installation: compareInstallation(definition, stored),
    salespeople: definition.salespeople.map((thing) => {
      return compareThing('salesperson', thing.email, thing, SALESPERSON, stored.salespeople.get(thing.email))
    }),
    mailboxes: definition.mailboxes.map((thing) => {
      return compareThing('mailbox', thing.address, thing, MAILBOX, stored.mailboxes.get(thing.address))
    }),
    campaigns: definition.campaigns.map((thing) => compareCampaign(thing, stored, problems)),
    problems,
  }
}

/** All of them in the order they are told. */
export function allChanges(changes: Changes): Change[] {
  const { installation, salespeople, mailboxes, campaigns } = changes
  return [...(installation.change === 'unchanged' ? [] : [installation]), ...salespeople, ...mailboxes, ...campaigns]
}

/** Whether two values are the same to the database. */
function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function compareInstallation(definition: Definition, stored: Stored): Changes['installation'] {
  const { timezone, warmupStages, domainLimits, refusalBrake } = definition
  const newZone = timezone === stored.timezone ? undefined : timezone
  const inOrder = warmupStages?.toSorted((a, b) => a.fromDay - b.fromDay)
  const newStages = isSame(inOrder, stored.warmupStages) ? undefined : inOrder
  const newLimits = isSame(domainLimits, stored.domainLimits) ? undefined : domainLimits
  const newBrake = isSame(refusalBrake, stored.refusalBrake) ? undefined : refusalBrake
  const fields: FieldChange[] = []
  if (newZone !== undefined) fields.push({ field: 'timezone', from: stored.timezone, to: newZone })
  if (newStages !== undefined) {
    const [from, to] = [stored.warmupStages, newStages].map((stages) => stages.map(showStage))
    fields.push({ field: 'warmup_stages', from: from ?? [], to: to ?? [] })
  }
  if (newLimits !== undefined) {
    const [from, to] = [stored.domainLimits, newLimits].map((limits) => limits.map(showLimit))
    fields.push({ field: 'domain_limits', from: from ?? [], to: to ?? [] })
  }
  if (newBrake !== undefined)
    fields.push({ field: 'refusal_brake', from: showBrake(stored.refusalBrake), to: showBrake(newBrake) })
  const change = fields.length === 0 ? 'unchanged' : 'changed'
  const values = { timezone: newZone, warmupStages: newStages, domainLimits: newLimits, refusalBrake: newBrake }
  return { kind: 'installation', name: '', change, fields, notes: [], ...values }
}

function showStage({ fromDay, warmupLimit, campaignLimit }: WarmupStage): string {
  return `day ${fromDay}: ${warmupLimit ?? 'any'}/${campaignLimit ?? 'any'}`
}

function showBrake({ share, least, last }: RefusalBrake): string {
  return share === null ? 'off' : `${Number((share * 100).toFixed(2))}% of the last ${last}, at least ${least}`
}

function showLimit({ domain, dailyLimit, hourlyLimit }: DomainLimit): string {
  const limits = [
    ...(dailyLimit === null ? [] : [`${dailyLimit} a day`]),
    ...(hourlyLimit === null ? [] : [`${hourlyLimit} an hour`]),
  ]
  return `${domain === '*' ? 'each domain' : domain}: ${limits.length === 0 ? 'any' : limits.join(', ')}`
}

function compareThing<Thing>(
  kind: Change['kind'],
  name: string,
  thing: Thing,
  settings: readonly Setting<Thing>[],
  stored: StoredThing | undefined,
): ThingChange<Thing> {
  const fields: FieldChange[] = []
  const columns = new Map<string, Value>()
  let voidsSlots = false
  for (const { field, column, of, stored: read, show, quiet = false } of settings) {
    const to = of(thing)
    const given = stored?.row[column] ?? null
    const from = stored === undefined ? null : (read?.(given) ?? (given as Value))
    if (stored !== undefined && isSame(from, to)) continue
    columns.set(column, to)
    if (stored === undefined) continue
    fields.push({ field, from: show?.(from) ?? from, to: show?.(to) ?? to })
    voidsSlots ||= !quiet
  }
  const change = stored === undefined ? 'created' : fields.length > 0 ? 'changed' : 'unchanged'
  return {
    kind,
    name,
    change,
    fields,
    notes: change === 'changed' ? brokenNote(stored) : [],
    thing,
    stored,
    columns,
    voidsSlots,
  }
}

function brokenNote(stored: StoredThing | undefined): string[] {
  if (stored?.row['status'] !== 'broken') return []
  return [`it is broken, and stays so until: goniec mailbox resume ${stored.name}`]
}

function compareCampaign(thing: Definition['campaigns'][number], stored: Stored, problems: Problem[]): CampaignChange {
  const known = stored.campaigns.get(thing.name)
  const compared = compareThing('campaign', thing.name, thing, CAMPAIGN, known)
  const wanted = thing.mailboxes.toSorted()
  const had = known?.row['mailboxes'] as string[] | undefined
  const mailboxes = isSame(had, wanted) ? undefined : wanted
  if (had !== undefined && mailboxes !== undefined) compared.fields.push({ field: 'mailboxes', from: had, to: wanted })
  const steps = compareSteps(thing, known)
  problems.push(...steps.problems)
  compared.fields.push(...steps.fields)
  const change = known === undefined ? 'created' : compared.fields.length > 0 ? 'changed' : 'unchanged'
  const voidsSlots = known !== undefined && change === 'changed'
  const notes = voidsSlots && known.status === 'cancelled' ? [CANCELLED, ...steps.notes] : steps.notes
  return { ...compared, change, notes, voidsSlots, mailboxes, steps }
}

const CANCELLED = 'it is cancelled, and that is for good: under another name it would be a campaign that can be started'
