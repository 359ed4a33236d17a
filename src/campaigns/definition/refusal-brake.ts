/** The `refusal_brake` of a definition file: when a campaign or mailbox whose mails are refused for good is paused. */
import { z } from 'zod'
import type { RefusalBrake } from './definition.ts'
import { keyed, leaf, Mistake, type Report, rule } from './keyed.ts'
import { percentage, wholeNumber } from './values.ts'

/** `off`, or the share that is still borne. */
export function refusalBrake() {
  return z.preprocess(
    (value) => (value === 'off' ? { share: 'off' } : value),
    keyed({
      share: share().default(0.05),
      at_least: wholeNumber(1, 10_000).default(50),
      of_last: wholeNumber(1, 10_000).default(200),
    })
      .check(rule(enough))
      .transform(({ share, at_least: least, of_last: last }): RefusalBrake => {
        // As exact as it is stored, so that a file applied twice changes nothing.
        return { share: share === null ? null : Math.round(share * 10_000) / 10_000, least, last }
      }),
  )
}

function share() {
  return leaf((value): number | null | Mistake => {
    if (value === 'off') return null
    const { data, error } = percentage().safeParse(value)
    return data ?? new Mistake(error?.issues[0]?.message ?? '')
  })
}

function enough({ at_least: least, of_last: last }: { at_least?: unknown; of_last?: unknown }, report: Report): void {
  if (typeof least !== 'number' || typeof last !== 'number' || least <= last) return
  report(['of_last'], `of the last ${last} mails there can never be at least ${least}`)
}
