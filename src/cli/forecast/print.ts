/** The forecasts of many campaigns for people, a line each; days are drawn by `src/cli/drawing`. */
import type { CampaignForecast, Finish, Forecast, ForecastDay } from '../../schedule/forecast-result.ts'
import { bindingWords } from '../drawing/binding-words.ts'
import type { Column, Output } from '../output.ts'

/** Prints a line for each campaign. */
export function printForecast(output: Output, { campaigns }: Forecast): void {
  if (campaigns.length === 0) return output.say('No campaign runs or is scheduled. Next: goniec campaign list')
  output.table(campaigns, COLUMNS)
}

const COLUMNS: readonly Column<CampaignForecast>[] = [
  { header: 'campaign', value: ({ campaign }) => campaign },
  { header: 'status', value: ({ status }) => status },
  { header: 'sent', value: ({ sent }) => sent },
  { header: 'to go', value: ({ mails }) => mails },
  { header: 'first mails end', value: ({ firstMailsEnd }) => firstMailsEnd },
  { header: 'follow-ups end', value: ({ followUpsEnd }) => followUpsEnd },
  { header: 'done', value: (it) => it.finish?.likely ?? (it.mails === 0 && it.never.length === 0 ? null : 'never') },
  { header: '80 % between', value: ({ finish }) => rangeOf(finish) },
  { header: 'binds most', value: ({ days }) => mostBinding(days) },
]

function rangeOf(finish: Finish | null): string | null {
  return finish === null ? null : `${finish.earliest} – ${finish.latest}`
}

/** The limit of most days that have one. */
function mostBinding(days: readonly ForecastDay[]): string | null {
  const bound = Map.groupBy(
    days.filter(({ binding }) => binding !== 'all_planned'),
    ({ binding }) => binding,
  )
  const [most] = [...bound].toSorted((a, b) => b[1].length - a[1].length)
  return most === undefined ? null : bindingWords(most[0])
}
