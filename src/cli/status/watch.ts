/**
 * The status on the full screen, until it is quit: drawn each second, read as often as that costs next to nothing (`keep-looking.ts`). Keys
 * pause and resume a campaign as the commands do. A database that is away is told, and waited for.
 */
import { pauseCampaign, resumeCampaign } from '../../campaigns/pause.ts'
import { explainDatabaseError } from '../../database/failures.ts'
import type { Database } from '../../database/pool.ts'
import { readAtOnce } from '../../database/read-at-once.ts'
import { GoniecError, hidePasswords, messageOf } from '../../errors.ts'
import { readStatus, STANDARD, type Status } from '../../reports/status/read.ts'
import type { Instant } from '../../time.ts'
import type { Cli } from '../cli.ts'
import { FullScreen } from '../full-screen.ts'
import { keepLooking, type Looking } from '../keep-looking.ts'
import { alreadyPassedSentence, MAIL_OF_STEPS } from '../passed.ts'
import { composeScreen } from './frame.ts'
import { readKeys } from './keys.ts'
import { LOOK, readMost, type StatusFlags } from './show.ts'
import { chosenPlace, footOf, INITIAL, onKey, type Act, type WatchState } from './watch-state.ts'

/** Draws until it is quit. */
export async function watchStatus(cli: Cli, flags: StatusFlags): Promise<void> {
  if (cli.flags.json || flags.check)
    throw new GoniecError('usage', '--watch goes with neither --json nor --check', { exitCode: 2 })
  const most = readMost(flags)
  await cli.withDatabase(async (database) => {
    const status = await readAtOnce(database, LOOK, (at) => readStatus(at, { ...STANDARD, most }))
    await new Watch(database, most, status).run(cli)
  })
}

class Watch {
  #database: Database
  #most: number
  #status: Status
  #readAtMs = performance.now()
  #state: WatchState = INITIAL
  #away: { since: Instant; why: string } | undefined
  #screen: FullScreen
  #looking: Looking | undefined
  /** What a key has set going, and has not ended. */
  #acting: Promise<void> = Promise.resolve()
  #quitting = new AbortController()
  #failed = Promise.withResolvers<never>()

  constructor(database: Database, most: number, status: Status) {
    this.#database = database
    this.#most = most
    this.#status = status
    this.#screen = new FullScreen({
      onInput: (text) => this.#onInput(text),
      onResize: () => this.#draw(),
      onGone: () => this.#quit(),
    })
  }

  async run(cli: Cli): Promise<void> {
    this.#screen.open()
    const timer = setInterval(() => this.#draw(), 1000)
    try {
      cli.handleSignals(() => this.#quit())
      process.once('SIGHUP', () => this.#quit())
      this.#draw()
      this.#looking = keepLooking({
        look: () => this.#look(),
        onAway: (error) => this.#onAway(error),
        onBack: () => this.#draw(),
      })
      await Promise.race([this.#looking.ended, this.#failed.promise])
      await this.#acting
    } finally {
      clearInterval(timer)
      this.#screen.close()
    }
  }

  #quit(): void {
    this.#looking?.stop()
    this.#quitting.abort()
  }

  async #look(): Promise<boolean> {
    this.#status = await readAtOnce(this.#database, LOOK, (at) => readStatus(at, { ...STANDARD, most: this.#most }))
    this.#readAtMs = performance.now()
    this.#away = undefined
    this.#draw()
    return false
  }

  #onAway(error: unknown): void {
    this.#away ??= { since: this.#now(), why: wordsOf(error) }
    this.#draw()
  }

  /** The database's clock, as far as it is known. */
  #now(): Instant {
    return this.#status.at.add({ milliseconds: Math.round(performance.now() - this.#readAtMs) })
  }

  #draw(): void {
    this.#screen.draw(
      composeScreen({
        status: this.#status,
        now: this.#now(),
        ...this.#screen.size,
        selected: chosenPlace(this.#state, this.#status.campaigns),
        message: footOf(this.#state),
        away: this.#away,
        help: this.#state.help,
      }),
    )
  }

  #onInput(text: string): void {
    for (const key of readKeys(text)) {
      const { state, wish } = onKey(this.#state, key, this.#status.campaigns)
      this.#state = state
      if (wish === 'quit') return this.#quit()
      if (wish === 'stop') return this.#stopForAWhile()
      if (wish === 'redraw') this.#screen.forget()
      else if (wish !== undefined) this.#acting = this.#acting.then(() => this.#act(wish)).catch(this.#failed.reject)
    }
    this.#draw()
  }

  async #act(act: Act): Promise<void> {
    this.#say(`${act.verb === 'pause' ? 'Pausing' : 'Resuming'} ${act.name} …`)
    try {
      this.#say(await perform(this.#database, act))
    } catch (error) {
      // What the world refuses is told, and the watch goes on: a wrong state, a missing right, a database that is away.
      if (explainDatabaseError(error, '') === undefined) throw error
      this.#say(`${act.name} was not ${act.verb}d: ${wordsOf(error)}`)
    }
    this.#looking?.again()
  }

  #say(message: string): void {
    this.#state = { ...this.#state, message }
    this.#draw()
  }

  /** Ctrl-Z: the shell has the terminal until it says otherwise. */
  #stopForAWhile(): void {
    this.#screen.close()
    process.once('SIGCONT', () => {
      if (this.#quitting.signal.aborted) return
      this.#screen.open()
      this.#draw()
    })
    process.kill(process.pid, 'SIGTSTP')
  }
}

async function perform(database: Database, { verb, name }: Act): Promise<string> {
  if (verb === 'resume') {
    const { status, startsOn } = await resumeCampaign(database, name)
    return status === 'scheduled' ? `${name} is scheduled again, for ${startsOn}.` : `${name} goes on where it stopped.`
  }
  const { changed, alreadyPassed } = await pauseCampaign(database, name)
  return changed
    ? `Paused ${name}. ${alreadyPassedSentence(alreadyPassed, MAIL_OF_STEPS)}`
    : `${name} is paused already.`
}

function wordsOf(error: unknown): string {
  return hidePasswords(messageOf(explainDatabaseError(error, '') ?? error))
}
