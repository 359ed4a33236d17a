import { noticeRestoration, resumeAfterRestore } from '../../delivery/resume-after-restore.ts'
import { readRestoration, unreported, type Restoration } from '../../reports/restoration.ts'
import { toLocalTime } from '../../time.ts'
import type { Cli } from '../cli.ts'

export interface AfterRestoreOptions {
  without?: string[]
  dryRun?: boolean
}

/** Lists what is unknown after a restore, asks, and lets sending go on. */
export async function runAfterRestore(cli: Cli, options: AfterRestoreOptions): Promise<void> {
  const { without = [], dryRun = false } = options
  await cli.withDatabase(async (database) => {
    await noticeRestoration(database)
    const restoration = await readRestoration(database)
    if (!restoration) {
      cli.output.data({ restoration: null, changed: false, dry_run: dryRun, doubted: 0 }, () => undefined)
      cli.output.say('The database was not restored: nothing waits for this.')
      return
    }
    describe(cli, restoration)
    const asked = await cli.confirm(questionOf(restoration, without), { dryRun })
    const { changed, doubted } = await resumeAfterRestore(database, { without, dryRun: !asked })
    cli.output.data({ restoration, changed: changed && asked, dry_run: !asked, doubted }, () => {
      if (cli.output.wantsJson) return
    })
    if (!asked) return
    cli.output.say(
      `Sending may go on. ${doubted > 0 ? `${doubted} mails are in doubt now. Next: goniec doubt list` : 'Next: goniec status'}`,
    )
  })
}

function questionOf({ reason, due }: Restoration, without: readonly string[]): string {
  const copy =
    reason === 'elsewhere' ? ' If this is a copy, and the original sends as well, people will be mailed by both.' : ''
  const lost =
    without.length > 0
      ? ` Without ${without.join(', ')}: the ${due.length} mails that were due then are put in doubt.`
      : ''
  return `Send from this database from now on?${copy}${lost}`
}

/** What is known and what is not; for people. */
function describe({ output }: Cli, restoration: Restoration): void {
  const { explanation, noticed_at: noticed, last_known_at: last, workers, mails, due } = restoration
  const local = (at: typeof noticed): string => toLocalTime(at, output.timeZone, { seconds: true })
  output.say(`Nothing is sent since ${local(noticed)}: ${explanation}.`)
  output.say(
    last === null
      ? 'It is not known what the database may have forgotten.'
      : `What was done between ${local(last)} and then may be forgotten: mails, but also pauses, answers and imports.`,
  )
  if (output.wantsJson) return
  if (workers.length > 0) {
    output.say('\nWorkers, and what they have told from their logbooks:')
    output.table(workers, [
      { header: 'worker', value: ({ worker }) => worker },
      { header: 'last seen', value: ({ seen_at: seen }) => seen },
      { header: 'reported', value: ({ reported_at: reported }) => reported, seconds: true },
      { header: 'forgotten mails', value: ({ mails: n }) => n },
      { header: '', value: remarkOf },
    ])
  }
  if (mails.length > 0) {
    output.say('\nMails that had gone out, and that the database had forgotten:')
    output.table(mails, [
      { header: 'on the wire at', value: ({ passed_at: at }) => at, seconds: true },
      { header: 'to', value: ({ recipient }) => recipient },
      { header: 'campaign', value: ({ campaign }) => campaign },
      { header: 'step or key', value: ({ step, key }) => step ?? key },
      { header: 'Message-ID', value: ({ rfc_message_id: id }) => id },
      { header: 'message', value: ({ message_id: id }) => id },
      {
        header: 'is now',
        value: ({ message_id: id, became }) => (id === null ? 'not here; never sent again' : became),
      },
    ])
  }
  const silent = unreported(restoration)
  if (silent.length > 0) {
    output.say(`\nNot known: what ${silent.map(({ worker }) => worker).join(', ')} had sent. Due in that time:`)
    output.table(due, [
      { header: 'due at', value: ({ due_at: at }) => at, seconds: true },
      { header: 'to', value: ({ recipient }) => recipient },
      { header: 'campaign', value: ({ campaign }) => campaign },
      { header: 'step', value: ({ step }) => step },
      { header: 'from', value: ({ mailbox }) => mailbox },
      { header: 'message', value: ({ message_id: id }) => id },
    ])
  } else if (due.length > 0) output.say(`\n${nobodyTellsOf(due.length, last === null ? 'the backup' : local(last))}`)
  output.say('')
}

/** A worker whom the database has forgotten too: only a person knows of it. */
function nobodyTellsOf(mails: number, since: string): string {
  const [were, they] = mails === 1 ? ['A mail was', 'it is'] : [`${mails} mails were`, 'they are']
  return `${were} due in that time, and none of these workers tells of having sent ${mails === 1 ? 'it' : 'them'}: ${they} sent now.
Was there a worker first started after ${since}? The database has forgotten it, and waits for its report from nobody. Start it before you go on, with its logbook; if it is lost, name it with --without.`
}

function remarkOf({
  reported_at: reported,
  is_complete: complete,
  is_ahead: ahead,
}: Restoration['workers'][number]): string {
  if (reported === null) return 'has not reported'
  if (!complete) return 'its logbook does not go back far enough'
  return ahead ? 'knew more of the database than there is' : ''
}
