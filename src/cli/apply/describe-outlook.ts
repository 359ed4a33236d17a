/** What a change means for campaigns that run, in a line for each: how many mails move, and when it will be done, before and after. */
import type { CampaignOutlook } from '../../campaigns/apply/outlook.ts'
import type { Finish } from '../../schedule/forecast-result.ts'

/** `spring-offer: 120 mails move; done on 2026-12-17 → 2026-12-22 (between 2026-12-21 and 2026-12-29)`. */
export function describeOutlook(outlook: readonly CampaignOutlook[]): string[] {
  return outlook.flatMap(({ campaign, moved, mails, finish, past_the_end: leads }) => [
    `${campaign}: ${moved === 0 ? 'no mail moves' : `${moved} ${moved === 1 ? 'mail moves' : 'mails move'}`}; ${mailsWords(mails)}${finishWords(finish)}`,
    ...(leads === 0
      ? []
      : [
          `  ${leads} ${leads === 1 ? 'lead has' : 'leads have'} had the last mail already, and ${leads === 1 ? 'does' : 'do'} not get the steps that are added`,
        ]),
  ])
}

function mailsWords({ before, after }: CampaignOutlook['mails']): string {
  return before === after ? '' : `mails to go ${before} → ${after}; `
}

/** `done on 2026-12-17 → 2026-12-22 (between 2026-12-21 and 2026-12-29)`, `done on 2026-12-17 as before`, `never done → done on 2026-12-22`. */
export function finishWords({ before, after }: CampaignOutlook['finish']): string {
  if (after === null) return before === null ? 'never done, as before' : `done on ${before.likely} → never`
  const range = rangeWords(after)
  if (before === null) return `never done → done on ${after.likely}${range}`
  return before.likely === after.likely
    ? `done on ${after.likely} as before${range}`
    : `done on ${before.likely} → ${after.likely}${range}`
}

/** The range of eight in ten cases, where it is more than a day. */
export function rangeWords({ earliest, latest }: Finish): string {
  return earliest === latest ? '' : ` (between ${earliest} and ${latest})`
}
