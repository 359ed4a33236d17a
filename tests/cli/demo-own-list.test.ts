import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { demoDefinition, noonZone } from '../../src/cli/demo/definition.ts'
import { readOwnList, writeList } from '../../src/cli/demo/lists.ts'
import { ownCampaign } from '../../src/cli/demo/own-campaign.ts'
import { checkTemplates } from '../../src/campaigns/apply/check.ts'
import { readCsv } from '../../src/leads/csv.ts'
import { renderTemplate } from '../../src/delivery/templates.ts'
import { Temporal } from '../../src/time.ts'

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'goniec-own-list-'))
})
afterAll(() => rm(directory, { recursive: true }))

const LIST = `Imię;or;Größe m²;{% if;E-mail;Имя
Zoë;x;12;;ZOE@żółw.example;Зоя
;;;;jan@klient.example;
Ola;"two
lines";;;nobody;
Jan again;;;;Jan@klient.example;
`

async function read(text: string) {
  const file = join(directory, 'my.csv')
  await writeFile(file, text)
  return readOwnList(file, undefined)
}

test('any list with an address gets a campaign whose texts render for every lead, whatever its columns are called', async () => {
  const list = await read(LIST)
  const scene = { recorderPort: 25, timeZone: 'UTC', today: Temporal.PlainDate.from('2026-12-01') }
  const definition = demoDefinition(scene, ownCampaign(list.columns, list.addressColumn))
  expect(checkTemplates(definition)).toEqual([])
  const [campaign] = definition.campaigns
  const texts = list.rows.map(({ row }) =>
    renderTemplate({ name: 'intro', kind: 'text', source: campaign?.steps[0]?.variants[0]?.text ?? '' }, row.fields),
  )
  expect(texts[0]).toMatch(/^Hello Zoë,[^]*Größe m²: 12\nИмя: Зоя/)
  expect(texts[1]).toMatch(/^Hello there,/)
  expect(campaign).toMatchObject({
    name: 'your-list',
    mailboxes: ['anna.nowak@termika.example', 'anna@termika-audyty.example'],
  })
})

test('lines that cannot be used are named with their reason; the others are kept as they were', async () => {
  const list = await read(LIST)
  expect(list.rejects).toMatchObject([
    { line: 4, reason: expect.stringContaining('"nobody" is not an e-mail address') },
    { line: 6, reason: 'jan@klient.example was there before' },
  ])
  const { file, addresses } = await writeList(directory, 'your-list', list)
  expect(addresses).toEqual(['zoe@xn--w-uga1v8h.example', 'jan@klient.example'])
  const written = await readCsv(file)
  expect(written.columns).toEqual(list.columns)
  const rows = []
  for await (const row of written) rows.push(row)
  expect(rows).toMatchObject(list.rows.map(({ row: { address, cells, fields } }) => ({ address, cells, fields })))
})

test('of a long list the first thousand leads are taken', async () => {
  const lines = Array.from({ length: 1200 }, (_, i) => `lead-${i}@klient.example`)
  expect(await read(`email\n${lines.join('\n')}\n`)).toMatchObject({ cut: true, rows: { length: 1000 } })
  expect(await read(`email\n${lines.slice(0, 1000).join('\n')}\n`)).toMatchObject({
    cut: false,
    rows: { length: 1000 },
  })
})

test('wherever the demo runs, and at any time, it is about noon in its zone', () => {
  for (let minutes = 0; minutes < 24 * 60; minutes += 7) {
    const now = Temporal.Instant.from('2026-12-01T00:00:00Z').add({ minutes })
    const local = now.toZonedDateTimeISO(noonZone(now.epochMilliseconds)).toPlainTime().toString()
    expect(local >= '11:30' && local < '12:31', `${now.toString()} is ${local}`).toBe(true)
  }
})
