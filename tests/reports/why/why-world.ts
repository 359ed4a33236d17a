/** A small world that is planned for real, on the test clock, for tests of what `goniec why` says. */
import { runPlan } from '../../../src/campaigns/plan/run.ts'
import { explain } from '../../../src/reports/why/why.ts'
import type { Next } from '../../../src/reports/why/reason.ts'
import { Temporal, toJsonTime, type Instant } from '../../../src/time.ts'
import { setClock } from '../../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { World } from '../../support/world.ts'

/** A reason as tests compare it. */
export interface SaidReason {
  code: string
  text: string
  until: string | null
  todo: string | null
}

export class WhyWorld extends World {
  readonly database: TestDatabase

  private constructor(database: TestDatabase, now: Instant) {
    super(database.pool, now)
    this.database = database
  }

  /** Its clock stands still at this local time in Warsaw. */
  static async at(local: string): Promise<WhyWorld> {
    const database = await createTestDatabase()
    const now = warsaw(local)
    await setClock(database, now)
    return new WhyWorld(database, now)
  }

  async clock(local: string): Promise<void> {
    await setClock(this.database, warsaw(local))
  }

  /** A campaign sent from these mailboxes, that begins to send at nine. */
  async sent(
    columns: Record<string, unknown> & { steps?: readonly string[] },
    ...mailboxes: number[]
  ): Promise<number> {
    const campaign = await this.campaign(columns)
    for (const mailbox of mailboxes)
      await this.insert('campaign_mailbox', { campaign_id: campaign, mailbox_id: mailbox }, 'campaign_id')
    return campaign
  }

  /** So many mails without a slot; their ids. */
  async waiting(count: number, campaign: number): Promise<number[]> {
    const ids: number[] = []
    for (let n = 0; n < count; n++) ids.push((await this.mail({ campaign, dueInMs: null })).id)
    return ids
  }

  async plan(): Promise<void> {
    await runPlan(this.database)
  }

  async why(given: number | string): Promise<{
    reasons: SaidReason[]
    next: { what: Next['what']; at: string } | null
    sendable: boolean
    never: unknown
  }> {
    const { why } = await explain(this.database, String(given))
    return {
      sendable: why.sendable,
      reasons: why.reasons.map(({ code, text, until, todo }) => ({
        code,
        text,
        until: until && toJsonTime(until),
        todo,
      })),
      next: why.next && { what: why.next.what, at: toJsonTime(why.next.at) },
      never: 'never' in why ? why.never : null,
    }
  }
}

/** The instant of a local time in Warsaw: `2026-12-07 09:00`. */
export function warsaw(local: string): Instant {
  return Temporal.PlainDateTime.from(local.replace(' ', 'T')).toZonedDateTime('Europe/Warsaw').toInstant()
}
