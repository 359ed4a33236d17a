/**
 * What people and other programs do in a simulated world, through the functions that their commands call; each is written into the
 * driver's journal at the instant at which it holds.
 */
import { Readable } from 'node:stream'
import { applyDefinition, previewApply } from '../../src/campaigns/apply/apply.ts'
import { pullBrake, releaseBrake, type Brakeable } from '../../src/campaigns/brake.ts'
import { parseDefinition } from '../../src/campaigns/definition/parse.ts'
import { pauseCampaign, resumeCampaign } from '../../src/campaigns/pause.ts'
import { startCampaign } from '../../src/campaigns/start.ts'
import type { Database } from '../../src/database/pool.ts'
import { enqueueResponse } from '../../src/delivery/enqueue-response.ts'
import { resolveDoubt } from '../../src/delivery/resolve-doubt.ts'
import { GoniecError } from '../../src/errors.ts'
import { importLeads } from '../../src/leads/import.ts'
import { actOnLeads } from '../../src/leads/lead-acts.ts'
import type { LeadAct } from '../../src/leads/marks.ts'
import { addSuppressions, removeSuppressions } from '../../src/leads/suppressions.ts'
import { pauseMailbox, resumeMailbox } from '../../src/mailboxes/pause.ts'
import { drawEdit } from './edits.ts'
import type { Journal } from './journal.ts'
import type { MailServer } from './mail-server.ts'
import { chanceOf, Random } from './random.ts'
import { definitionOf, type Settings } from './settings.ts'
import { drawStrangers, type SimulatedWorld } from './world.ts'

export interface ActsOptions {
  world: SimulatedWorld
  database: Database
  journal: Journal
  server: MailServer
  nowMs: () => number
}

export class Acts {
  #options: ActsOptions
  #leads: Map<string, string[]>
  #suppressed: string[] = []
  /** Slots that other programs hold, with the time of their end. */
  readonly slots: { id: number; untilMs: number; mailbox: string; kind: 'campaign' | 'warmup' | 'response' }[] = []

  constructor(options: ActsOptions) {
    this.#options = options
    this.#leads = new Map([...options.world.leads].map(([name, leads]) => [name, [...leads]]))
  }

  get #now(): number {
    return this.#options.nowMs()
  }

  /** The first day: everything is applied, and the lists are imported. */
  async setUp(): Promise<void> {
    const { world, database, journal } = this.#options
    await this.apply(world.settings)
    for (const { name } of world.settings.campaigns) {
      journal.stop(`campaign ${name}`, this.#now)
      await this.import(name, world.leads.get(name) ?? [])
    }
    await database.query('analyze')
  }

  async apply(settings: Partial<Settings>): Promise<void> {
    const { database, journal, server } = this.#options
    const definition = parseDefinition([{ path: 'world.yaml', text: definitionOf(settings, server.port) }])
    await applyDefinition(database, definition, await previewApply(database, definition))
    journal.applied(settings, this.#now)
  }

  async start(campaign: string): Promise<void> {
    await startCampaign(this.#options.database, campaign)
    this.#options.journal.release(`campaign ${campaign}`, this.#now)
  }

  /** `campaign c1`, `mailbox a@b`, `salesperson a@b`, `all`. */
  async pause(what: string): Promise<void> {
    const { database, journal } = this.#options
    const [kind, name = ''] = what.split(' ')
    if (kind === 'campaign' && !(await this.#is(name, ['running', 'scheduled']))) return
    if (kind === 'campaign') await pauseCampaign(database, name)
    else if (kind === 'mailbox') await pauseMailbox(database, name)
    else await pullBrake(database, brakeable(what))
    journal.stop(what, this.#now)
  }

  async resume(what: string): Promise<void> {
    const { database, journal } = this.#options
    const [kind, name = ''] = what.split(' ')
    if (!journal.isStopped(what, this.#now) || (kind === 'campaign' && !(await this.#is(name, ['paused'])))) return
    if (kind === 'campaign') await resumeCampaign(database, name)
    else if (kind === 'mailbox') await resumeMailbox(database, name)
    else await releaseBrake(database, brakeable(what))
    journal.release(what, this.#now)
  }

  async edit(draw: number): Promise<string> {
    const { world, journal } = this.#options
    const { settings, what } = drawEdit(new Random('edit', world.seed, draw), journal, this.#now)
    await this.apply(settings)
    return what
  }

  /** A lead answers, is blocked, or unsubscribes; or somebody unblocks one. */
  async lead(draw: number): Promise<string> {
    const { world, database, journal } = this.#options
    const random = new Random('lead', world.seed, draw)
    const blocked = journal.stopped('blocked', this.#now)
    if (blocked.length > 0 && random.chance(0.3)) {
      const address = random.pick(blocked)
      await actOnLeads(database, { kind: 'unblock', marks: ['blocked'] }, [address])
      journal.release(`blocked ${address}`, this.#now)
      return `unblock ${address}`
    }
    const address = this.#someLead(random)
    const kind = random.pick(['replied', 'replied', 'unsubscribe', 'block'] as const)
    await actOnLeads(database, { kind } satisfies LeadAct, [address])
    const marks = { replied: 'replied', unsubscribe: 'unsubscribed', block: 'blocked' } as const
    journal.stop(`${marks[kind]} ${address}`, this.#now)
    return `${kind} ${address}`
  }

  /** Suppresses an address or a domain, or lifts one that is suppressed. */
  async suppress(draw: number): Promise<string> {
    const { world, database, journal } = this.#options
    const random = new Random('suppress', world.seed, draw)
    const [lifted] = this.#suppressed
    if (lifted !== undefined && random.chance(0.4)) {
      this.#suppressed.shift()
      await removeSuppressions(database, [lifted])
      journal.release(`suppressed ${lifted}`, this.#now)
      return `lift ${lifted}`
    }
    const address = this.#someLead(random)
    const value = random.chance(0.4) ? (address.split('@')[1] ?? '') : address
    await addSuppressions(database, [{ value, reason: null }])
    this.#suppressed.push(value)
    journal.stop(`suppressed ${value}`, this.#now)
    return `suppress ${value}`
  }

  async importMore(draw: number): Promise<string> {
    const random = new Random('import', this.#options.world.seed, draw)
    const campaign = random.pick([...this.#leads.keys()])
    const leads = drawStrangers(random, random.int(5, 15), `late${draw}-`)
    await this.import(campaign, leads)
    this.#leads.get(campaign)?.push(...leads)
    return `import ${leads.length} leads into ${campaign}`
  }

  /** Refused where the lead is out, or has one of today. */
  async respond(draw: number): Promise<string> {
    const { world, database, server, journal } = this.#options
    const random = new Random('response', world.seed, draw)
    const mailed = server.offers.filter(({ outcome, from }) => outcome === 'accepted' && from !== '')
    if (mailed.length === 0) return 'nobody to respond to'
    const { to } = random.pick(mailed)
    const key = `material-${draw}`
    try {
      await enqueueResponse(database, { to, key, text: `[response ${key}] Here it is.` })
      journal.responses.set(key, { atMs: this.#now, to })
      return `respond to ${to}`
    } catch (error) {
      if (!(error instanceof GoniecError)) throw error
      return `no response to ${to}: ${error.code}`
    }
  }

  /** Another program takes a place of a mailbox, and gives it back some minutes later, used or not. */
  async takeSlot(draw: number): Promise<string> {
    const { world, database } = this.#options
    const random = new Random('slot', world.seed, draw)
    const mailbox = random.pick(world.settings.mailboxes).address
    const kind = random.pick(['warmup', 'warmup', 'campaign', 'response'] as const)
    const [row] = await database.query<{ id: number | null }>('select goniec.take_slot($1, $2) as id', [mailbox, kind])
    const id = row?.id ?? null
    if (id === null) return `no slot of ${mailbox}`
    this.slots.push({ id, untilMs: this.#now + random.int(1, 200) * 1000, mailbox, kind })
    return `slot ${id} of ${mailbox} for ${kind}`
  }

  async releaseSlots(): Promise<void> {
    const { world, database, journal } = this.#options
    for (const slot of this.slots.filter(({ untilMs }) => untilMs <= this.#now)) {
      this.slots.splice(this.slots.indexOf(slot), 1)
      const used = chanceOf('used', world.seed, slot.id) < 0.7
      await database.query('select goniec.release_slot($1, $2)', [slot.id, used])
      if (used) journal.external.push({ atMs: this.#now, mailbox: slot.mailbox, kind: slot.kind })
    }
  }

  async recordExternal(draw: number): Promise<string> {
    const { world, database, journal } = this.#options
    const random = new Random('external', world.seed, draw)
    const mailbox = random.pick(world.settings.mailboxes).address
    const kind = random.pick(['warmup', 'campaign', 'response'] as const)
    await database.query('select goniec.record_external_send($1, $2, goniec.now())', [mailbox, kind])
    journal.external.push({ atMs: this.#now, mailbox, kind })
    return `${mailbox} has sent a ${kind} mail elsewhere`
  }

  /** What a person does each morning: broken mailboxes go on, braked campaigns too, and doubts are resolved by what the server says. */
  async lookAround(): Promise<void> {
    const { database, journal } = this.#options
    const broken = await database.query<{ address: string }>(
      `select address from goniec.mailbox where status = 'broken'`,
    )
    for (const { address } of broken) await resumeMailbox(database, address)
    const paused = await database.query<{ name: string }>(`select name from goniec.campaign where status = 'paused'`)
    for (const { name } of paused) {
      if (!journal.isStopped(`campaign ${name}`, this.#now)) await resumeCampaign(database, name)
    }
    await this.#resolveDoubts()
  }

  /** Everything that was paused goes on. */
  async resumeAll(): Promise<void> {
    for (const kind of ['campaign', 'mailbox', 'salesperson']) {
      for (const name of this.#options.journal.stopped(kind, this.#now)) await this.resume(`${kind} ${name}`)
    }
    await this.resume('all')
  }

  async #resolveDoubts(): Promise<void> {
    const { world, database, server } = this.#options
    const doubts = await database.query<{ id: number; recipient: string; at_ms: number }>(
      `select m.id, m.recipient, (extract(epoch from a.transmitting_at) * 1000)::float8 as at_ms
       from goniec.message m
       join goniec.attempt a on a.message_id = m.id and a.state = 'in_doubt'
       where m.status = 'in_doubt' and a.deadline_at < goniec.now()
       order by m.id`,
    )
    for (const { id, recipient, at_ms: atMs } of doubts) {
      if (chanceOf('resolve', world.seed, id) < 0.4) continue
      const offer = server.offers.find(({ to, atMs: at }) => to === recipient && at === atMs)
      await resolveDoubt(database, id, { as: offer?.outcome === 'unanswered' ? 'sent' : 'not-sent' })
    }
  }

  async import(campaign: string, leads: readonly string[]): Promise<void> {
    const rows = leads.map((email, index) => `${email},${index}`)
    await importLeads(this.#options.database, Readable.from([`email,n\n${rows.join('\n')}\n`]), { campaign })
  }

  async #is(campaign: string, statuses: readonly string[]): Promise<boolean> {
    const rows = await this.#options.database.query(
      'select from goniec.campaign where name = $1 and status = any ($2)',
      [campaign, statuses],
    )
    return rows.length > 0
  }

  #someLead(random: Random): string {
    const { server } = this.#options
    const mailed = server.offers.filter(({ outcome }) => outcome === 'accepted')
    if (mailed.length > 0 && random.chance(0.7)) return random.pick(mailed).to
    return random.pick(random.pick([...this.#leads.values()]))
  }
}

function brakeable(what: string): Brakeable {
  return what === 'all' ? { all: true } : { salesperson: what.split(' ')[1] ?? '' }
}
