/** The `holidays` key: whose public holidays a campaign keeps. */
import { holidayLibrary } from '../../holiday-library.ts'
import { didYouMean } from '../../nearest.ts'
import { expected, leaf, Mistake } from './keyed.ts'

const WHAT = 'a country such as PL, a region such as DE-BY, or none'

/** A country, state or region that date-holidays knows (`PL`, `DE-BY`, `DE-BY-A`); `none`, `false` or no value: null, no holidays. */
export function holidayRegion() {
  return leaf((value): string | null | Mistake => {
    if (value === null || value === false || value === 'none') return null
    if (typeof value !== 'string') return expected(WHAT, value)
    // YAML 1.2 reads `no` as text, and its author did not mean Norway.
    if (value.toLowerCase() === 'no' && value !== 'NO')
      return new Mistake(`expected ${WHAT}; write NO for Norway, or none for no holidays`)
    const [country = '', state, region] = value.split('-')
    const Calendar = holidayLibrary()
    const known = new Calendar()
    const levels: [string | undefined, string[]][] = [
      [country, Object.keys(known.getCountries())],
      [state, namesOf(known.getStates(country))],
      [region, namesOf(known.getRegions(country, state ?? ''))],
    ]
    const prefix: string[] = []
    for (const [name, names] of levels) {
      if (name === undefined) break
      const full = names.map((known) => [...prefix, known].join('-'))
      if (!names.includes(name)) return new Mistake(expected(WHAT, value).message + didYouMean(value, full))
      prefix.push(name)
    }
    return prefix.join('-') === value ? value : expected(WHAT, value)
  })
}

function namesOf(found: Record<string, string> | undefined): string[] {
  return Object.keys(found ?? {})
}
