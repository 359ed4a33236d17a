/**
 * What a chain of deaths happens in: one database, one mail server with its record, mailboxes and campaigns that stay, and new leads for
 * each death, so that there is always something to send.
 */
import { join } from 'node:path'
import { runPlan } from '../../src/campaigns/plan/run.ts'
import { makeFleet } from '../../tests/crash/fleet.ts'
import type { FaultConnection } from '../../tests/smtp/fault-connection.ts'
import { startFaultServer, type FaultServer, type FaultServerOptions } from '../../tests/smtp/fault-server.ts'
import type { WorkerProcess } from '../../tests/support/worker-process.ts'
import type { Ground } from '../cell.ts'
import { createProofDatabase, type ProofDatabase } from '../database.ts'
import { openOracle, type Oracle } from '../oracle.ts'
import { shrinkBackOffs } from '../shrunk.ts'

export interface World {
  database: ProofDatabase
  directory: string
  oracle: Oracle
  mailServer: FaultServer
  /** All that were started in it. */
  workers: WorkerProcess[]
  /** Whether the mail server offers PIPELINING to connections that come. */
  offerPipelining: (offered: boolean) => void
  /** What happens between the server's taking of a mail and its saying so. */
  betweenDotAndReply: (happens: (() => Promise<void>) | undefined) => void
}

const MAILBOXES = 3
/** Leads are in one of them. */
export const CAMPAIGNS = 2

/** Content of the second campaign takes several pieces. */
const LONG_TEXT = 150_000

export async function openWorld({ server, directory }: Ground): Promise<World> {
  const database = await createProofDatabase(server)
  await shrinkBackOffs(database)
  const oracle = openOracle(join(directory, 'accepted'))
  let between: (() => Promise<void>) | undefined
  const dot = async (at: FaultConnection): Promise<void> => {
    at.accept()
    await between?.()
    at.write('250 2.0.0 Ok: queued\r\n')
  }
  const options: FaultServerOptions = { auth: true, onAccept: oracle.accept, plan: { dot } }
  const mailServer = await startFaultServer(options)
  await makeFleet(database, { mailboxes: MAILBOXES, campaigns: CAMPAIGNS, leads: 0, smtpPort: mailServer.port })
  await database.query(`update goniec.mailbox set smtp_user = 'anna', smtp_password_ref = 'env:PROOF_PASSWORD'`)
  await database.query(
    `update goniec.variant v set text = repeat('A long text. ', $1) from goniec.step s where s.id = v.step_id and s.campaign_id = 2`,
    [Math.ceil(LONG_TEXT / 13)],
  )
  return {
    database,
    directory,
    oracle,
    mailServer,
    workers: [],
    offerPipelining: (offered) => void (options.pipelining = offered),
    betweenDotAndReply: (happens) => void (between = happens),
  }
}

/** Everything is ended, workers that somebody gave up waiting for too; the record stays. */
export async function closeWorld({ database, oracle, mailServer, workers }: World): Promise<void> {
  for (const worker of workers) for (const signal of ['SIGCONT', 'SIGKILL'] as const) worker.kill(signal)
  await Promise.all(workers.map(({ ended }) => ended))
  await mailServer.close()
  oracle.close()
  await database.drop()
}

/** Leads that each want two mails, in one of the campaigns; with `plan` the first ones have slots at once. */
export async function addLeads(
  { database }: World,
  { addresses, campaign, plan }: { addresses: readonly string[]; campaign: number; plan: boolean },
): Promise<void> {
  await database.query(
    `with
     new_lead as (insert into goniec.lead (email) select unnest($1::text[]) returning id, email),
     new_enrollment as (
       insert into goniec.enrollment (campaign_id, lead_id, fields)
       select $2, id, jsonb_build_object('n', split_part(email, '@', 1)) from new_lead returning id, campaign_id, lead_id
     )
     insert into goniec.message (kind, campaign_id, enrollment_id, lead_id, recipient, step_id, step_key, variant)
     select 'campaign', e.campaign_id, e.id, e.lead_id, l.email, s.id, s.key, 'A'
     from new_enrollment e
     join new_lead l on l.id = e.lead_id
     join goniec.step s on s.campaign_id = e.campaign_id and s.position = 1`,
    [addresses, campaign],
  )
  if (plan) await runPlan(database, { graceMs: 300_000 })
}
