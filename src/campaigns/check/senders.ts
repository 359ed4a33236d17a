/** The mailboxes that a campaign sends from: whether there is a usable one, and whether a worker can log in to it. */
import type { Database } from '../../database/pool.ts'
import { requestLoginChecks, type LoginCheckOptions } from '../../mailboxes/login-check.ts'
import type { Warmup } from '../../schedule/warmup.ts'
import type { Instant } from '../../time.ts'
import type { Finding, LoginResult } from './report.ts'

export interface CheckedMailbox {
  id: number
  address: string
  status: 'active' | 'paused' | 'broken'
  statusReason: string | null
  dailyLimit: number
  minGapMs: number
  warmup: Warmup | null
}

export interface Senders {
  mailboxes: CheckedMailbox[]
  usable: CheckedMailbox[]
  /** The salesperson's most mails a day; null: no limit. */
  salespersonLimit: number | null
  problems: Finding[]
  warnings: Finding[]
}

/** Reads the mailboxes, and judges what can be judged without their servers. */
export async function checkSenders(database: Pick<Database, 'query'>, campaignId: number): Promise<Senders> {
  const rows = await database.query<CheckedMailbox & { warmup_started: string | null; warmup_limit: number | null }>(
    `select b.id, b.address, b.status, b.status_reason as "statusReason", b.daily_limit as "dailyLimit", b.min_gap_ms as "minGapMs",
            b.warmup_started, b.warmup_daily_limit as warmup_limit
     from goniec.campaign_mailbox cm
     join goniec.mailbox b on b.id = cm.mailbox_id
     where cm.campaign_id = $1
     order by b.id`,
    [campaignId],
  )
  const mailboxes = rows.map(({ warmup_started: started, warmup_limit: dailyLimit, ...mailbox }) => ({
    ...mailbox,
    warmup: started === null ? null : { started, dailyLimit },
  }))
  const usable = mailboxes.filter(({ status, dailyLimit }) => status === 'active' && dailyLimit > 0)
  const brakes = await readBrakes(database, campaignId)
  const { problems, warnings } = judge(mailboxes, usable)
  return {
    mailboxes,
    usable,
    salespersonLimit: brakes.limit,
    problems,
    warnings: [...warnings, ...brakeWarnings(brakes)],
  }
}

/** Has a worker log in to each of them. What nobody answers is a warning: it is no reason not to start. */
export async function checkLogins(
  database: Database,
  mailboxes: readonly CheckedMailbox[],
  options: LoginCheckOptions,
): Promise<{ logins: LoginResult[]; problems: Finding[]; warnings: Finding[] }> {
  const answers = await requestLoginChecks(
    database,
    mailboxes.map(({ id }) => id),
    options,
  )
  const logins = answers.map(({ mailboxId, ok, response }) => ({
    mailbox: mailboxes.find(({ id }) => id === mailboxId)?.address ?? '',
    ok,
    response,
  }))
  const problems = logins
    .filter(({ ok }) => ok === false)
    .map(({ mailbox, response }) => ({
      code: 'login_failed',
      text: `mailbox ${mailbox} cannot be logged in to: ${response ?? 'no reason was given'}`,
      hint: `correct its smtp settings or its password, then goniec mailbox test ${mailbox}`,
    }))
  const untried = logins.filter(({ ok }) => ok === null).map(({ mailbox }) => mailbox)
  return { logins, problems, warnings: untried.length === 0 ? [] : [loginNotTried(untried)] }
}

function loginNotTried(mailboxes: readonly string[]): Finding {
  return {
    code: 'login_not_tried',
    text: `login not tried: no worker answered for ${mailboxes.join(', ')}`,
    hint: 'goniec worker, which holds the passwords; then check again',
  }
}

function judge(
  mailboxes: readonly CheckedMailbox[],
  usable: readonly CheckedMailbox[],
): { problems: Finding[]; warnings: Finding[] } {
  if (mailboxes.length === 0) {
    const hint = 'name one under mailboxes: in the definition file, and goniec apply FILE'
    return { problems: [{ code: 'no_mailbox', text: 'the campaign has no mailbox', hint }], warnings: [] }
  }
  const unusable = mailboxes
    .filter((mailbox) => !usable.includes(mailbox))
    .map((mailbox): Finding => ({ code: 'mailbox_unusable', text: describeUnusable(mailbox), hint: wayOut(mailbox) }))
  if (usable.length > 0) return { problems: [], warnings: unusable }
  return { problems: [{ code: 'no_mailbox', text: 'the campaign has no usable mailbox' }, ...unusable], warnings: [] }
}

function describeUnusable({ address, status, statusReason }: CheckedMailbox): string {
  if (status === 'active') return `mailbox ${address} may send 0 mails a day`
  return `mailbox ${address} is ${status}${statusReason === null ? '' : `: ${statusReason}`}`
}

function wayOut({ address, status }: CheckedMailbox): string {
  return status === 'active' ? 'raise its daily_limit, and goniec apply FILE' : `goniec mailbox resume ${address}`
}

interface Brakes {
  all: Instant | null
  salesperson: Instant | null
  email: string
  limit: number | null
}

async function readBrakes(database: Pick<Database, 'query'>, campaignId: number): Promise<Brakes> {
  const [row] = await database.query<Brakes>(
    `select i.paused_at as all, s.paused_at as salesperson, s.email, s.daily_limit as limit
     from goniec.installation i, goniec.campaign c
     join goniec.salesperson s on s.id = c.salesperson_id
     where c.id = $1`,
    [campaignId],
  )
  return row ?? { all: null, salesperson: null, email: '', limit: null }
}

function brakeWarnings({ all, salesperson, email }: Brakes): Finding[] {
  const warnings: Finding[] = []
  if (all !== null) warnings.push({ code: 'braked', text: 'everything is paused', hint: 'goniec resume --all' })
  if (salesperson !== null) {
    const hint = `goniec resume --salesperson ${email}`
    warnings.push({ code: 'braked', text: `all mails of ${email} are paused`, hint })
  }
  return warnings
}
