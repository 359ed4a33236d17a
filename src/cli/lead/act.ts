import { findCampaign } from '../../campaigns/campaign.ts'
import type { Database } from '../../database/pool.ts'
import { GoniecError } from '../../errors.ts'
import { actOnLeads, type LeadResult } from '../../leads/lead-acts.ts'
import type { LeadAct, Mark } from '../../leads/marks.ts'
import { readAddresses } from '../addresses.ts'
import type { Cli } from '../cli.ts'
import { alreadyPassedSentence, MAIL_OF_STEPS } from '../passed.ts'

export interface ActFlags {
  campaign?: string
  dryRun?: boolean
  replied?: boolean
  unsubscribed?: boolean
  bounced?: boolean
}

export type Verb = 'block' | 'unblock' | 'replied' | 'unsubscribe' | 'remove'

/** Does it to each address; says of those that are unknown that they are, and then ends with 1. */
export async function runAct(cli: Cli, verb: Verb, given: string[], flags: ActFlags): Promise<void> {
  const { dryRun = false } = flags
  const addresses = await readAddresses(given)
  await cli.withDatabase(
    async (database) => {
      const act = await toAct(database, verb, flags)
      const results = (await mayAct(cli, database, act, { addresses, dryRun }))
        ? await actOnLeads(database, act, addresses)
        : await actOnLeads(database, act, addresses, { dryRun: true })
      report(cli, verb, results, dryRun)
    },
    { name: 'lead' },
  )
}

async function toAct(database: Database, verb: Verb, flags: ActFlags): Promise<LeadAct> {
  if (verb === 'remove') {
    if (flags.campaign === undefined) {
      throw new GoniecError('usage', 'say which campaign they are removed from', {
        hint: 'goniec lead remove ADDRESS --campaign NAME',
        exitCode: 2,
      })
    }
    return { kind: 'remove', campaignId: (await findCampaign(database, flags.campaign)).id }
  }
  if (verb !== 'unblock') return { kind: verb }
  const marks: readonly Mark[] = (['replied', 'unsubscribed', 'bounced'] as const).filter(
    (mark) => flags[mark] === true,
  )
  return { kind: 'unblock', marks: marks.length > 0 ? marks : ['blocked'] }
}

/** What ends mails for good is asked about, and so is mailing somebody again who was out; a block can simply be lifted. */
async function mayAct(
  cli: Cli,
  database: Database,
  act: LeadAct,
  { addresses, dryRun }: { addresses: string[]; dryRun: boolean },
): Promise<boolean> {
  const isLift = act.kind === 'unblock' && !act.marks.includes('blocked')
  if (act.kind === 'block' || (act.kind === 'unblock' && !isLift)) return !dryRun
  const expected = await actOnLeads(database, act, addresses, { dryRun: true })
  const mails = sum(expected, 'cancelled')
  if (dryRun || (mails === 0 && !isLift)) return !dryRun
  const changed = expected.filter((result) => result.changed)
  if (changed.length === 0) return true
  const who = changed.length === 1 ? (changed[0]?.address ?? '') : `${changed.length} leads`
  return await cli.confirm(
    isLift ? `Mail ${who} again, in spite of what was marked?` : `Cancel ${count(mails)} to ${who} for good?`,
  )
}

function report(cli: Cli, verb: Verb, results: LeadResult[], dryRun: boolean): void {
  cli.output.data(
    results.map(({ problem, ...result }) => ({ ...result, error: problem, dry_run: dryRun })),
    () => undefined,
  )
  for (const { problem } of results) if (problem !== null) cli.output.say(`Error: ${problem}`)
  if (results.some(({ problem }) => problem !== null)) cli.setExitCode(1)
  const known = results.filter(({ problem }) => problem === null)
  if (known.length === 0) return
  const changed = known.filter((result) => result.changed)
  const before = known.length - changed.length
  const parts = [`${DONE[verb]} ${leads(changed.length)}${before > 0 ? `; ${leads(before)} had that before` : ''}.`]
  const [cancelled, made] = [sum(known, 'cancelled'), sum(known, 'made')]
  if (cancelled > 0) parts.push(`Cancelled ${count(cancelled)}.`)
  if (made > 0) parts.push(`Made ${count(made)} for them to go on with.`)
  if (verb !== 'unblock' && !dryRun) parts.push(alreadyPassedSentence(sum(known, 'already_passed'), HELD[verb]))
  cli.output.say(parts.join(' '))
  if (dryRun) cli.output.say('Dry run: nothing was changed.')
}

const DONE: Record<Verb, string> = {
  block: 'Blocked',
  unblock: 'Lifted from',
  replied: 'Marked as replied:',
  unsubscribe: 'Unsubscribed',
  remove: 'Removed',
}

/** Responses stay, and of a lead that is removed from one campaign the mails of all others. */
const HELD: Partial<Record<Verb, string>> = { replied: 'no more campaign mail', remove: MAIL_OF_STEPS }

function sum(results: readonly LeadResult[], name: 'cancelled' | 'made' | 'already_passed'): number {
  return results.reduce((total, result) => total + result[name], 0)
}

function leads(number: number): string {
  return number === 1 ? '1 lead' : `${number} leads`
}

function count(mails: number): string {
  return mails === 1 ? '1 open mail' : `${mails} open mails`
}
