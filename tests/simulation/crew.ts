/**
 * One life of a worker in a simulated world: the parts that a real one is made of (its name, dispatch, sender, connections, outcomes, the
 * plan, recovery), called by the driver instead of by the engine and its clock. What it does is real; when it is asked is simulated.
 */
import type { Client } from 'pg'
import { runPlan, type PlanRun } from '../../src/campaigns/plan/run.ts'
import { connectSession, type Database } from '../../src/database/pool.ts'
import { recover } from '../../src/delivery/recover.ts'
import { createLogger } from '../../src/log.ts'
import { AccessTokens } from '../../src/mailboxes/access-tokens.ts'
import { Connections } from '../../src/worker/connections.ts'
import { Dispatch } from '../../src/worker/dispatch.ts'
import { registerIncarnation, takeName, unfinished } from '../../src/worker/name.ts'
import { Outcomes } from '../../src/worker/outcomes.ts'
import { Sender } from '../../src/worker/sender.ts'
import { readWorkerSettings, type WorkerSettings } from '../../src/worker/settings.ts'

export interface CrewOptions {
  database: Database
  /** Whether those who start it have seen the process before it gone: else a doubtful mailbox waits. */
  seesGone: boolean
  /** Something is pending again or follows. */
  onWantsPlan: () => void
}

/** One mail at a time, so that a seed always replays the same way. */
function settingsOf(): WorkerSettings {
  return { ...readWorkerSettings({}), batch: 1, inFlight: 1 }
}

export class Crew {
  #options: CrewOptions
  #session: Client
  #incarnationId: number
  #settings = settingsOf()
  #log = createLogger({ level: 'fatal' })
  #connections = new Connections(
    this.#settings.deadlines,
    new AccessTokens({ environment: {}, onWarning: () => undefined }),
  )
  #outcomes: Outcomes
  #dispatch: Dispatch
  #held = true

  private constructor(options: CrewOptions, session: Client, incarnationId: number) {
    this.#options = options
    this.#session = session
    this.#incarnationId = incarnationId
    const { database } = options
    const common = { database, incarnationId, settings: this.#settings, log: this.#log }
    this.#outcomes = new Outcomes({ pool: database.pool, incarnationId, log: this.#log })
    this.#dispatch = new Dispatch({
      ...common,
      sender: new Sender({
        ...common,
        connections: this.#connections,
        outcomes: this.#outcomes,
        // The simulated database forgets nothing.
        logbook: { passed: async () => undefined, answered: () => undefined },
        tenure: () => (this.#held ? 1 : undefined),
      }),
      tenure: () => (this.#held ? 1 : undefined),
      onSettled: ({ status }) => {
        if (status === 'pending' || status === 'sent') options.onWantsPlan()
      },
      waits: false,
    })
  }

  /** Takes the name, and recovers what the one before has left. */
  static async start(options: CrewOptions): Promise<Crew> {
    const session = await connectSession(options.database.url, { name: 'simulated worker' })
    await takeName(session, 'simulated')
    const crew = new Crew(options, session, await registerIncarnation(session, 'simulated'))
    await crew.recover()
    return crew
  }

  /** False once it is dead. */
  get isAlive(): boolean {
    return this.#held
  }

  async recover(): Promise<void> {
    const { gone } = await unfinished(this.#session, 'simulated', this.#incarnationId)
    const seenGone = this.#options.seesGone ? gone : []
    await recover(this.#options.database.pool, { incarnationId: this.#incarnationId, gone, seenGone })
    await this.#session.query(
      `update goniec.incarnation i set ended_at = goniec.now()
       where i.id = any ($1) and not exists (select from goniec.attempt a where a.incarnation_id = i.id and a.state in ('claimed', 'transmitting'))`,
      [gone],
    )
  }

  async plan(): Promise<PlanRun> {
    return runPlan(this.#options.database, { graceMs: this.#settings.graceMs })
  }

  /** Sends what is due at this instant. */
  async send(): Promise<void> {
    await this.#dispatch.run()
  }

  /** As a process that is gone: it writes nothing more, and its sockets and its session are closed. */
  die(): void {
    this.#held = false
    this.#outcomes.giveUp()
    void this.#dispatch.stop(0)
  }

  /** Waits until it is gone. */
  async buried(): Promise<void> {
    await this.#dispatch.stop(0)
    await this.#connections.close()
    await this.#session.end()
  }

  /** Ends as a worker that was told to. */
  async stop(): Promise<void> {
    this.#held = false
    await this.#dispatch.stop(1000)
    await this.#connections.close()
    await this.#session.query('update goniec.incarnation set ended_at = goniec.now() where id = $1', [
      this.#incarnationId,
    ])
    await this.#session.end()
  }
}
