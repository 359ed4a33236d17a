import { findCampaign } from '../../campaigns/campaign.ts'
import { forecastJson, forecastNow } from '../../reports/forecast/forecast.ts'
import type { Cli } from '../cli.ts'
import { checkPageFile } from '../drawing/save-page.ts'
import { showBars, writePage } from '../drawing/show.ts'
import { printForecast } from './print.ts'

export interface ForecastFlags {
  html?: string
}

/** Shows the forecast of one campaign, day by day, or a line for each; with `--html` as a page too. */
export async function showForecast(cli: Cli, name: string | undefined, { html }: ForecastFlags): Promise<void> {
  if (html !== undefined) checkPageFile(html)
  const forecast = await cli.withDatabase(
    async (database) => {
      if (name !== undefined) await findCampaign(database, name)
      return await forecastNow(database, name)
    },
    { name: 'forecast' },
  )
  cli.output.data(forecastJson(forecast), () => {
    if (name === undefined) printForecast(cli.output, forecast)
    else showBars(cli, forecast)
  })
  if (html !== undefined) writePage(cli, html, forecast)
}
