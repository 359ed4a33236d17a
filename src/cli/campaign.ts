import type { Command } from 'commander'
import type { Cli } from './cli.ts'
import { addExamples } from './examples.ts'

/** `goniec campaign …` */
export function register(program: Command, cli: Cli): void {
  const campaign = program
    .command('campaign')
    .summary('look at campaigns; check, preview, test, start, pause, resume, cancel')
    .description(
      'Campaigns: who is mailed, what, when, from which mailboxes. `goniec apply` makes them from a definition file.',
    )
  registerReads(campaign, cli)
  registerTrials(campaign, cli)
  registerLife(campaign, cli)
}

function registerReads(campaign: Command, cli: Cli): void {
  campaign
    .command('list')
    .summary('all campaigns')
    .description('Lists all campaigns, with their mails by state and the next planned time.')
    .action(async () => (await import('./campaign/list.ts')).listAll(cli))
  const show = campaign
    .command('show <NAME>')
    .summary('one campaign in detail')
    .description('Shows a campaign: settings, mailboxes, mails by step and state, what is planned.')
    .action(async (name: string) => (await import('./campaign/show.ts')).showCampaign(cli, name))
  addExamples(show, ['goniec campaign show spring-offer', 'goniec campaign show spring-offer --json'])
}

function registerTrials(campaign: Command, cli: Cli): void {
  const check = campaign
    .command('check <NAME>')
    .summary('name everything that would go wrong')
    .description(
      'Names everything that would go wrong, before anything goes out: every text is made for every lead, and a worker logs in to the mailboxes. Ends with 3 where there are problems.',
    )
    .option('--no-login', 'do not have a worker try the logins')
    .action(async (name: string, options: { login: boolean }) =>
      (await import('./campaign/check.ts')).runCheck(cli, name, options),
    )
  const preview = campaign
    .command('preview <NAME>')
    .summary('show a lead’s mail as it will go out')
    .description('Shows a lead’s mail as it will go out.')
    .option('--lead <ADDRESS>', 'whose mail (default: the next lead’s)')
    .option('--step <KEY>', 'of which step (default: the lead’s next one)')
    .option('--html <FILE>', 'write the HTML part to a file, to be looked at in a browser')
    .action(async (name: string, options: { lead?: string; step?: string; html?: string }) =>
      (await import('./campaign/preview.ts')).runPreview(cli, name, options),
    )
  const test = campaign
    .command('test <NAME>')
    .summary('send a lead’s mail to yourself')
    .description('Sends a lead’s mail to yourself, marked as a test. It counts on the mailbox, and not on the lead.')
    .requiredOption('--to <ADDRESS>', 'where it goes')
    .option('--lead <ADDRESS>', 'whose mail (default: the next lead’s)')
    .option('--step <KEY>', 'of which step (default: the lead’s next one)')
    .option('--dry-run', 'only say what would be queued')
    .action(async (name: string, options: { to: string; lead?: string; step?: string; dryRun?: boolean }) =>
      (await import('./campaign/test.ts')).sendTest(cli, name, options),
    )
  addExamples(check, ['goniec campaign check spring-offer', 'goniec campaign check spring-offer --json'])
  addExamples(preview, [
    'goniec campaign preview spring-offer --lead jan@klient.example --step reminder --html mail.html',
  ])
  addExamples(test, ['goniec campaign test spring-offer --to me@firma.example'])
}

function registerLife(campaign: Command, cli: Cli): void {
  const start = campaign
    .command('start <NAME>')
    .summary('check it, and start it')
    .description('Starts a campaign, if its check finds no problem. With a day to start on it is scheduled until then.')
    .option('--no-login', 'do not have a worker try the logins')
    .option('--dry-run', 'only check, and say what would be done')
    .action(async (name: string, options: { login: boolean; dryRun?: boolean }) =>
      (await import('./campaign/start.ts')).runStart(cli, name, options),
    )
  campaign
    .command('pause <NAME>')
    .summary('hold its mails at once')
    .description('Pauses a campaign at once, up to the instant before a mail’s content goes on the wire.')
    .action(async (name: string) => (await import('./campaign/pause.ts')).runPause(cli, name))
  campaign
    .command('resume <NAME>')
    .summary('go on where it stopped')
    .description('Resumes a paused campaign. What it missed keeps its order, and is not burst out.')
    .action(async (name: string) => (await import('./campaign/resume.ts')).runResume(cli, name))
  const cancel = campaign
    .command('cancel <NAME>')
    .summary('end it and all that is open in it')
    .description('Cancels a campaign and all that is open in it, for good.')
    .option('--dry-run', 'only say what would be cancelled')
    .action(async (name: string, options: { dryRun?: boolean }) =>
      (await import('./campaign/cancel.ts')).runCancel(cli, name, options),
    )
  addExamples(start, ['goniec campaign start spring-offer --dry-run', 'goniec campaign start spring-offer --yes'])
  addExamples(cancel, ['goniec campaign cancel spring-offer --dry-run', 'goniec campaign cancel spring-offer --yes'])
}
