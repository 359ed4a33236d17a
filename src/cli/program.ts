/**
 * The command line's shape: global flags, help, and one noun after the other.
 *
 * A noun has a file with `register`, which only describes its verbs; what a verb does is imported when it is called, so that help is
 * fast. To add a noun: import its `register` and put it into NOUNS, in the order of the help.
 */
import { Command, type CommanderError, type Option } from 'commander'
import { GoniecError } from '../errors.ts'
import { version } from '../version.ts'
import { createCli, type Cli, type GlobalFlags } from './cli.ts'
import { register as apply } from './apply.ts'
import { register as audit } from './audit.ts'
import { register as campaign } from './campaign.ts'
import { register as database } from './database.ts'
import { register as demo } from './demo.ts'
import { register as doctor } from './doctor.ts'
import { register as doubt } from './doubt.ts'
import { register as events } from './events.ts'
import { addExamples } from './examples.ts'
import { register as forecast } from './forecast.ts'
import { register as mailbox } from './mailbox.ts'
import { register as message } from './message.ts'
import { register as lead } from './lead.ts'
import { register as migrate } from './migrate.ts'
import { register as pause } from './pause.ts'
import { register as queue } from './queue.ts'
import { register as report } from './report.ts'
import { register as rehearse } from './rehearse.ts'
import { register as response } from './response.ts'
import { register as resume } from './resume.ts'
import { register as status } from './status.ts'
import { register as suppress } from './suppress.ts'
import { register as why } from './why.ts'
import { register as worker } from './worker.ts'

/** Describes the verbs of one noun. */
type Register = (program: Command, cli: Cli) => void

const NOUNS: readonly Register[] = [
  demo,
  migrate,
  status,
  events,
  apply,
  lead,
  suppress,
  mailbox,
  campaign,
  rehearse,
  response,
  pause,
  resume,
  queue,
  forecast,
  message,
  why,
  doubt,
  report,
  audit,
  doctor,
  worker,
  database,
]

/** The program with all its commands, ready to parse. Wrong usage is thrown as a registered error with exit code 2. */
export function createProgram(): { program: Command; cli: Cli } {
  const program = new Command('goniec')
  const cli = createCli(() => program.opts<GlobalFlags>())
  program
    .description('Sends outreach campaigns by e-mail from many mailboxes, and never mails a person twice.')
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .option('--json', 'print data as JSON')
    .option('--embedded [DIR]', 'use goniec’s own database, in DIR (default: the user’s data directory)')
    .option('--yes', 'do not ask before mailing, moving or deleting')
    .option('--no-color', 'print without colours')
    .option('--verbose', 'print more when something fails')
    .configureHelp({ showGlobalOptions: true, optionTerm: describeOption })
    // Errors are thrown to main, which prints them in our form; help still goes out by itself.
    .configureOutput({ outputError: () => undefined })
  addExamples(program, ['goniec demo', 'goniec migrate --embedded', 'goniec apply team.yaml --embedded'])
  for (const register of NOUNS) register(program, cli)
  for (const command of [program, ...descendants(program)]) command.exitOverride((error) => refuseUsage(error, command))
  return { program, cli }
}

/** A value in brackets is given with `=` (see main.ts). */
function describeOption({ flags, optional }: Option): string {
  return optional ? flags.replace(' [', '[=') : flags
}

function descendants(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...descendants(child)])
}

/** Commander's word for wrong usage as ours. Help and version that were asked for, or shown for a missing verb, pass as they are. */
function refuseUsage(error: CommanderError, command: Command): never {
  if (error.exitCode === 0 || error.code === 'commander.help') throw error
  const [first = '', ...more] = error.message.replace(/^error: /, '').split('\n')
  const meant = /\(Did you mean (.+)\?\)/.exec(more.join(' '))?.[1]
  throw new GoniecError('usage', meant === undefined ? first : `${first}; did you mean "${meant}"?`, {
    hint: `${pathOf(command)} --help`,
    exitCode: 2,
  })
}

function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name()
}
