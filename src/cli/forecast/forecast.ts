import { findCampaign, shellWord } from '../../campaigns/campaign.ts'
import { answerForecast, type Answer } from '../../reports/forecast/forecast.ts'
import { forecastJson } from '../../reports/forecast/json.ts'
import { toLocalTime } from '../../time.ts'
import type { Cli } from '../cli.ts'
import { checkPageFile } from '../drawing/save-page.ts'
import { showBars, writePage } from '../drawing/show.ts'
import { printForecast } from './print.ts'

export interface ForecastFlags {
  html?: string
  fresh?: boolean
  score?: boolean
}

/**
 * Shows the forecast of one campaign, day by day, or a line for each; with `--html` as a page too; with `--score` instead what became of
 * the past ones.
 */
export async function showForecast(cli: Cli, name: string | undefined, flags: ForecastFlags): Promise<void> {
  const { html, fresh = false, score = false } = flags
  if (html !== undefined) checkPageFile(html)
  const answer = await cli.withDatabase(
    async (database) => {
      if (name !== undefined) await findCampaign(database, name)
      if (!score) return await answerForecast(database, { name, fresh })
      await (await import('./score.ts')).showScore(cli, database, name)
      return null
    },
    { name: 'forecast' },
  )
  if (answer === null) return
  const { forecast } = answer
  cli.output.data({ ...forecastJson(forecast), source: answer.source }, () => {
    if (name === undefined) printForecast(cli.output, forecast)
    else showBars(cli, forecast)
    for (const line of sayWhence(answer, name)) cli.output.say(line)
  })
  if (html !== undefined) writePage(cli, html, forecast)
}

function sayWhence({ source, forecast }: Answer, name: string | undefined): string[] {
  const command = ['goniec forecast', ...(name === undefined ? [] : [shellWord(name)]), '--fresh'].join(' ')
  if (source === 'stored')
    return [
      `Made on ${toLocalTime(forecast.madeAt, forecast.timeZone)}. To reckon it anew, which takes a while: ${command}`,
    ]
  if (source === 'near')
    return [`Reckoned with the campaigns that share most with it, and not with all. To look further: ${command}`]
  return []
}
