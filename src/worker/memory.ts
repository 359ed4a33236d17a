/**
 * What a worker remembers by itself, beside the database: its logbook, opened for the place in which the database is found, and compared with it on
 * every return (look-back.ts).
 *
 * Owns       the logbook that is written on. Promises that `passed` rejects where a mail could not be written down, so that it does not go out.
 */
import type { Client } from 'pg'
import { GoniecError, messageOf } from '../errors.ts'
import type { Logger } from '../log.ts'
import type { Instant } from '../time.ts'
import type { Home } from './logbook/lines.ts'
import { Logbook } from './logbook/logbook.ts'
import { lookAround, lookBack, type Restoration } from './look-back.ts'
import type { WorkerSession } from './session.ts'
import type { WorkerSettings } from './settings.ts'

export interface MemoryOptions {
  settings: Pick<WorkerSettings, 'stateDirectory' | 'stateKeepMs'>
  log: Logger
  /** Its logbook cannot be written any more. */
  onBroken: (error: GoniecError) => void
}

export class Memory {
  readonly #options: MemoryOptions
  #logbook: Logbook | undefined
  #home: Home | undefined
  #beating: Promise<void> = Promise.resolve()
  /** What was told last in the log. */
  #told = ''

  constructor(options: MemoryOptions) {
    this.#options = options
  }

  /** Compares what is remembered with the database, and reports to one that was restored. */
  async lookBack(client: Client, worker: string): Promise<void> {
    const { settings } = this.#options
    const around = await lookAround(client, worker)
    const shelf = { root: settings.stateDirectory, installation: around.installation, worker }
    if (!this.#isOpenFor(around.home)) {
      await this.close()
      const { now, isKnown, home } = around
      const { onBroken } = this.#options
      this.#logbook = await Logbook.open({ ...shelf, home, now, isKnown, keepMs: settings.stateKeepMs, onBroken })
      this.#home = home
    }
    const restoration = await lookBack(client, shelf, around)
    if (this.#logbook && restoration === null) this.#logbook.timeline = around.timeline
    // How far it had been is told now: without this a worker that is started after a person’s word would ask for it again.
    if (restoration?.reason === 'forgotten') {
      await this.#logbook?.mark({ at: around.now, walPosition: around.walPosition })
    }
    this.#tell(restoration)
  }

  /**
   * Once a minute: this worker is there, and so far is the database. One that was restored, as somebody else has noticed, is reported to. What
   * fails is tried again with the next one.
   */
  beat(session: WorkerSession): Promise<void> {
    // One after the other: two at once would open the logbook twice, and where the server is slow the next minute comes before this one is answered.
    this.#beating = this.#beating.then(() => this.#tryBeat(session))
    return this.#beating
  }

  async #tryBeat(session: WorkerSession): Promise<void> {
    try {
      await session.withClient((client) => this.#beat(client, session.name))
    } catch (error) {
      this.#options.log.warn({ problem: messageOf(error) }, 'the database was not told yet that this worker is there')
    }
  }

  readonly passed: Logbook['passed'] = async (mails, walPosition) => {
    if (!this.#logbook) throw new GoniecError('logbook_closed', 'its logbook is closed')
    await this.#logbook.passed(mails, walPosition)
  }

  readonly answered: Logbook['answered'] = (answer) => this.#logbook?.answered(answer)

  async close(): Promise<void> {
    const logbook = this.#logbook
    this.#logbook = undefined
    await logbook?.close()
  }

  async #beat(client: Client, worker: string): Promise<void> {
    const { rows } = await client.query<BeatRow>(BEAT, [worker])
    const [row] = rows
    if (row?.restored !== false) return this.lookBack(client, worker)
    this.#tell(null)
    await this.#logbook?.mark({ at: row.now, walPosition: row.wal_position })
    if (row.any_without_place) await client.query('select goniec.place_recalled()')
  }

  #isOpenFor({ systemIdentifier, databaseOid }: Home): boolean {
    const home = this.#home
    return (
      this.#logbook !== undefined && home?.systemIdentifier === systemIdentifier && home.databaseOid === databaseOid
    )
  }

  /** Each state once. */
  #tell(restoration: Restoration | null): void {
    const { log } = this.#options
    const state = restoration === null ? '' : `${restoration.id} ${restoration.reason}`
    if (state === this.#told) return
    this.#told = state
    if (restoration === null) return log.info('the database may send again')
    const { reason, explanation, recalled } = restoration
    log.error(
      { reason, explanation, recalled, try: 'goniec resume --after-restore' },
      'the database was restored: nothing is sent until somebody says that it may be',
    )
  }
}

interface BeatRow {
  restored: boolean
  now: Instant
  wal_position: string | null
  any_without_place: boolean
}

/** One question, since a worker that has nothing to do asks little else. A database that was restored is not marked: it is reported to first. */
const BEAT = `
  select standing.restored, goniec.now() as now,
    case when not standing.restored then goniec.mark_worker($1) end as wal_position,
    exists (select from goniec.recalled_mail r where r.message_id is null) as any_without_place
  from (select goniec.is_restored() as restored offset 0) as standing`
