import type { Command } from 'commander'
import type { Cli } from './cli.ts'
import { addExamples } from './examples.ts'
import { parseWhole } from './number.ts'

/** `goniec demo` */
export function register(program: Command, cli: Cli): void {
  const demo = program
    .command('demo')
    .summary('watch three campaigns go out, in a minute; delivers only to its own recorder')
    .description(
      'Three campaigns through a real Postgres and a real SMTP dialogue, with a worker killed in the middle. Needs nothing, delivers ' +
        'only to its own recorder, leaves nothing behind. The last line is the count as JSON; ends with 1 if a mail is lost or there ' +
        'twice, or a limit was passed.',
    )
    .option('--leads <CSV>', 'use your own list (any CSV with an e-mail column; - is standard input)')
    .option('--address-column <NAME>', 'the column that holds the address (default: email, e-mail, adres e-mail, …)')
    .option('--port <N>', 'the port of the recorder on 127.0.0.1 (default: a free one)')
    .action(async ({ port = '0', ...options }: { leads?: string; addressColumn?: string; port?: string }) =>
      (await import('./demo/run.ts')).runDemo(cli, { ...options, port: parsePort(port) }),
    )
  addExamples(demo, ['goniec demo', 'goniec demo --leads my.csv', 'goniec demo --json'])
}

function parsePort(text: string): number {
  return parseWhole(text, '--port', { most: 65_535 })
}
