/**
 * The team whose numbers docs/sql.md shows: two people, four mailboxes, two campaigns, a week of mails through the protocol. It is noon of Tuesday,
 * 1 December 2026. Everything in it is settled, so that the page's answers are the same on every run.
 */
import type { Pool } from 'pg'
import type { Database } from '../../src/database/pool.ts'
import { instantAt, Temporal, type Instant } from '../../src/time.ts'
import { setClock } from '../support/clock.ts'
import { claimOne, fence, settle, type Report } from '../support/protocol.ts'
import { NOON, World } from '../support/world.ts'

type Team = Pick<Database, 'query'> & { pool: Pool }
type Ending = Pick<Report, 'outcome'> & { code?: number; response: string | null }

const ACCEPTED: Ending = { outcome: 'accepted', code: 250, response: '250 2.0.0 queued' }
const REFUSED: Ending = { outcome: 'rejected', code: 550, response: '550 5.7.1 rejected by policy' }
const LATER: Ending = { outcome: 'deferred', code: 451, response: '451 4.7.1 greylisted, try again later' }
const UNKNOWN: Ending = { outcome: 'unknown', response: null }

const COMPANIES = ['kable-serwis', 'tartak-swierk', 'hurtownia-kot', 'piekarnia-zlota', 'biuro-as', 'stal-bud']
const NAMES = [
  'adam',
  'beata',
  'czeslaw',
  'danuta',
  'edward',
  'ewa',
  'grazyna',
  'henryk',
  'irena',
  'jan',
  'kamil',
  'lena',
  'marek',
  'nina',
  'ola',
  'pawel',
  'roman',
  'sylwia',
]

/** Local time in Warsaw. */
const at = (text: string): Instant => Temporal.PlainDateTime.from(text).toZonedDateTime('Europe/Warsaw').toInstant()

/** Fills a migrated database. */
export async function seedTeam(database: Team): Promise<void> {
  await setClock(database, at('2026-11-24T08:00'))
  const team = new TeamWorld(database)
  const anna = await team.person('anna.nowak@termika.example', 'Anna Nowak', 60)
  const audits = await team.mailbox(anna, 'anna@termika.example', {})
  const warming = await team.mailbox(anna, 'anna@termika-audyty.example', {
    warmup_started: '2026-11-23',
    warmup_daily_limit: 10,
    smtp_host: 'smtp.termika-audyty.example',
  })
  const piotr = await team.person('piotr.lis@termika.example', 'Piotr Lis', 40)
  const solar = await team.mailbox(piotr, 'piotr@termika.example', {})
  await team.mailbox(piotr, 'oferty@termika.example', { status: 'broken', status_reason: 'login refused: 535 5.7.8' })
  await team.campaign(
    anna,
    'audyt-hal',
    [audits, warming],
    { intro: ['Audyt hali', 'Hala {{ company }}: ile ucieka ciepła?'], reminder: [null] },
    12,
  )
  await team.campaign(piotr, 'fotowoltaika', [solar], { intro: ['Fotowoltaika na dachu', 'Dach, który zarabia'] }, 4)
  for (let n = 0; n < 18; n++)
    await team.enroll('audyt-hal', `${NAMES[n]}@${COMPANIES[n % 5]}.example`, n % 2 === 0 ? 'A' : 'B')
  for (let n = 0; n < 15; n++)
    await team.enroll(
      'fotowoltaika',
      `${NAMES[17 - n]}.biuro@${COMPANIES[(n % 3) + 3]}.example`,
      n % 2 === 0 ? 'A' : 'B',
    )
  await sendFirstMails(team, { audits, warming, solar })
  await sendLater(team, { audits, solar })
  await planAhead(team, { audits, warming, solar })
  await setClock(database, NOON)
}

/** From Tuesday to Friday. A company of sawyers refuses what comes from us, and a wholesaler's server puts a mail off once. */
async function sendFirstMails(
  team: TeamWorld,
  { audits, warming, solar }: Record<'audits' | 'warming' | 'solar', number>,
): Promise<void> {
  const days = ['2026-11-24', '2026-11-25', '2026-11-26', '2026-11-27']
  for (const [n, lead] of team.leadsOf('audyt-hal').slice(0, 12).entries()) {
    const time = `${days[Math.floor(n / 3)]}T09:${String(10 + n * 3).padStart(2, '0')}`
    const ending = lead.includes('tartak') ? REFUSED : ACCEPTED
    await team.send('audyt-hal', lead, n % 4 === 3 ? warming : audits, time, { ending, lateMs: 12 + n * 3 })
  }
  for (const [n, lead] of team.leadsOf('fotowoltaika').slice(0, 8).entries()) {
    const time = `${days[Math.floor(n / 2)]}T10:${String(20 + n * 4).padStart(2, '0')}`
    await team.send('fotowoltaika', lead, solar, time, { ending: n === 5 ? REFUSED : ACCEPTED, lateMs: 9 + n * 2 })
  }
  await team.mark('ewa@kable-serwis.example', 'replied_at', '2026-11-27T15:12')
  await team.mark('sylwia.biuro@piekarnia-zlota.example', 'replied_at', '2026-11-25T11:40')
  await team.mark('roman.biuro@biuro-as.example', 'unsubscribed_at', '2026-11-26T08:05')
}

/** Yesterday and this morning: follow-ups, one of them moved by an outage; a mail that was put off; a doubt. */
async function sendLater(team: TeamWorld, { audits, solar }: Record<'audits' | 'solar', number>): Promise<void> {
  const [adam = '', , czeslaw = '', danuta = ''] = team.leadsOf('audyt-hal')
  await team.send('audyt-hal', adam, audits, '2026-11-30T09:05', { lateMs: 14 })
  await team.send('audyt-hal', czeslaw, audits, '2026-11-30T11:20', {
    lateMs: 31,
    firstPlanned: '2026-11-30T09:08',
    reason: 'missed',
  })
  await team.send('audyt-hal', danuta, audits, '2026-11-30T11:23', {
    lateMs: 22,
    firstPlanned: '2026-11-30T09:11',
    reason: 'missed',
  })
  const first = team.leadsOf('fotowoltaika').slice(8)
  await team.send('fotowoltaika', first[0] ?? '', solar, '2026-11-30T10:02', { lateMs: 11 })
  await team.send('fotowoltaika', first[1] ?? '', solar, '2026-11-30T10:09', { lateMs: 17 })
  await team.send('fotowoltaika', first[2] ?? '', solar, '2026-12-01T09:30', { lateMs: 13 })
  await team.send('fotowoltaika', first[3] ?? '', solar, '2026-12-01T09:34', { ending: LATER, lateMs: 12 })
  await team.send('fotowoltaika', first[4] ?? '', solar, '2026-12-01T09:38', { ending: UNKNOWN, lateMs: 15 })
  await team.send('fotowoltaika', first[5] ?? '', solar, '2026-12-01T09:42', { lateMs: 10 })
}

async function planAhead(
  team: TeamWorld,
  { audits, warming, solar }: Record<'audits' | 'warming' | 'solar', number>,
): Promise<void> {
  const rest = team.leadsOf('audyt-hal').slice(12)
  await team.plan('audyt-hal', rest[0] ?? '', audits, '2026-12-01T14:05')
  await team.plan('audyt-hal', rest[1] ?? '', warming, '2026-12-01T14:08')
  for (const n of [2, 3, 4]) await team.plan('audyt-hal', rest[n] ?? '', audits, `2026-12-02T09:0${n}`)
  await team.plan('fotowoltaika', team.leadsOf('fotowoltaika')[14] ?? '', solar, '2026-12-02T10:15')
}

interface Sending {
  ending?: Ending
  lateMs: number
  /** It was planned for this time before, and moved for this reason. */
  firstPlanned?: string
  reason?: string
}

class TeamWorld {
  readonly #database: Team
  readonly #world: World
  readonly #campaigns = new Map<string, number>()
  readonly #leads = new Map<string, string[]>()
  #worker: number | undefined

  constructor(database: Team) {
    this.#database = database
    this.#world = new World(database.pool, at('2026-11-24T08:00'))
  }

  async person(email: string, name: string, dailyLimit: number): Promise<number> {
    return this.#world.salesperson({ email, name, daily_limit: dailyLimit })
  }

  async mailbox(salesperson: number, address: string, columns: Record<string, unknown>): Promise<number> {
    return this.#world.mailbox({
      address,
      salesperson_id: salesperson,
      daily_limit: 20,
      smtp_host: 'smtp.termika.example',
      ...columns,
    })
  }

  async campaign(
    salesperson: number,
    name: string,
    mailboxes: number[],
    steps: Record<string, (string | null)[]>,
    dailyLimit: number,
  ): Promise<void> {
    const id = await this.#world.campaign({
      name,
      salesperson_id: salesperson,
      daily_limit: dailyLimit,
      started_at: at('2026-11-23T16:00'),
      steps: Object.keys(steps),
    })
    for (const [key, subjects] of Object.entries(steps)) {
      for (const [n, subject] of subjects.entries()) {
        await this.#database.query(
          `insert into goniec.variant (step_id, letter, subject, text) select s.id, $3, $4, 'text' from goniec.step s where s.campaign_id = $1 and s.key = $2
           on conflict (step_id, letter) do update set subject = excluded.subject`,
          [id, key, 'AB'[n], subject],
        )
      }
    }
    for (const mailbox of mailboxes)
      await this.#world.insert('campaign_mailbox', { campaign_id: id, mailbox_id: mailbox }, 'campaign_id')
    this.#campaigns.set(name, id)
    this.#leads.set(name, [])
  }

  async enroll(campaign: string, email: string, variant: string): Promise<void> {
    const lead = await this.#world.lead({ email })
    await this.#world.mail({
      campaign: this.#campaigns.get(campaign) ?? 0,
      lead,
      dueInMs: null,
      columns: { variant, slot_reason: 'not_due' },
    })
    this.leadsOf(campaign).push(email)
  }

  leadsOf(campaign: string): string[] {
    return this.#leads.get(campaign) ?? []
  }

  async mark(lead: string, column: string, time: string): Promise<void> {
    await this.#database.query(`update goniec.lead set ${column} = $2 where email = $1`, [lead, at(time)])
  }

  /** Gives the lead's waiting mail of the campaign this slot. */
  async plan(
    campaign: string,
    lead: string,
    mailbox: number,
    time: string,
    reason: string | null = null,
  ): Promise<number> {
    const [mail] = await this.#database.query<{ id: number }>(
      `update goniec.message m
       set mailbox_id = $3, scheduled_at = $4, window_closes_at = $4::timestamptz + interval '6 hours', first_planned_at = coalesce(m.first_planned_at, $4),
         planned_campaign_version = 1, planned_mailbox_version = b.version, slot_reason = $5, not_before = null
       from goniec.lead l, goniec.mailbox b
       where m.campaign_id = $1 and m.lead_id = l.id and l.email = $2 and b.id = $3 and m.status = 'pending'
       returning m.id`,
      [this.#campaigns.get(campaign), lead, mailbox, at(time), reason],
    )
    return mail?.id ?? 0
  }

  async send(campaign: string, lead: string, mailbox: number, time: string, sending: Sending): Promise<void> {
    const { ending = ACCEPTED, lateMs, firstPlanned = time, reason } = sending
    const sql = this.#database.pool
    await setClock(this.#database, at(time).subtract({ hours: 12 }))
    const id = await this.plan(campaign, lead, mailbox, firstPlanned)
    if (reason !== undefined) await this.plan(campaign, lead, mailbox, time, reason)
    const wire = instantAt(at(time).epochMilliseconds + lateMs)
    await setClock(this.#database, wire)
    await this.#database.query('select goniec.make_day_rows(3)')
    this.#worker ??= await this.#world.worker({ worker: 'termika', ended_at: null })
    const attempt = await claimOne(sql, this.#worker, id)
    const [text] = await this.#database.query<{ subject: string }>(
      `select v.subject from goniec.message m left join goniec.variant v on v.step_id = m.step_id and v.letter = m.variant where m.id = $1`,
      [id],
    )
    const content = {
      attempt_id: attempt,
      subject: text?.subject ?? 'Re: Audyt hali',
      text: '…',
      html: null,
      headers: {},
    }
    await fence(sql, this.#worker, attempt, [content])
    await setClock(this.#database, wire.add({ milliseconds: 180 }))
    await settle(sql, this.#worker, { attempt, stage: 'dot', rfc_message_id: `<${id}.7f@termika.example>`, ...ending })
  }
}
