/**
 * The driver's own journal of a simulated world: what was in force, when. The checks look here and not into the program: settings by
 * their times, pauses and marks by their beginnings and ends, capacity that other programs used.
 */
import { assert } from '../../src/errors.ts'
import type {
  CampaignSettings,
  DomainLimits,
  MailboxSettings,
  SalespersonSettings,
  Settings,
  WarmupStage,
} from './settings.ts'

/** From an instant on, to another one; the end is open while it lasts. */
export interface Span {
  fromMs: number
  toMs: number
}

/** Values of a thing, each from an instant on. */
export class Versions<Value> {
  readonly all: { fromMs: number; value: Value }[] = []

  set(fromMs: number, value: Value): void {
    this.all.push({ fromMs, value })
  }

  /** What was in force at that instant; what was set at it already is. */
  at(ms: number): Value {
    const version = this.all.findLast(({ fromMs }) => fromMs <= ms) ?? this.all[0]
    assert(version, 'something was in force')
    return version.value
  }

  get latest(): Value {
    return this.at(Number.POSITIVE_INFINITY)
  }
}

/** Another program's use of a mailbox. */
export interface ExternalUse {
  atMs: number
  mailbox: string
  kind: 'campaign' | 'warmup' | 'response'
}

export class Journal {
  readonly campaigns = new Map<string, Versions<CampaignSettings>>()
  readonly mailboxes = new Map<string, Versions<MailboxSettings>>()
  readonly salespeople = new Map<string, Versions<SalespersonSettings>>()
  stages: readonly WarmupStage[] = []
  domainLimits: DomainLimits | null = null
  /** Responses that were taken in, by their keys. */
  readonly responses = new Map<string, { atMs: number; to: string }>()
  /** What was applied: `campaign c1`, `mailbox a@b`, `salesperson a@b`. */
  readonly edits: { atMs: number; what: string }[] = []
  readonly external: ExternalUse[] = []
  /** The worker was away, or the database. */
  readonly outages: Span[] = []
  /** What was done, for a person who looks for the reason of a violation. */
  readonly words: { atMs: number; what: string }[] = []
  #stops = new Map<string, Span[]>()

  say(atMs: number, what: string): void {
    this.words.push({ atMs, what })
  }

  /** These settings hold from now on. */
  applied(
    { stages, domainLimits, salespeople = [], mailboxes = [], campaigns = [] }: Partial<Settings>,
    atMs: number,
  ): void {
    this.stages = stages ?? this.stages
    this.domainLimits = domainLimits ?? this.domainLimits
    const note = <Value>(kind: string, all: Map<string, Versions<Value>>, name: string, value: Value): void => {
      const versions = all.get(name) ?? new Versions<Value>()
      all.set(name, versions)
      versions.set(atMs, value)
      this.edits.push({ atMs, what: `${kind} ${name}` })
    }
    for (const salesperson of salespeople) note('salesperson', this.salespeople, salesperson.email, salesperson)
    for (const mailbox of mailboxes) note('mailbox', this.mailboxes, mailbox.address, mailbox)
    for (const campaign of campaigns) note('campaign', this.campaigns, campaign.name, campaign)
  }

  /** Something may not send from now on: `campaign c1`, `mailbox a@b`, `salesperson a@b`, `all`, `lead a@b`, `suppressed a@b`. */
  stop(what: string, atMs: number): void {
    if (this.isStopped(what, atMs)) return
    const spans = this.#stops.get(what) ?? []
    spans.push({ fromMs: atMs, toMs: Number.POSITIVE_INFINITY })
    this.#stops.set(what, spans)
  }

  release(what: string, atMs: number): void {
    const span = this.#stops.get(what)?.at(-1)
    if (span?.toMs === Number.POSITIVE_INFINITY) span.toMs = atMs
  }

  isStopped(what: string, atMs: number): boolean {
    return this.stopsOf(what).some(({ fromMs, toMs }) => fromMs <= atMs && atMs < toMs)
  }

  stopsOf(what: string): readonly Span[] {
    return this.#stops.get(what) ?? []
  }

  /** Those whose names begin so, and that are stopped. */
  stopped(kind: string, atMs: number): string[] {
    return [...this.#stops.keys()]
      .filter((what) => what.startsWith(`${kind} `) && this.isStopped(what, atMs))
      .map((what) => what.slice(kind.length + 1))
  }
}
