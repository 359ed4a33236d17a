/** What the plan is told about mailboxes, and which first mails it is given. */
import { expect, test } from 'vitest'
import * as domainReads from '../../src/campaigns/plan/domain-reads.ts'
import { toMessage } from '../../src/campaigns/plan/load-mails.ts'
import { messages } from '../../src/campaigns/plan/message-reads.ts'
import * as reads from '../../src/campaigns/plan/reads.ts'
import { HeldLeads } from '../../src/schedule/held-leads.ts'
import { claimOne, fence, recover, settle } from '../support/protocol.ts'
import { worldForEachTest } from '../support/rolled-back.ts'

const here = worldForEachTest()
const NOBODY_HELD = new HeldLeads({ timeZone: 'Europe/Warsaw', nowMs: 0, campaigns: [], contacts: new Map() })
let nowMs = 0

/** A mail that the server answers after so long; null: its worker vanishes, and is recovered half a minute later. */
async function mail(tookMs: number | null): Promise<void> {
  const { id } = await here.world.mail()
  const worker = await here.world.worker()
  const attempt = await claimOne(here.session, worker, id)
  await fence(here.session, worker, attempt)
  nowMs += tookMs ?? 30_000
  await here.clockAt(nowMs)
  if (tookMs !== null) await settle(here.session, worker, { attempt, outcome: 'accepted', code: 250 })
  else await recover(here.session, here.worker, { gone: [worker], seenGone: [worker] })
}

async function occupiesMs(): Promise<number | undefined> {
  const rows = await reads.mailboxes(async (text) => (await here.session.query(text)).rows)
  return rows[0]?.occupies_ms
}

test('a mailbox is kept busy as long as its last mails took; a vanished worker and a slow answer do not change that', async () => {
  nowMs = 0
  await here.world.mailbox()
  expect(await occupiesMs()).toBe(20)
  for (const tookMs of [40, 60, 50]) await mail(tookMs)
  expect(await occupiesMs()).toBe(50)
  await mail(null)
  await mail(null)
  await mail(8000)
  expect(await occupiesMs()).toBe(50)
})

test('a response counts on the salesperson of its mailbox, and a warm-up mail on none, as claim has it', async () => {
  const salesperson = await here.world.salesperson()
  for (const kind of ['response', 'warmup'] as const) await here.world.mail({ kind, lead: null, dueInMs: null })
  const query: reads.Query = async (text, values) => (await here.session.query(text, values)).rows
  const known = { steps: new Map(), mailboxes: await reads.mailboxes(query) }
  const read = (await messages(query, { ...known, campaignIds: [], withSlots: true })).map(toMessage)
  expect(new Map(read.map(({ kind, salespersonId }) => [kind, salespersonId]))).toEqual(
    new Map([
      ['response', salesperson],
      ['warmup', null],
    ]),
  )
})

test('of first mails to a domain no more are read than it may get, however many stand in front of the others', async () => {
  const campaign = await here.world.campaign()
  const ids: number[] = []
  for (let n = 0; n < 9; n += 1) {
    const lead = await here.world.lead({ email: `lead-${n}@${n < 7 ? 'gmail.com' : 'firma.example'}` })
    ids.push((await here.world.mail({ lead, dueInMs: null })).id)
  }
  const query: reads.Query = async (text, values) => (await here.session.query(text, values)).rows
  const found = await domainReads.firstMails(query, {
    campaignId: campaign,
    room: 3,
    held: NOBODY_HELD,
    mostTo: (domain) => (domain === 'gmail.com' ? 2 : Infinity),
  })
  expect(found).toEqual([ids[0], ids[1], ids[7]])
})

test('of first mails to a domain that gets nothing a page is read, and of leads that are out none is told', async () => {
  const campaign = await here.world.campaign()
  const ids: number[] = []
  for (let n = 0; n < 10; n += 1) {
    const lead = await here.world.lead({
      email: `lead-${n}@${n < 7 ? 'gmail.com' : 'firma.example'}`,
      blocked_at: n === 7 ? '2026-01-01' : null,
    })
    ids.push((await here.world.mail({ lead, dueInMs: null })).id)
  }
  let asked = 0
  const query: reads.Query = async (text, values) => {
    asked += 1
    return (await here.session.query(text, values)).rows
  }
  const found = await domainReads.firstMails(query, {
    campaignId: campaign,
    room: 4,
    held: NOBODY_HELD,
    mostTo: (domain) => (domain === 'gmail.com' ? 0 : 2),
  })
  expect(found).toEqual([ids[8], ids[9]])
  expect(asked).toBe(2)
})
