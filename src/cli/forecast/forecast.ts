import { findCampaign } from '../../campaigns/campaign.ts'
import { forecastJson, forecastNow } from '../../reports/forecast/forecast.ts'
import type { Cli } from '../cli.ts'
import { printForecast } from './print.ts'

/** Prints the forecast of one campaign, day by day, or a line for each. */
export async function showForecast(cli: Cli, name: string | undefined): Promise<void> {
  await cli.withDatabase(
    async (database) => {
      if (name !== undefined) await findCampaign(database, name)
      const forecast = await forecastNow(database, name)
      cli.output.data(forecastJson(forecast), () => printForecast(cli.output, forecast, { byDay: name !== undefined }))
    },
    { name: 'forecast' },
  )
}
