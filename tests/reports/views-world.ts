/** A small world that has seen everything once, through the protocol: what the views say about it can be reckoned by hand. */
import { Temporal, type Instant } from '../../src/time.ts'
import { setClock } from '../support/clock.ts'
import type { TestDatabase } from '../support/database.ts'
import { claimOne, fence, settle, type Report } from '../support/protocol.ts'
import { NOON, World, type Mail } from '../support/world.ts'

type Ending = Pick<Report, 'outcome'> & { code?: number; response: string | null; rfc_message_id?: string }

export interface SeenWorld {
  world: World
  ewa: Mail
  ola: Mail
  piotr: Mail
  zofia: Mail
  response: Mail
}

/**
 * Tuesday noon in Warsaw, midnight in Auckland. Anna's "spring" has sent one mail (a minute late, a day after its first plan), one was refused, one
 * put off and one is in doubt; one is planned for tomorrow, one has no time. Bartek's "kiwi" has sent one. Jan has replied. One mail was sent in
 * November, before goniec.
 */
export async function seeWorld(database: TestDatabase): Promise<SeenWorld> {
  await setClock(database, NOON)
  const world = new World(database.pool)
  const worker = await world.worker({ worker: 'w' })
  const end = async (mail: Mail, report: Ending, subject = 'Offer'): Promise<void> => {
    const attempt = await claimOne(database.pool, worker, mail.id)
    await fence(database.pool, worker, attempt, [
      { attempt_id: attempt, subject, text: 'Secret words', html: null, headers: {} },
    ])
    await setClock(database, world.at(150))
    await settle(database.pool, worker, { attempt, stage: 'dot', ...report })
    await setClock(database, NOON)
  }

  await world.salesperson({ email: 'anna@firma.example', name: 'Anna Nowak', daily_limit: 10 })
  const anna = await world.mailbox({ address: 'anna@firma.example', daily_limit: 6, smtp_host: 'smtp.firma.example' })
  const spring = await world.campaign({
    name: 'spring',
    daily_limit: 5,
    steps: ['intro', 'reminder'],
    timezone: 'Europe/Warsaw',
  })
  await world.insert('campaign_mailbox', { campaign_id: spring, mailbox_id: anna }, 'campaign_id')
  const lead = async (email: string): Promise<number> => world.lead({ email, created_at: world.at(-86_400_000) })
  const jan = await world.mail({
    lead: await lead('jan@alfa.example'),
    columns: { first_planned_at: world.at(-86_460_000), slot_reason: 'capacity' },
  })
  const ewa = await world.mail({ lead: await lead('ewa@beta.example'), dueInMs: -50_000, columns: { variant: 'B' } })
  const adam = await world.mail({ lead: await lead('adam@alfa.example'), dueInMs: -45_000 })
  const ola = await world.mail({ lead: await lead('ola@alfa.example'), dueInMs: -40_000 })
  await end(jan, { outcome: 'accepted', code: 250, response: '250 queued', rfc_message_id: '<jan@firma.example>' })
  await end(ewa, { outcome: 'rejected', code: 550, response: '550 5.7.1 go away' })
  await end(adam, { outcome: 'deferred', code: 451, response: '451 later' })
  await end(ola, { outcome: 'unknown', response: null })
  const tomorrow = Temporal.Duration.from({ hours: 24 }).total('milliseconds')
  const piotr = await world.mail({
    lead: await lead('piotr@gamma.example'),
    dueInMs: tomorrow,
    closesInMs: tomorrow + 60_000,
  })
  const zofia = await world.mail({
    lead: await lead('zofia@gamma.example'),
    dueInMs: null,
    columns: { slot_reason: 'not_due' },
  })
  const response = await world.mail({ kind: 'response', lead: jan.lead, dueInMs: 3_600_000, closesInMs: 7_200_000 })
  await importHistory(world, spring, world.at(-11 * 86_400_000))
  await world.update('lead', jan.lead ?? 0, { replied_at: world.at(60_000) })

  await world.salesperson({ email: 'bartek@firma.example', name: null })
  await world.mailbox({
    address: 'bartek@firma.example',
    daily_limit: 20,
    smtp_host: 'smtp.else.example',
    warmup_started: '2026-11-30',
    warmup_daily_limit: 4,
  })
  await world.campaign({ name: 'kiwi', timezone: 'Pacific/Auckland' })
  const kim = await world.mail({ lead: await lead('kim@delta.example') })
  await end(
    kim,
    { outcome: 'accepted', code: 250, response: '250 ok', rfc_message_id: '<kim@firma.example>' },
    'Kia ora',
  )
  return { world, ewa, ola, piotr, zofia, response }
}

async function importHistory(world: World, campaign: number, sentAt: Instant): Promise<void> {
  const step = await world.value(`select id from goniec.step where campaign_id = $1 and key = 'reminder'`, [campaign])
  const row = {
    line: 2,
    email: 'old@alfa.example',
    campaign_id: campaign,
    step_id: step,
    sent_at: sentAt.toString(),
    message_id: '<old@elsewhere>',
  }
  await world.value('select goniec.import_history($1)', [JSON.stringify([row])])
}
