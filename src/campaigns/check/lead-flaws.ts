/** What the mails of many leads lack, gathered into a few findings: what is missing how often, and what else is wrong. */
import { didYouMean } from '../../nearest.ts'
import type { LeadToCheck } from './lead-texts.ts'
import type { Finding, LeadProblem } from './report.ts'

interface Missing {
  leads: number
  /** Names of fields that leads without it do have; the nearest one may be what was meant. */
  others: Set<string>
}

export class LeadFlaws {
  readonly #missing = new Map<string, Missing>()
  #broken = 0
  #firstBroken: LeadProblem | undefined

  /** Takes what is wrong with a lead; nothing may be. */
  add(lead: Pick<LeadToCheck, 'fields'>, found: readonly LeadProblem[]): void {
    for (const field of new Set(found.flatMap((problem) => problem.missing))) {
      const entry = this.#missing.get(field) ?? { leads: 0, others: new Set(Object.keys(lead.fields)) }
      entry.leads += 1
      this.#missing.set(field, entry)
    }
    const first = found.find(({ problem }) => problem !== null)
    if (!first) return
    this.#broken += 1
    this.#firstBroken ??= first
  }

  /** The findings over so many leads; `listAll` is the command that lists each of them. */
  findings({ of, listAll }: { of: number; listAll: string }): Finding[] {
    const found = Array.from(this.#missing, ([field, missing]) => missingFinding(field, missing, of))
    if (this.#broken > 0) {
      const text = `the mails of ${this.#broken} leads cannot be made; the first, to ${this.#firstBroken?.lead}: ${this.#firstBroken?.problem}`
      found.push({ code: 'mail_impossible', text, hint: listAll })
    }
    return found
  }
}

function missingFinding(field: string, { leads, others }: Missing, of: number): Finding {
  const nobodyHasIt = leads === of
  const who = nobodyHasIt ? 'no lead has' : `${leads} of ${of} leads do not have`
  const known = nobodyHasIt
    ? didYouMean(
        field,
        [...others].filter((other) => other !== field),
      )
    : ''
  return {
    code: 'field_missing',
    text: `${who} the field "${field}"${known}`,
    hint: `fill it in and import again, or say what stands there without it: {{ ${field} | default: "…" }}`,
  }
}
