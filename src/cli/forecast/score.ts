import type { Database } from '../../database/pool.ts'
import { scoreForecasts, type Score } from '../../reports/forecast/score.ts'
import type { Cli } from '../cli.ts'
import type { Column } from '../output.ts'

/** Prints what became of past forecasts: of one campaign, or of each and all together. */
export async function showScore(cli: Cli, database: Database, name: string | undefined): Promise<void> {
  const scores = await scoreForecasts(database, name)
  cli.output.data(scores, () => {
    if (scores.length === 0)
      cli.output.say('Nothing to compare yet: a worker stores a forecast of each campaign once a day.')
    else cli.output.table(scores, COLUMNS)
  })
}

const COLUMNS: readonly Column<Score>[] = [
  { header: 'campaign', value: ({ campaign }) => campaign ?? 'all' },
  { header: 'forecasts', value: ({ forecasts }) => forecasts },
  { header: 'days late', value: (score) => tenths(score.mean_error_days) },
  { header: 'days off', value: (score) => tenths(score.mean_distance_days) },
  { header: 'range held', value: ({ held }) => (held === null ? null : `${Math.round(held * 100)} %`) },
  { header: 'mails forecast', value: (score) => score.mails_forecast },
  { header: 'mails sent', value: (score) => score.mails_sent },
]

function tenths(value: number | null): string | null {
  return value === null ? null : value.toFixed(1)
}
