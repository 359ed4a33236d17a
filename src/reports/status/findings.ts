/** What calls for somebody's action, each with the command to begin with. Pure: the same for `status`, its full screen, and `status --check`. */
import { shellWord } from '../../campaigns/campaign.ts'
import { toLocalTime, type Instant } from '../../time.ts'
import type { Status } from './read.ts'
import type { Pile } from './trouble.ts'

/** In the order of what they keep from going out. */
export const FINDING_CODES = [
  'restored',
  'no_worker',
  'mailbox_broken',
  'braked',
  'overdue',
  'unplanned',
  'contradictions',
  'doubts',
  'held',
] as const
export type FindingCode = (typeof FINDING_CODES)[number]

export interface Finding {
  code: FindingCode
  text: string
  /** What to run first. */
  command: string
  /** The mailbox or the message that it is about, where it is one. */
  subject: string | null
  count: number
  since: Instant | null
}

/** All of them; none: nobody has to do anything. */
export function findingsOf({
  trouble,
  workers,
  timezone,
}: Pick<Status, 'trouble' | 'workers' | 'timezone'>): Finding[] {
  const found: Finding[] = []
  const { restored } = trouble
  if (restored) {
    found.push({
      code: 'restored',
      text: `nothing is sent since ${toLocalTime(restored.noticed_at, timezone)}: ${restored.explanation}`,
      command: 'goniec resume --after-restore --dry-run',
      subject: null,
      count: 1,
      since: restored.noticed_at,
    })
  }
  const gone = workers.filter(({ works }) => !works)
  if (trouble.needs_worker && gone.length === workers.length) {
    const last = gone.map(({ name, host }) => `${name} on ${host}`).join(', ')
    found.push({
      code: 'no_worker',
      text: `no worker is running, and there is mail to send${last === '' ? '' : `; vanished: ${last}`}`,
      command: 'goniec worker',
      subject: null,
      count: 1,
      since: null,
    })
  }
  for (const { address, reason } of trouble.broken) {
    const text = `mailbox ${address} is broken: ${reason}`
    found.push({
      code: 'mailbox_broken',
      text,
      command: `goniec mailbox test ${address}`,
      subject: address,
      count: 1,
      since: null,
    })
  }
  for (const { kind, name, reason } of trouble.braked) {
    const text = `${kind} ${name} was paused by the brake: ${reason}`
    const command = `goniec events --${kind} ${kind === 'campaign' ? shellWord(name) : name} --type failed`
    found.push({ code: 'braked', text, command, subject: name, count: 1, since: null })
  }
  for (const [code, what, commandOf] of PILES) {
    const pile = trouble[code]
    if (pile.count === 0) continue
    const since = pile.oldest_at === null ? '' : `, the oldest since ${toLocalTime(pile.oldest_at, timezone)}`
    const number = `${pile.count}${pile.more ? '+' : ''}`
    found.push({
      code,
      text: `${number} ${pile.count === 1 && !pile.more ? `mail ${what[0]}` : `mails ${what[1]}`}${since}`,
      command: commandOf(pile),
      subject: pile.message_id === null ? null : String(pile.message_id),
      count: pile.count,
      since: pile.oldest_at,
    })
  }
  return found
}

type PileCode = 'overdue' | 'unplanned' | 'contradictions' | 'doubts' | 'held'

const show = ({ message_id: id }: Pile): string => `goniec message show ${id}`
const doubtList = (): string => 'goniec doubt list'

const PILES: [code: PileCode, one: readonly [string, string], command: (pile: Pile) => string][] = [
  ['overdue', ['is overdue, and no worker takes it', 'are overdue, and no worker takes them'], show],
  ['unplanned', ['was not planned by any worker', 'were not planned by any worker'], show],
  [
    'contradictions',
    [
      'was resolved otherwise than its server said afterwards',
      'were resolved otherwise than their servers said afterwards',
    ],
    doubtList,
  ],
  ['doubts', ['is in doubt', 'are in doubt'], doubtList],
  ['held', ['is set aside, and waits for you', 'are set aside, and wait for you'], show],
]
