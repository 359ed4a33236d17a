import type { Command } from 'commander'
import type { Cli } from './cli.ts'
import { addExamples } from './examples.ts'
import type { ForecastFlags } from './forecast/forecast.ts'

/** `goniec forecast` */
export function register(program: Command, cli: Cli): void {
  const forecast = program
    .command('forecast')
    .summary('when campaigns will be done, and what holds them up')
    .description(
      'Runs the real plan to the end: per day how many mails, which limit binds on that day, when first mails and follow-ups end, and the day of ' +
        'the last mail, as a range that holds in eight of ten cases.',
    )
    .argument('[CAMPAIGN]', 'day by day for this one; without it a line for each')
    .option('--html <FILE>', 'write a page to show and to print, with the calendar and the curve')
    .option(
      '--fresh',
      'reckon it now, however long that takes; where very much is waiting the day’s stored forecast answers otherwise',
    )
    .option('--score', 'what became of past forecasts')
    .action(async (name: string | undefined, flags: ForecastFlags) =>
      (await import('./forecast/forecast.ts')).showForecast(cli, name, flags),
    )
  addExamples(forecast, [
    'goniec forecast',
    'goniec forecast spring-offer',
    'goniec forecast spring-offer --html spring.html',
    'goniec forecast --score',
  ])
}
