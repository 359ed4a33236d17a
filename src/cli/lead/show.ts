import { nearAddresses } from '../../leads/near-addresses.ts'
import { showLead, type LeadReport } from '../../leads/show.ts'
import { didYouMean } from '../../nearest.ts'
import { describeReason } from '../../reports/reason-words.ts'
import { readAddresses } from '../addresses.ts'
import type { Cli } from '../cli.ts'
import { printStory } from '../story.ts'

/** Prints what is known about each lead; an unknown one is named, and the command ends with 1. */
export async function runShow(cli: Cli, given: string[], { all = false }: { all?: boolean } = {}): Promise<void> {
  const addresses = await readAddresses(given)
  const reports: LeadReport[] = []
  await cli.withDatabase(async (database) => {
    for (const address of addresses) {
      const report = await showLead(database, address)
      if (report !== null) reports.push(report)
      else {
        const known = await nearAddresses(database, address)
        cli.output.say(`Error: there is no lead ${address}${didYouMean(address, known)}`)
        cli.setExitCode(1)
      }
    }
  })
  cli.output.data(addresses.length === 1 ? (reports[0] ?? null) : reports, () => {
    for (const report of reports) print(cli, report, all)
    if (reports.length > 0) cli.output.say(`Times are local in ${cli.output.timeZone}.`)
  })
}

function print({ output }: Cli, lead: LeadReport, all: boolean): void {
  const { email, email_given: given, suppressed } = lead
  output.properties([
    ['lead', email],
    ...(given === null ? [] : [['as given', given] as const]),
    ['since', lead.created_at],
    ...MARKS.flatMap((mark) => (lead[`${mark}_at`] === null ? [] : [[mark, lead[`${mark}_at`]] as const])),
    ...suppressed.map(
      ({ value, reason }) => ['suppressed', `${value}${reason === null ? '' : ` (${reason})`}`] as const,
    ),
  ])
  for (const { campaign, campaign_status: status, removed_at: removed, fields } of lead.enrollments) {
    const words = Object.entries(fields).map(([name, value]) => `${name}: ${String(value)}`)
    output.line('')
    output.line(`campaign ${campaign} (${status})${removed === null ? '' : ', removed'}`)
    if (words.length > 0) output.line(`  ${words.join(', ').replaceAll(/[\s\p{Cc}]+/gu, ' ')}`)
  }
  output.line('')
  output.table(lead.messages, [
    { header: 'message', value: ({ id }) => id },
    { header: 'campaign', value: ({ campaign, kind }) => campaign ?? kind },
    { header: 'step', value: ({ step }) => step },
    { header: 'variant', value: ({ variant }) => variant },
    { header: 'status', value: ({ status }) => status },
    { header: 'planned', value: (mail) => mail.scheduled_at },
    { header: 'sent', value: (mail) => mail.sent_at },
    { header: 'mailbox', value: ({ mailbox }) => mailbox },
    { header: 'why', value: ({ reason, detail }) => detail ?? (reason === null ? null : describeReason(reason)) },
  ])
  output.line('')
  printStory(output, lead.events, { all })
}

const MARKS = ['blocked', 'replied', 'unsubscribed', 'bounced'] as const
