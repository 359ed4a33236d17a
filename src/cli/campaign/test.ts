import { queueTestMail, type TestQueued } from '../../campaigns/test-mail.ts'
import { toLocalTime } from '../../time.ts'
import type { Cli } from '../cli.ts'

export interface TestOptions {
  to: string
  lead?: string
  step?: string
  dryRun?: boolean
}

/** Queues a test, and says what was queued and when it goes. It needs no yes: it goes to the address that was just typed. */
export async function sendTest(cli: Cli, name: string, { to, lead, step, dryRun = false }: TestOptions): Promise<void> {
  const queued = await cli.withDatabase((database) =>
    queueTestMail(database, { campaign: name, to, lead, step, dryRun }),
  )
  cli.output.data(queuedJson(queued, name, dryRun), () => undefined)
  cli.output.say(sentence(cli, queued))
  if (queued.id !== null && queued.workerIsRunning) cli.output.say(`Next: goniec message show ${queued.id}`)
  if (queued.id !== null && !queued.workerIsRunning) cli.output.say('No worker is running. Next: goniec worker')
}

function queuedJson(queued: TestQueued, campaign: string, dryRun: boolean): Record<string, unknown> {
  const { earliestAt, workerIsRunning, ...rest } = queued
  return { ...rest, campaign, earliest_at: earliestAt, worker_is_running: workerIsRunning, dry_run: dryRun }
}

function sentence(cli: Cli, { id, to, mailbox, subject, lead, step, variant, earliestAt }: TestQueued): string {
  const what = id === null ? 'Would queue' : `Queued as message ${id}:`
  const at = toLocalTime(earliestAt, cli.output.timeZone, { seconds: true })
  return `${what} "${subject}" (step ${step}, variant ${variant}, as for ${lead}) to ${to}, from ${mailbox}, ${at} at the earliest.`
}
