/** A world whose mail server holds its answers back, so that a test says how many mails are out when the database is backed up. */
import { tmpdir } from 'node:os'
import { untilRow } from '../support/until-row.ts'
import { startRecorder, type Recorder, type RecorderOptions } from '../support/recorder.ts'
import { makeFleet, type Fleet } from './fleet.ts'
import { startRestorableServer, type RestorableServer } from './restorable-server.ts'

export interface RestoredWorld extends RestorableServer {
  recorder: Recorder
  /** Lets so many mails be accepted, all told. */
  allow(total: number): void
  /** The same, until those are settled and the next one of each mailbox waits for its answer: from then on the ledger stands still. */
  allowJust(total: number): Promise<void>
  /** Who has had which step, as the mail server recorded it. */
  accepted(): string[]
  /** How many messages are in which state. */
  statuses(): Promise<Record<string, number>>
  end(): Promise<void>
}

/** Nothing is accepted before `allow`. Its server is made below `base`. */
export async function makeRestoredWorld(
  fleet: Partial<Fleet> = {},
  {
    base = tmpdir(),
    env,
    onAccept,
  }: { base?: string; env?: NodeJS.ProcessEnv } & Pick<RecorderOptions, 'onAccept'> = {},
): Promise<RestoredWorld> {
  const server = await startRestorableServer(base, env)
  let allowed = 0
  let begun = 0
  const waiting: { turn: number; go: () => void }[] = []
  const recorder = await startRecorder({
    ...(onAccept ? { onAccept } : {}),
    refuse: {
      dot: async () => {
        begun += 1
        const turn = begun
        if (turn > allowed) await new Promise<void>((go) => waiting.push({ turn, go }))
      },
    },
  })
  const made = { mailboxes: 3, campaigns: 1, leads: 12, smtpPort: recorder.port, ...fleet }
  await makeFleet(server.database, made)
  const allow = (total: number): void => {
    allowed = total
    for (const { turn, go } of waiting) if (turn <= allowed) go()
  }
  return {
    ...server,
    recorder,
    allow,
    async allowJust(total) {
      allow(total)
      await untilRow(
        server.database,
        `select from goniec.attempt having count(*) filter (where state = 'accepted') = $1
                                       and count(*) filter (where state = 'transmitting') = $2`,
        [total, made.mailboxes],
      )
    },
    accepted: () =>
      recorder.mails.map((mail) => `${mail.to[0]} ${mail.headers.get('subject')?.split(' ')[0]}`).toSorted(),
    async statuses() {
      const rows = await server.database.query<{ status: string; n: number }>(
        'select status, count(*)::int as n from goniec.message group by 1 order by 1',
      )
      return Object.fromEntries(rows.map(({ status, n }) => [status, n]))
    },
    async end() {
      await recorder.close()
      await server.remove()
    },
  }
}
