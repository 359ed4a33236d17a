import type { Command } from 'commander'
import type { Cli } from './cli.ts'
import { addExamples } from './examples.ts'

/** `goniec worker` */
export function register(program: Command, cli: Cli): void {
  const worker = program
    .command('worker')
    .description('Sends: runs until stopped. Run as many as you like, on as many machines, against one database.')
    .option(
      '--name <NAME>',
      'the worker’s name; taken by another one: an error (default: the first free of host, host-2, …)',
    )
    .option('--until-idle', 'end when nothing is due within the minute')
    .action(async (options: { name?: string; untilIdle?: boolean }) =>
      (await import('./worker/run.ts')).runWorker(cli, options),
    )
  addExamples(worker, ['goniec worker', 'goniec worker --name sender-1', 'goniec worker --until-idle'])
}
