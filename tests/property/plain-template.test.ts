/** Templates put together without Liquid's engine give the text that the engine gives; where they give none, the engine is asked. */
import * as fc from 'fast-check'
import { Liquid } from 'liquidjs'
import { expect, test } from 'vitest'
import { plainTemplate } from '../../src/delivery/plain-template.ts'
import { renderTemplate } from '../../src/delivery/templates.ts'

const STRICT = { strictVariables: true, strictFilters: true, lenientIf: true, ownPropertyOnly: true, templates: {} }
const engines = { text: new Liquid(STRICT), html: new Liquid({ ...STRICT, outputEscape: 'escape' }) }

const NAMES = ['a', 'b', 'first_name', 'size', 'first', 'constructor', '__proto__', 'missing', 'with space']
const VALUES = ['x', 'Kraków', '<b>A & "B"</b>', "it's", ' ', '', 'null', 'true', '{{ a }}', '0', 'a\nb', '😀']

const name = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a', 'b') },
  { weight: 1, arbitrary: fc.constantFrom(...NAMES) },
)
const field = name.map((known) => (known.includes(' ') ? `['${known}']` : known))
const quoted = fc.constantFrom('"x"', "'Kraków'", '"<&>"', '""', '"null"', '"it\'s"')
const operand = fc.oneof(
  { weight: 10, arbitrary: field },
  { weight: 5, arbitrary: quoted },
  { weight: 1, arbitrary: fc.constantFrom('blank', 'nil', 'true', 'false', '5', 'empty', 'a.b', '(1..2)') },
)
const filter = fc.oneof(
  { weight: 6, arbitrary: operand.map((other) => ` | default: ${other}`) },
  { weight: 6, arbitrary: fc.constantFrom(' | raw', ' | escape') },
  { weight: 1, arbitrary: fc.constantFrom(' | upcase', ' | default: "x", allow_false: true', ' | size') },
)
const output = fc
  .tuple(fc.oneof({ weight: 9, arbitrary: field }, operand), fc.array(filter, { maxLength: 3 }))
  .map(([of, by]) => `{{ ${of}${by.join('')} }}`)
const operator = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom('==', '!=', 'contains') },
  { weight: 1, arbitrary: fc.constantFrom('>', '<=') },
)
const comparison = fc.oneof(
  operand,
  fc.tuple(operand, operator, operand).map((parts) => parts.join(' ')),
)
const question = fc
  .array(fc.tuple(fc.constantFrom('and', 'or', 'and not'), comparison), { maxLength: 2 })
  .chain((more) =>
    fc.tuple(comparison, fc.boolean()).map(([first, isNegated]) => {
      return `${isNegated ? 'not ' : ''}${[first, ...more.flat()].join(' ')}`
    }),
  )
const words = fc.constantFrom('Hello ', '\n', ' & ', '<p>', '. ', '\r\n', '{', '%}')
const other = fc.constantFrom('{% assign a = "y" %}', '{% comment %}x{% endcomment %}', '{% raw %}{{ a }}{% endraw %}')

const { template } = fc.letrec<{ template: string; choice: string }>((tie) => ({
  choice: fc
    .tuple(question, tie('template'), fc.option(fc.tuple(question, tie('template'))), fc.option(tie('template')))
    .map(([asked, then, elsif, otherwise]) => {
      const second = elsif ? `{% elsif ${elsif[0]} -%}${elsif[1]}` : ''
      return `{%- if ${asked} %}${then}${second}${otherwise === null ? '' : `{% else %}${otherwise}`}{% endif %}`
    }),
  template: fc
    .array(
      fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        { weight: 8, arbitrary: words },
        { weight: 8, arbitrary: output },
        { weight: 8, arbitrary: tie('choice') },
        { weight: 1, arbitrary: other },
      ),
      { maxLength: 6 },
    )
    .map((parts) => parts.join('')),
}))

const fields = fc
  .array(fc.tuple(name, fc.constantFrom(...VALUES)), { maxLength: 8 })
  .map((entries): Record<string, string> => Object.fromEntries(entries))

/** What the engine says: the text, or that it refuses. */
function byEngine(source: string, kind: 'text' | 'html', values: Record<string, string>): string | null {
  const scope = Object.fromEntries(Object.entries(values).filter(([, value]) => value.trim() !== ''))
  try {
    return String(engines[kind].parseAndRenderSync(source, scope))
  } catch {
    return null // Refused, which is an answer too.
  }
}

function parsedBy(kind: 'text' | 'html', source: string): ReturnType<Liquid['parse']> | undefined {
  try {
    return engines[kind].parse(source)
  } catch {
    return undefined // No template at all.
  }
}

test('a template gives the text that Liquid’s engine gives, whatever is in it and in the fields', () => {
  let plain = 0
  let all = 0
  fc.assert(
    fc.property(template, fields, fc.constantFrom('text' as const, 'html' as const), (source, values, kind) => {
      const nodes = parsedBy(kind, source)
      if (nodes === undefined) return
      const text = plainTemplate(nodes, kind === 'html')?.(values)
      all += 1
      if (text === undefined) return
      plain += 1
      expect(text).toBe(byEngine(source, kind, values))
    }),
    { numRuns: 5000 },
  )
  // Or nothing was compared.
  expect(plain / all).toBeGreaterThan(0.2)
})

test.each([
  ['Dear {{ a }}, {% if b == "Kraków" %}here{% else %}in {{ b }}{% endif %}', 'Dear x, here'],
  ['{{ a | default: "you" }} {{ missing | default: \'<you>\' }}', 'x &lt;you&gt;'],
  ['{% if missing %}{{ missing }}{% elsif a contains "x" and c %}{{ c | raw }}{% endif %}', '<b>'],
])('what campaigns are written with needs no engine: %s', (source, text) => {
  const plain = plainTemplate(engines.html.parse(source), true)
  expect(plain?.({ a: 'x', b: 'Kraków', c: '<b>' })).toBe(text)
})

test('a text that the engine might refuse for its size is left to it', () => {
  const plain = plainTemplate(engines.text.parse('{{ a }}{{ a }}'), false)
  const values = { a: 'x'.repeat(600_000) }
  expect(plain?.(values)).toBeUndefined()
  expect(renderTemplate({ name: 'text', kind: 'text', source: '{{ a }}{{ a }}' }, values)).toHaveLength(1_200_000)
})
