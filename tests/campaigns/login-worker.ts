/** A worker that only answers login checks. */
import { Logger, run } from 'graphile-worker'
import type { TestDatabase } from '../support/database.ts'

/** Has one run while `work` does; a server's words that begin with 235 are a success. */
export async function withLoginWorker<Result>(
  database: TestDatabase,
  answer: (mailboxId: number) => string,
  work: () => Promise<Result>,
): Promise<Result> {
  const runner = await run({
    pgPool: database.pool,
    schema: 'graphile_worker',
    logger: new Logger(() => () => undefined),
    noHandleSignals: true,
    pollInterval: 100,
    taskList: {
      async check(payload, { withPgClient }) {
        for (const id of (payload as { ids: number[] }).ids) {
          await withPgClient(async (client) => {
            const { rows } = await client.query<{ mailbox_id: number }>(
              'select mailbox_id from goniec.login_check where id = $1',
              [id],
            )
            const response = answer(Number(rows[0]?.mailbox_id))
            await client.query(
              `update goniec.login_check set worker = 'w1', answered_at = goniec.now(), ok = $2 like '235%', response = $2 where id = $1`,
              [id, response],
            )
            await client.query(`select pg_notify('goniec', 'check')`)
          })
        }
      },
    },
  })
  try {
    return await work()
  } finally {
    await runner.stop()
  }
}
