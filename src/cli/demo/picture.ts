/** The picture of the demo at a moment: campaigns with their bars, mailboxes with their use of the day, workers, the last mails. Pure. */
import type { CampaignState } from './ledger.ts'
import type { RecordedMail } from './recorder.ts'
import { stampOf } from './screen.ts'
import type { Terms } from './terms.ts'

export interface Moment {
  campaigns: readonly CampaignState[]
  workers: readonly { name: string; works: boolean }[]
  recorded: readonly RecordedMail[]
  terms: Terms
  /** Seconds since the demo began, at which a mail came. */
  secondsOf: (mail: RecordedMail) => number
}

/** Lines from top to bottom. */
export function paint(moment: Moment): string[] {
  const { workers, recorded, secondsOf } = moment
  return [
    '',
    'Campaigns',
    ...campaignLines(moment),
    'Mailboxes today',
    ...mailboxLines(moment),
    'Workers',
    `  ${workers.map(({ name, works }) => `${name} ${works ? 'works' : 'killed'}`).join('   ')}`,
    `The recorder has ${recorded.length} mails, the last ones`,
    ...recorded
      .slice(-MOST_MAILS)
      .map((mail) => `  ${stampOf(secondsOf(mail))}  ${mail.from} → ${mail.to}${kindOf(mail)}`),
  ]
}

/** The same in one line. */
export function summarise({ campaigns, recorded }: Moment): string {
  const parts = campaigns.map(
    (campaign) => `${campaign.name} ${campaign.sent} of ${todayOf(campaign)}${wordOf(campaign)}`,
  )
  return `recorded: ${recorded.length}; sent: ${parts.join(', ')}`
}

const MOST_MAILS = 5
const BAR = 24

function campaignLines({ campaigns }: Moment): string[] {
  const width = Math.max(0, ...campaigns.map(({ name }) => name.length))
  return campaigns.map((campaign) => {
    const { name, sent, later } = campaign
    const today = todayOf(campaign)
    const full = today === 0 ? 0 : Math.round((sent / today) * BAR)
    const bar = '█'.repeat(full) + '░'.repeat(BAR - full)
    const waits = later === 0 ? '' : `, ${later} wait for another day`
    return `  ${name.padEnd(width)}  ${bar}  ${String(sent).padStart(3)} of ${today}${waits}${wordOf(campaign)}`
  })
}

function todayOf({ sent, open, inDoubt }: CampaignState): number {
  return sent + open + inDoubt
}

function wordOf({ status, inDoubt }: CampaignState): string {
  const words = [...(inDoubt > 0 ? [`${inDoubt} in doubt`] : []), ...(status === 'paused' ? ['paused'] : [])]
  return words.length === 0 ? '' : ` (${words.join(', ')})`
}

function mailboxLines({ recorded, terms }: Moment): string[] {
  const width = Math.max(0, ...terms.mailboxes.map(({ address }) => address.length))
  return terms.mailboxes.map(({ address, most, warmupDay }) => {
    const used = recorded.filter(({ from }) => from === address).length
    const warming = warmupDay === null ? '' : `  day ${warmupDay} of its warm-up`
    return `  ${address.padEnd(width)}  ${String(used).padStart(3)} of ${most}${warming}${used >= most ? ': no more today' : ''}`
  })
}

function kindOf({ headers }: RecordedMail): string {
  return headers.has('in-reply-to') ? '  (follow-up)' : ''
}
