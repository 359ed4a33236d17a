/** The end of the demo for people: the recorder's count, what waits and why, what was in doubt, and what to type next. */
import { toLocalTime } from '../../time.ts'
import type { DoubtSeen } from './acts.ts'
import type { LedgerMail, SentText } from './ledger.ts'
import type { RecordedMail } from './recorder.ts'
import type { Tally } from './tally.ts'
import type { MailboxTerms, Terms } from './terms.ts'

export interface Ending {
  tally: Tally
  terms: Terms
  recorded: readonly RecordedMail[]
  ledger: readonly LedgerMail[]
  /** Of today's limits, by campaign or mailbox. */
  taken: ReadonlyMap<string, number>
  doubts: readonly DoubtSeen[]
  /** One of the visitor's own mails; undefined: the list was the examples'. */
  ownMail: SentText | undefined
  seconds: number
}

/** Lines to print. */
export function tellTheEnd(ending: Ending): string[] {
  return [
    ...countLines(ending),
    ...waitingLines(ending),
    ...doubtLines(ending),
    ...ownLines(ending),
    ...nextLines(ending),
  ]
}

function countLines({ tally, terms, recorded, seconds }: Ending): string[] {
  const { mailboxes, campaigns, timeZone } = terms
  const shortest = Math.min(...campaigns.map(({ shortestDelayMs }) => shortestDelayMs))
  const gap = Math.min(...mailboxes.map(({ minGapMs }) => minGapMs))
  const rows: [name: string, number: number, notes: string[]][] = [
    ['planned for today', tally.planned, ['first mails and follow-ups, as many as the limits of a day allow']],
    ['accepted', tally.accepted, []],
    ['duplicates', tally.duplicates, []],
    ['lost', tally.lost, []],
    ['in doubt', tally.in_doubt, []],
    ['over a limit', tally.over_limit, mailboxes.map((mailbox) => useOf(mailbox, recorded))],
    [
      'outside its window',
      tally.outside_window,
      campaigns.map(({ name, window }) => `${name} ${window.from}–${window.to}, ${timeZone}`),
    ],
    ['too close', tally.too_close, [`mails of a campaign at least ${shortest} ms apart, of a mailbox ${gap} ms`]],
  ]
  return [
    `The recorder’s count, after ${Math.round(seconds)} s:`,
    ...rows.flatMap(([name, number, [first = '', ...more]]) => [
      `  ${name.padEnd(18)} ${String(number).padStart(4)}   ${first}`.trimEnd(),
      ...more.map((note) => ' '.repeat(28) + note),
    ]),
  ]
}

function useOf({ address, most, warmupDay }: MailboxTerms, recorded: readonly RecordedMail[]): string {
  const used = recorded.filter(({ from }) => from === address).length
  return `${address} ${used} of ${most}${warmupDay === null ? '' : `, day ${warmupDay} of its warm-up`}`
}

/** Mails of another day, by what they wait for, with the first of their times. */
function waitingLines(ending: Ending): string[] {
  const { ledger, terms } = ending
  const later = ledger.filter(({ isLater }) => isLater)
  if (later.length === 0) return []
  const groups = Map.groupBy(later, (mail) => reasonOf(mail, ending))
  const lines = [...groups].map(([reason, mails]) => {
    const times = mails.flatMap(({ plannedAt }) => (plannedAt === null ? [] : [plannedAt.epochMilliseconds]))
    const first = mails.find(({ plannedAt }) => plannedAt?.epochMilliseconds === Math.min(...times))?.plannedAt
    const from = first ? `, the first at ${toLocalTime(first, terms.timeZone, { seconds: true })}` : ''
    return `  ${String(mails.length).padStart(4)}   ${reason}${from}`
  })
  return ['', 'Not lost, but planned for another day:', ...lines]
}

/** A slot stays taken where an attempt ended with its worker: so it is asked what was taken, not what was sent. */
function reasonOf(mail: LedgerMail, { recorded, taken, terms: { mailboxes, campaigns } }: Ending): string {
  const mailbox = mailboxes.find(({ address }) => address === mail.boundTo)
  if (mailbox && (taken.get(mailbox.address) ?? 0) >= mailbox.most) {
    const by = mailbox.warmupDay === null ? 'its limit' : `day ${mailbox.warmupDay} of its warm-up`
    return `follow-ups from ${mailbox.address}: ${mailbox.most} a day, by ${by}`
  }
  const terms = campaigns.find(({ name }) => name === mail.campaign)
  if (mail.boundTo === null && terms?.keepsContactGap && recorded.some(({ to }) => to === mail.recipient)) {
    return `${mail.campaign}: another campaign has mailed the same person today`
  }
  const limit = terms?.dailyLimit ?? Infinity
  if ((taken.get(mail.campaign) ?? 0) >= limit) return `${mail.campaign}: ${limit} mails a day`
  return `${mail.campaign}: no room today in its mailboxes`
}

function doubtLines({ doubts, recorded }: Ending): string[] {
  if (doubts.length === 0) return []
  const lines = doubts.flatMap((seen) => {
    const { id, recipient, mailbox, campaign } = seen.doubt
    return [
      `  Message ${id} to ${recipient} (${campaign}, from ${mailbox}):`,
      '    it was on the wire, and its worker was gone before the answer was known.',
      `    ${endOf(seen, recorded)}`,
    ]
  })
  return [
    '',
    'In doubt, since no protocol can tell (RFC 1047), and so neither repeated nor forgotten:',
    ...lines,
    '  With real mail: goniec doubt list, search the Sent folder for the Message-ID, goniec doubt resolve ID --as sent|not-sent.',
  ]
}

function endOf({ doubt, end }: DoubtSeen, recorded: readonly RecordedMail[]): string {
  if (end === 'evident')
    return 'The recorder has it. That is evidence: it was resolved as sent, and no second one followed.'
  if (end === 'answered') return 'A late answer settled it.'
  const isRecorded = recorded.some(({ messageId }) => messageId === doubt.rfc_message_id)
  if (isRecorded) return `The recorder has it: goniec doubt resolve ${doubt.id} --as sent`
  return 'The recorder does not have it. It stays in doubt until a person decides.'
}

/** So that the visitor sees a mail of his. */
function ownLines({ ownMail }: Ending): string[] {
  if (!ownMail) return []
  const { recipient, subject, text } = ownMail
  const lines = (text ?? '').split('\n').map((line) => `  | ${line.replaceAll(/\p{Cc}+/gu, ' ')}`.trimEnd())
  return [
    '',
    `The first of your mails, to ${recipient}:`,
    `  | Subject: ${subject ?? ''}`,
    '  |',
    ...lines.slice(0, 16),
  ]
}

function nextLines({ ownMail }: Ending): string[] {
  const isCheckout = process.env['npm_lifecycle_event'] === 'demo'
  const goniec = isCheckout ? 'node bin/goniec.js' : 'goniec'
  return [
    '',
    ...(ownMail
      ? []
      : [
          'Next, with a list of your own: any CSV with an e-mail column. It is delivered to the recorder only.',
          `  ${isCheckout ? 'npm run demo --' : 'goniec demo'} --leads my.csv`,
        ]),
    'In earnest, with a database that stays, and your mailboxes in a definition file like examples/campaigns.yaml:',
    '  export GONIEC_EMBEDDED=1',
    `  ${goniec} migrate`,
    `  ${goniec} apply team.yaml`,
    `  ${goniec} lead import my.csv --campaign NAME`,
    `  ${goniec} campaign start NAME`,
    `  ${goniec} worker`,
  ]
}
