/**
 * Drives a simulated world through its weeks: sets the clock to the next instant at which anything can happen, lets it happen, and never
 * waits. Time stands still at each instant, but for what a mail's dialogue takes; what the worker measures by its own clocks (deadlines,
 * the time between fence and dot) stays real.
 *
 * At each instant, in this order: what people and other programs do; the plan, if it is due; what the worker sends.
 */
import type { Database } from '../../src/database/pool.ts'
import { assert } from '../../src/errors.ts'
import { instantAt, Temporal } from '../../src/time.ts'
import { setClock } from '../support/clock.ts'
import { Acts } from './acts.ts'
import { localDay, nextDay } from './calendar.ts'
import { Crew } from './crew.ts'
import type { Happening } from './happenings.ts'
import { Journal } from './journal.ts'
import type { MailServer } from './mail-server.ts'
import { Watch } from './watch.ts'
import { instantMs, type SimulatedWorld } from './world.ts'

export interface DriverOptions {
  world: SimulatedWorld
  happenings: readonly Happening[]
  database: Database
  server: MailServer
  /** Told of each day that begins. */
  onDay: (day: string) => void
}

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS

/** What a mail takes: as long as the plan assumes of a mailbox that has sent nothing yet. */
const DIALOGUE_MS = 20

/** After mails have ended, a plan is made so much later, as a real worker does. */
const PLAN_AFTER_MS = 500

/** What a world gets after its weeks, so that its mails come to an end. */
const MOST_EXTRA_DAYS = 120

export class Driver {
  readonly journal = new Journal()
  readonly watch: Watch
  readonly acts: Acts
  #options: DriverOptions
  #nowMs: number
  #crew: Crew | undefined
  #seesGone = true
  #left: Happening[]
  #planAtMs = 0
  #backAtMs = Number.POSITIVE_INFINITY
  #dayEndsMs = 0

  constructor(options: DriverOptions) {
    this.#options = options
    const { world, database, server } = options
    this.#nowMs = world.startMs
    this.#left = [...options.happenings]
    const nowMs = (): number => this.#nowMs
    server.nowMs = nowMs
    server.whileAnswering = () => this.#setClock(this.#nowMs + DIALOGUE_MS)
    this.acts = new Acts({ world, database, journal: this.journal, server, nowMs })
    this.watch = new Watch({ database, journal: this.journal, server, zone: world.settings.zone })
  }

  get nowMs(): number {
    return this.#nowMs
  }

  /** Makes the world, and starts its worker; nothing has been sent yet. */
  async setUp(): Promise<void> {
    await this.#setClock(this.#options.world.startMs)
    await this.acts.setUp()
    await this.#do()
    await this.#begin()
  }

  /** Goes on to that instant, what is due at it included. */
  async runUntil(ms: number): Promise<void> {
    while (this.#nowMs < ms) await this.#step(ms)
  }

  /** Goes on to the world's end, and then until nothing is left that could still go. */
  async run(): Promise<void> {
    const { world, server } = this.#options
    await this.runUntil(world.endMs)
    server.disarm()
    server.mood = 'good'
    await this.acts.resumeAll()
    this.#left = this.#left.filter(({ kind }) => kind === 'morning')
    await this.plan()
    const lastMs = world.endMs + MOST_EXTRA_DAYS * DAY_MS
    while (this.#nowMs < lastMs && (await this.#anythingOpen())) await this.#step(lastMs)
    await this.#crew?.stop()
  }

  async #step(untilMs: number): Promise<void> {
    await this.#setClock(Math.min(untilMs, await this.#nextMs()))
    if (this.#backAtMs <= this.#nowMs) await this.#begin()
    await this.#do()
    if (this.#nowMs >= this.#dayEndsMs) await this.#newDay()
    if (this.#crew && this.#planAtMs <= this.#nowMs) await this.plan()
    await this.#send()
  }

  async #setClock(ms: number): Promise<void> {
    assert(ms >= this.#nowMs, 'time goes forward')
    this.#nowMs = ms
    await setClock(this.#options.database, instantAt(ms))
  }

  /** The next instant at which something can happen. */
  async #nextMs(): Promise<number> {
    const slots = this.acts.slots.map(({ untilMs }) => untilMs)
    const fixed = Math.min(this.#left[0]?.atMs ?? Number.POSITIVE_INFINITY, this.#dayEndsMs, this.#backAtMs, ...slots)
    if (!this.#crew) return Math.max(this.#nowMs, fixed)
    const [row] = await this.#options.database.query<{ opens_ms: number | null; overdue: boolean }>(NEXT)
    if (row?.overdue) this.#planSoon(MINUTE_MS)
    return Math.max(this.#nowMs, Math.min(fixed, this.#planAtMs, row?.opens_ms ?? Number.POSITIVE_INFINITY))
  }

  async #do(): Promise<void> {
    await this.acts.releaseSlots()
    while (this.#left[0] && this.#left[0].atMs <= this.#nowMs) {
      const happening = this.#left.shift()
      if (!happening) return
      const what = await this.#happen(happening)
      if (what !== '') this.journal.say(this.#nowMs, what)
      this.#planAtMs = this.#nowMs
    }
  }

  async #happen(happening: Happening): Promise<string> {
    const acts = this.acts
    switch (happening.kind) {
      case 'start':
        await acts.start(happening.campaign)
        return `start ${happening.campaign}`
      case 'outage':
        return this.#outage(happening)
      case 'kill':
        this.#seesGone = happening.seenGone
        this.#options.server.killAt(happening.stage, () => this.#killed(happening.stage, happening.backAfterMs))
        return ''
      case 'pause':
        await acts.pause(happening.what)
        return `pause ${happening.what}`
      case 'resume':
        await acts.resume(happening.what)
        return `resume ${happening.what}`
      case 'morning':
        await acts.lookAround()
        return ''
      case 'edit':
        return acts.edit(happening.draw)
      case 'lead':
        return acts.lead(happening.draw)
      case 'suppress':
        return acts.suppress(happening.draw)
      case 'import':
        return acts.importMore(happening.draw)
      case 'response':
        return acts.respond(happening.draw)
      case 'slot':
        return acts.takeSlot(happening.draw)
      case 'external':
        return acts.recordExternal(happening.draw)
      default:
        return happening satisfies never
    }
  }

  /** While the database is away nobody does anything; what they wanted to do then they do when it is back. */
  async #outage({ how, forMs }: Happening & { kind: 'outage' }): Promise<string> {
    const crew = this.#crew
    if (!crew) return ''
    const toMs = this.#nowMs + forMs
    this.journal.outages.push({ fromMs: this.#nowMs, toMs })
    if (how === 'database away') {
      await this.#setClock(toMs)
      await crew.recover()
      await this.plan()
      return `the database was away for ${forMs} ms`
    }
    this.#crew = undefined
    if (how === 'stopped') await crew.stop()
    else {
      crew.die()
      await crew.buried()
    }
    this.#backAtMs = toMs
    return `the worker is ${how} for ${forMs} ms`
  }

  #killed(stage: string, backAfterMs: number): void {
    this.journal.say(this.#nowMs, `the worker is killed at ${stage}`)
    this.journal.outages.push({ fromMs: this.#nowMs, toMs: this.#nowMs + backAfterMs })
    this.#crew?.die()
    this.#backAtMs = this.#nowMs + backAfterMs
  }

  /** A worker starts: it recovers, plans, and sends. */
  async #begin(): Promise<void> {
    this.#backAtMs = Number.POSITIVE_INFINITY
    const { database } = this.#options
    this.#crew = await Crew.start({
      database,
      seesGone: this.#seesGone,
      onWantsPlan: () => this.#planSoon(PLAN_AFTER_MS),
    })
    await this.plan()
  }

  /** In any of the zones: a horizon moves then. */
  async #newDay(): Promise<void> {
    const { world, onDay } = this.#options
    const today = localDay(this.#nowMs, world.settings.zone)
    onDay(today)
    const zones = [world.settings.zone, ...world.settings.campaigns.map(({ zone }) => zone)]
    const midnights = zones.map((zone) => instantMs(nextDay(localDay(this.#nowMs, zone)), '00:00', zone))
    this.#dayEndsMs = Math.min(...midnights)
    this.#planAtMs = this.#nowMs
    // The test server's own vacuum sleeps.
    if (new Set([1, 4]).has(weekday(today))) await this.#options.database.query('vacuum (analyze)')
  }

  #planSoon(afterMs: number): void {
    this.#planAtMs = Math.min(this.#planAtMs, this.#nowMs + afterMs)
  }

  /** What a worker does each minute, and when something asks for it. */
  async plan(): Promise<void> {
    this.#planAtMs = Number.POSITIVE_INFINITY
    if (!this.#crew) return
    await this.#crew.recover()
    await this.watch.before(this.#nowMs)
    await this.#crew.plan()
    await this.watch.after(this.#nowMs)
  }

  async #send(): Promise<void> {
    const crew = this.#crew
    if (!crew) return
    await crew.send()
    if (crew.isAlive) return
    this.#crew = undefined
    await crew.buried()
  }

  async #anythingOpen(): Promise<boolean> {
    return (await this.#options.database.query(OPEN)).length > 0
  }
}

function weekday(day: string): number {
  return Temporal.PlainDate.from(day).dayOfWeek
}

/** Rounded up: the driver's clock knows whole milliseconds. */
const NEXT = `
  with clock as materialized (select goniec.now() as now)
  select ceil(extract(epoch from goniec.next_opening(clock.now, interval '5 minutes')) * 1000)::float8 as opens_ms,
         exists (select from goniec.message m where m.status = 'pending' and m.scheduled_at > '-infinity' and m.scheduled_at <= clock.now) as overdue
  from clock`

/** What is in doubt or held waits for a person, and what is out for good for nobody. */
const OPEN = `
  select from goniec.message m
  where m.status in ('pending', 'sending') and m.held_reason is null and not goniec.is_out(m)
  limit 1`
