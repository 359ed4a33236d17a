import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { outcomeOf } from '../../src/campaigns/check/template-outcome.ts'
import { missingFields, renderTemplate, type Template } from '../../src/delivery/templates.ts'
import { GoniecError } from '../../src/errors.ts'

const PARTS = [
  'Hello ',
  '{{ name }}',
  '{{- company -}}',
  '{{ city | default: "here" }}',
  '{{ name | upcase }}',
  '{{ count | times: 2 }}',
  '{% if city == "Gdynia" %}{{ company }}{% endif %}',
  '{% unless name %}{{ city }}{% endunless %}',
  '{% for letter in name %}{{ letter }}{{ count }}{% endfor %}',
  '{% assign who = name %}{% if who == "Jan" %}{{ nothing }}{% endif %}',
  '{% capture who %}{{ name }}{% endcapture %}{% if who == "Ola" %}{{ nothing }}{% endif %}',
  '{% raw %}{{ name }}{% endraw %}',
]
const VALUES = [undefined, '', '  ', 'Jan', 'Ola', 'Gdynia', '7']

test('asked for lead after lead, the outcome is what rendering for each one says', () => {
  const field = fc.constantFrom(...VALUES)
  const lead = fc.record({ name: field, company: field, city: field, count: field })
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...PARTS), { minLength: 1, maxLength: 5 }),
      fc.array(lead, { maxLength: 12 }),
      (parts, leads) => {
        const template: Template = { name: 't', kind: 'text', source: parts.join('') }
        const outcome = outcomeOf(template)
        for (const values of leads) {
          const fields = Object.fromEntries(
            Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
          )
          expect(outcome(fields).missing).toEqual(
            rendersWithout(template, fields) ? [] : missingFields(template, fields),
          )
        }
      },
    ),
  )
})

function rendersWithout(template: Template, fields: Record<string, string>): boolean {
  try {
    renderTemplate(template, fields)
    return true
  } catch (error) {
    if (error instanceof GoniecError) return false
    throw error
  }
}
