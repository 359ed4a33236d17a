/**
 * Runs one command, and turns whatever it throws into words and an exit code: 0 done, 1 failed, 2 wrong usage, 3 a check found something.
 * Nothing below it ends the process.
 */
import { CommanderError, type Command } from 'commander'
import { ensureHome } from '../config.ts'
import { GoniecError, hidePasswords, messageOf } from '../errors.ts'
import { version } from '../version.ts'
import type { Cli } from './cli.ts'
import { ReaderLeft } from './output.ts'
import { createProgram } from './program.ts'

/** Parses the arguments and runs the command they name. */
export async function main(args: readonly string[]): Promise<void> {
  quietenClosedPipes()
  ensureHome()
  // Before anything is printed; commander's help looks there as well.
  if (args.includes('--no-color')) process.env['NO_COLOR'] = '1'
  const { program, cli } = createProgram()
  process.once('SIGINT', () => stopAtOnce(cli))
  try {
    if (args.length === 0) program.outputHelp()
    else await program.parseAsync(spellOutEmbedded(turnHelpAround(args)), { from: 'user' })
  } catch (error) {
    cli.output.endProgress()
    await report(error, cli, `${commandOf(program, args)} --help`)
  }
}

/** `help queue list`: commander's own help command knows nouns only. */
function turnHelpAround(args: readonly string[]): readonly string[] {
  return args[0] === 'help' && args.length > 2 ? [...args.slice(1), '--help'] : args
}

/** `--embedded apply x` would take `apply` for the directory: a directory is given with `=` only. */
function spellOutEmbedded(args: readonly string[]): string[] {
  const end = args.indexOf('--')
  return args.map((arg, i) => (arg === '--embedded' && (end === -1 || i < end) ? '--embedded=' : arg))
}

/** The command that was meant, as it is typed. */
function commandOf(program: Command, args: readonly string[]): string {
  let [command, path] = [program, program.name()]
  for (const arg of args) {
    const child = command.commands.find((candidate) => candidate.name() === arg)
    if (child) [command, path] = [child, `${path} ${arg}`]
  }
  return path
}

async function report(error: unknown, cli: Cli, help: string): Promise<void> {
  // How it ended stands already.
  if (error instanceof ReaderLeft) return
  if (error instanceof CommanderError) {
    // Help that was asked for is no failure; help in place of a missing verb is.
    process.exitCode = error.exitCode === 0 ? 0 : 2
    return
  }
  const known = error instanceof GoniecError ? error : await explain(error)
  process.exitCode = known?.exitCode ?? 1
  if (!known) return reportDefect(error, cli)
  cli.output.say(`Error: ${hidePasswords(known.message)}`)
  const hint = known.hint ?? (known.exitCode === 2 ? help : undefined)
  if (hint !== undefined) cli.output.say(`Try: ${hint}`)
  if (cli.flags.verbose && known.cause !== undefined) cli.output.say(`\n${stackOf(known.cause)}`)
}

function reportDefect(error: unknown, cli: Cli): void {
  cli.output.say(stackOf(error))
  cli.output.say(`\nError: this is a defect in goniec ${version}: ${hidePasswords(messageOf(error))}`)
  cli.output.say('Try: report it with the lines above')
}

async function explain(error: unknown): Promise<GoniecError | undefined> {
  const { explainStatementError } = await import('../database/failures.ts')
  return explainStatementError(error) ?? explainFileError(error)
}

/** A file that could not be read or written, where the command had no better words for it. */
function explainFileError(error: unknown): GoniecError | undefined {
  if (!(error instanceof Error && 'syscall' in error && 'path' in error)) return undefined
  const hint = 'see that the file is there, may be used, and that the disk has room'
  return new GoniecError('file', error.message, { hint, cause: error })
}

function stackOf(error: unknown): string {
  return hidePasswords(error instanceof Error ? (error.stack ?? error.message) : String(error))
}

/**
 * Whoever reads our output may stop reading (`| head`): that is no error. What changes something changes all of it all the same, and ends as it
 * would have; what only goes on printing ends where it waits for its reader (`Output.drained`). So it is where the output goes to a full disk, but
 * that is said, and no command ends well with it.
 */
function quietenClosedPipes(): void {
  let isTold = false
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || isTold) return
    isTold = true
    process.stderr.write(`Error: the output could not be written: ${error.message}\n`)
    process.once('exit', () => (process.exitCode ||= 1))
  })
  // A full disk, a terminal that was closed: talk that nobody hears stops nobody's work, a worker's that ends least of all.
  process.stderr.on('error', () => undefined)
}

/** Open transactions end with their connections. A command with something to finish takes the signal over. */
function stopAtOnce(cli: Cli): void {
  cli.output.endProgress()
  cli.output.say('Interrupted.')
  process.exit(130)
}
