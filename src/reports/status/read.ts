/**
 * What goniec is doing, at one moment: a few bounded statements with one snapshot, each by index, so that it can be asked every second of
 * an installation with a million mails. It takes no lock that sending waits for.
 */
import type { Database } from '../../database/pool.ts'
import { assert } from '../../errors.ts'
import type { Instant } from '../../time.ts'
import type { Mail } from '../mail.ts'
import { readTroubledFirst, type MailboxSummary } from '../mailboxes.ts'
import { readCampaigns, type CampaignStatusRow } from './campaigns.ts'
import { readNextMails } from './next-mails.ts'
import { readRecent, type RecentEvent } from './recent.ts'
import { readTrouble, type Trouble } from './trouble.ts'
import { readWorkers, type WorkerStatus } from './workers.ts'

/** This is what `--json` prints. */
export interface Status {
  at: Instant
  /** The installation's zone, in which people are shown times. */
  timezone: string
  /** The emergency brake. */
  paused_at: Instant | null
  workers: WorkerStatus[]
  /** The ones that matter first, up to as many as were asked for; `campaigns_total` says how many there are. */
  campaigns: CampaignStatusRow[]
  campaigns_total: number
  next: Mail[]
  mailboxes: MailboxSummary[]
  mailboxes_total: number
  trouble: Trouble
  /** Newest first. */
  events: RecentEvent[]
}

export interface StatusOptions {
  /** Most campaigns, and most mailboxes. */
  most: number
  /** From when a mail is overdue. */
  lateMs: number
}

/** What is looked at where nothing else is asked for. */
export const STANDARD: StatusOptions = { most: 20, lateMs: 600_000 }

const MOST_MAILS = 10
const MOST_EVENTS = 12

/** Reads all of it. `database` should see one moment: `readAtOnce`. */
export async function readStatus(database: Pick<Database, 'query'>, options: StatusOptions): Promise<Status> {
  const [frame] = await database.query<Frame & Record<string, unknown>>(FRAME)
  assert(frame, 'an installation is one row')
  const { campaigns, total } = await readCampaigns(database, options.most)
  return {
    at: frame.at,
    timezone: frame.timezone,
    paused_at: frame.paused_at,
    workers: await readWorkers(database),
    campaigns,
    campaigns_total: total,
    next: await readNextMails(database, MOST_MAILS),
    mailboxes: await readTroubledFirst(database, options.most),
    mailboxes_total: frame.mailboxes_total,
    trouble: await readTrouble(database, options),
    events: await readRecent(database, MOST_EVENTS),
  }
}

type Frame = Pick<Status, 'at' | 'timezone' | 'paused_at' | 'mailboxes_total'>

const FRAME = `
  select goniec.now() as at, i.timezone, i.paused_at, (select count(*) from goniec.mailbox) as mailboxes_total
  from goniec.installation i`
