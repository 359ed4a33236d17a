import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parseDefinition } from '../../src/campaigns/definition/parse.ts'
import { readDefinitionFiles } from '../../src/campaigns/definition/read.ts'
import { normaliseAddress } from '../../src/leads/address.ts'
import { readCsv } from '../../src/leads/csv.ts'

const examples = join(import.meta.dirname, '../../examples')
const definition = () => parseDefinition(readDefinitionFiles([join(examples, 'campaigns.yaml')]))

/** The fields of every row, and how many lines are broken or have no address. */
async function read(file: string) {
  const table = await readCsv(join(examples, file))
  const rows: Record<string, string>[] = []
  let bad = 0
  for await (const record of table) {
    if (record.kind === 'row' && normaliseAddress(record.address).problem === undefined) rows.push(record.fields)
    else bad++
  }
  return { table, rows, bad }
}

it('the example file has two salespeople, four mailboxes of which one is warming, and three campaigns that refer to nothing else', () => {
  const { salespeople, mailboxes, campaigns, references } = definition()
  expect([salespeople.length, mailboxes.length, mailboxes.filter(({ warmup }) => warmup !== null).length]).toEqual([
    2, 4, 1,
  ])
  expect(campaigns.map(({ name, steps }) => [name, steps.map(({ key, variants }) => [key, variants.length])])).toEqual([
    ['audyt-hal', [['wstep', 2], ['przypomnienie', 1]]],
    ['fotowoltaika-dach', [['oferta', 1]]],
    ['partner-programme', [['invitation', 1]]],
  ]) // prettier-ignore
  expect(references.filter(({ defined }) => !defined)).toEqual([])
})

it.each([
  ['leads.csv', 'utf8', ';', 172],
  ['leads-windows-1250.csv', 'windows1250', ';', 14],
  ['history.csv', 'utf8', ',', 8],
])('%s is read as %s with %j, and has %i rows', async (file, encoding, delimiter, count) => {
  const { table, rows, bad } = await read(file)
  expect([table.encoding, table.delimiter, rows.length, bad]).toEqual([encoding, delimiter, count, 0])
})

it('the example leads have a value for every field that the texts name, each address once, and campaigns that exist', async () => {
  const { campaigns } = definition()
  const texts = campaigns.flatMap(({ steps }) =>
    steps.flatMap(({ variants }) => variants.flatMap(({ subject, text, html }) => [subject, text, html])),
  )
  const wanted = new Set([...texts.join('\n').matchAll(/\{\{\s*(\w+)/g)].map(([, field = '']) => field))
  expect([...wanted].sort()).toEqual(['firma', 'imie', 'miasto', 'powierzchnia', 'powitanie', 'zgoda'])
  for (const file of ['leads.csv', 'leads-windows-1250.csv']) {
    const { rows } = await read(file)
    expect(rows.filter((row) => [...wanted].some((field) => row[field] === undefined || row[field] === ''))).toEqual([])
    expect(new Set(rows.map(({ adres_e_mail: address }) => address)).size).toBe(rows.length)
    const named = new Set(rows.flatMap(({ kampanie = '' }) => kampanie.split(' ')))
    expect([...named].filter((name) => !campaigns.some((campaign) => campaign.name === name))).toEqual([])
  }
})

it('the example history speaks of steps and mailboxes that exist, and of leads in the list', async () => {
  const { campaigns, mailboxes } = definition()
  const { rows: leads } = await read('leads.csv')
  const { rows } = await read('history.csv')
  for (const { email, campaign, step, mailbox } of rows) {
    expect(campaigns.find(({ name }) => name === campaign)?.steps.map(({ key }) => key)).toContain(step)
    expect(mailboxes.map(({ address }) => address)).toContain(mailbox)
    expect(leads.find((lead) => lead['adres_e_mail'] === email)?.['kampanie']).toContain(campaign)
  }
})

it('the definition in the README is one, and needs nothing else', () => {
  const readme = readFileSync(join(examples, '../README.md'), 'utf8')
  const text = /^```yaml\n(.*?)^```/ms.exec(readme)?.[1] ?? ''
  const { campaigns, references } = parseDefinition([{ path: 'README.md', text }])
  expect(campaigns.map(({ name, steps }) => [name, steps.length])).toEqual([['spring-offer', 2]])
  expect(references.filter(({ defined }) => !defined)).toEqual([])
})
