import { describe, expect, it } from 'vitest'
import { checkTemplate, missingFields, renderTemplate, type Template } from '../../src/delivery/templates.ts'
import { GoniecError } from '../../src/errors.ts'

function text(source: string): Template {
  return { name: 'step intro, variant A, text', kind: 'text', source }
}

function errorOf(work: () => unknown): GoniecError {
  try {
    work()
  } catch (error) {
    if (error instanceof GoniecError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('a template', () => {
  it('has the fields put in, as they are in text and escaped in HTML', () => {
    const source = 'Dzień dobry {{ first_name }} z {{ company }}'
    const fields = { first_name: 'Żaneta', company: '<b>A & "B"</b>\nsp. z o.o.' }
    expect(renderTemplate(text(source), fields)).toBe('Dzień dobry Żaneta z <b>A & "B"</b>\nsp. z o.o.')
    expect(renderTemplate({ ...text(source), kind: 'subject' }, fields)).toContain('<b>A & "B"</b>')
    expect(renderTemplate({ ...text(source), kind: 'html' }, fields)).toBe(
      'Dzień dobry Żaneta z &lt;b&gt;A &amp; &#34;B&#34;&lt;/b&gt;\nsp. z o.o.',
    )
    expect(renderTemplate({ ...text('{{ company | raw }}'), kind: 'html' }, fields)).toContain('<b>A')
  })

  it('that escapes in HTML itself is not escaped once more', () => {
    const fields = { company: 'Kowalski & Syn', city: 'Kraków' }
    for (const filter of ['escape', 'escape_once', 'xml_escape', 'strip | escape', 'raw | escape']) {
      const source = `{{ company | ${filter} }}{% if city == "Kraków" %}, {{ city | ${filter} }}{% endif %}`
      expect(renderTemplate({ ...text(source), kind: 'html' }, fields)).toBe('Kowalski &amp; Syn, Kraków')
    }
    expect(renderTemplate({ ...text('{{ company | escape | upcase }}'), kind: 'html' }, fields)).toContain('&amp;AMP;')
    expect(renderTemplate(text('{{ company | escape }}'), fields)).toBe('Kowalski &amp; Syn')
  })

  it('does not take what a field holds for a template', () => {
    expect(renderTemplate(text('{{ a }}'), { a: '{{ b }}{% if %}' })).toBe('{{ b }}{% if %}')
  })

  it('with a field that nobody has names itself, the line, the field and the nearest one', () => {
    const error = errorOf(() =>
      renderTemplate(text('Hello\n{{ frist_name }}'), { first_name: 'Jan', company: 'Firma' }),
    )
    expect(error).toMatchObject({ code: 'template_unknown_field' })
    expect(error.message).toBe(
      'step intro, variant A, text, line 2: there is no field "frist_name"; did you mean "first_name"?',
    )
    expect(error.hint).toContain('first_name, company')
  })

  it('with a field that this lead has empty says so, and how to do without it', () => {
    const error = errorOf(() => renderTemplate(text('Hello {{ first_name }}'), { first_name: ' ' }))
    expect(error).toMatchObject({ code: 'template_field_empty' })
    expect(error.message).toBe('step intro, variant A, text: the field "first_name" is empty')
    expect(error.hint).toContain('{{ first_name | default: "…" }}')
  })

  it('can do without a field, where it says what stands there then', () => {
    const source = 'Hello {{ first_name | default: "there" }}{% if company %} at {{ company }}{% endif %}'
    expect(renderTemplate(text(source), { first_name: '', company: '' })).toBe('Hello there')
    expect(renderTemplate(text(source), {})).toBe('Hello there')
    expect(renderTemplate(text(source), { first_name: 'Jan', company: 'X' })).toBe('Hello Jan at X')
    expect(missingFields(text(source), {})).toEqual([])
  })

  it('tells all the fields that a lead lacks at once', () => {
    const source = '{{ a }} {{ b }} {{ c }}{% if d %}{{ e }}{% endif %}{{ a }}'
    expect(missingFields(text(source), { b: '', c: 'c' })).toEqual(['a', 'b'])
    expect(missingFields(text(source), { a: 'a', b: 'b', c: 'c', d: 'd' })).toEqual(['e'])
  })

  it('that looks into a field as if it had parts is wrong for every lead', () => {
    const error = errorOf(() => missingFields(text('{{ company.name }}'), { company: 'Firma' }))
    expect(error.message).toContain('there is no field "company.name"')
    expect(error.hint).toBe('A field is text and has no parts: write {{ company }}.')
  })

  it('tells the fields it speaks of', () => {
    expect(
      checkTemplate(text('{{ a }}{% if b %}{{ c | default: d }}{% endif %}{% assign x = 1 %}{{ x }}')).sort(),
    ).toEqual(['a', 'b', 'c', 'd'])
  })

  it.each([
    ['Hello {{ name', 'output "{{ name" not closed'],
    ['a\n{% if name %}', 'tag {% if name %} not closed'],
    ['{{ name | nope }}', 'undefined filter: nope'],
    ['{% nope %}', 'tag "nope" not found'],
  ])('that is none is refused where it is wrong: %j', (source, problem) => {
    const error = errorOf(() => checkTemplate(text(source)))
    expect(error).toMatchObject({ code: 'template_invalid' })
    expect(error.message).toContain(problem)
    expect(error.message).toContain('step intro, variant A, text')
  })

  it.each([
    '{% render "package.json" %}',
    '{% include "package.json" %}',
    '{% layout "package.json" %}',
    '{% render name %}',
  ])('reads no file: %s', (source) => {
    const error = errorOf(() => renderTemplate(text(source), { name: './package.json' }))
    expect(error).toMatchObject({ code: 'template_invalid' })
  })

  it.each([
    '{% for i in (1..100000000) %}x{% endfor %}',
    '{% for i in (1..9000) %}{% for j in (1..9000) %}{{ i | times: j }}{% endfor %}{% endfor %}',
    '{% assign a = "xxxxxxxxxx" %}{% for i in (1..100) %}{% assign a = a | append: a %}{% endfor %}{{ a }}',
  ])('ends where it would take the machine: %s', (source) => {
    expect(errorOf(() => renderTemplate(text(source), {})).message).toMatch(/limit exceeded/)
  })

  it('sees the fields and nothing of the program', () => {
    for (const name of ['constructor', '__proto__', 'toString', 'process']) {
      expect(errorOf(() => renderTemplate(text(`{{ ${name} }}`), { a: 'a' }))).toMatchObject({
        code: 'template_unknown_field',
      })
    }
  })
})
