/** A forecast for people: data on one side, this drawing of it on the other. */
import type { CampaignForecast, Finish, Forecast, ForecastDay } from '../../schedule/forecast-result.ts'
import type { Column, Output } from '../output.ts'

/** Prints a line for each campaign; by day also what each of its days will see. */
export function printForecast(output: Output, { campaigns }: Forecast, { byDay }: { byDay: boolean }): void {
  if (campaigns.length === 0) return output.say('No campaign runs or is scheduled. Next: goniec campaign list')
  output.table(campaigns, COLUMNS)
  if (!byDay) return
  for (const { days, never } of campaigns) {
    if (days.length > 0) output.table(days, DAY_COLUMNS)
    for (const { reason, mails } of never) output.say(`${mails} will not go as things stand: ${reason}`)
  }
}

const COLUMNS: readonly Column<CampaignForecast>[] = [
  { header: 'campaign', value: ({ campaign }) => campaign },
  { header: 'status', value: ({ status }) => status },
  { header: 'sent', value: ({ sent }) => sent },
  { header: 'to go', value: ({ mails }) => mails },
  { header: 'first mails end', value: ({ firstMailsEnd }) => firstMailsEnd },
  { header: 'follow-ups end', value: ({ followUpsEnd }) => followUpsEnd },
  { header: 'done', value: ({ finish }) => finish?.likely ?? 'never' },
  { header: '80 % between', value: ({ finish }) => rangeOf(finish) },
  { header: 'binds most', value: ({ days }) => mostBinding(days) },
]

const DAY_COLUMNS: readonly Column<ForecastDay>[] = [
  { header: 'day', value: ({ day }) => day },
  { header: 'first mails', value: ({ firstMails }) => firstMails },
  { header: 'follow-ups', value: ({ followUps }) => followUps },
  { header: 'mails', value: ({ mails }) => mails },
  { header: 'binds', value: ({ binding }) => binding },
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
  return [...bound].toSorted((a, b) => b[1].length - a[1].length)[0]?.[0] ?? null
}
