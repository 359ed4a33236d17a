/**
 * Everybody who works on the same rows at once: workers that die, recovery, plan, apply, pause, import, other programs with open
 * transactions, operators. Each actor is a loop of a bounded number of turns on a session of its own; chance decides what a turn does.
 *
 * What an actor learns (that a pause or a block has returned, and until when it held) goes into the notes, to be held against what
 * passed the fence.
 */
import { DatabaseError, type Client } from 'pg'
import { assert } from '../../src/errors.ts'
import type { Instant } from '../../src/time.ts'
import { claim, fence, recover, settle, type Report } from '../support/protocol.ts'
import { World } from '../support/world.ts'

/** From when to when nothing of a campaign, or to a lead, may have passed the fence. */
export interface Closed {
  what: 'campaign' | 'lead'
  id: number
  from: Instant
  until: Instant | null
}

export interface Notes {
  closed: Closed[]
  /** What went wrong, with who it happened to. */
  errors: string[]
  /** Turns by actor that did something. */
  turns: Map<string, number>
}

/** Chance that can be replayed. */
export type Chance = (below: number) => number

export interface Turn {
  session: Client
  chance: Chance
  notes: Notes
  /** The mailboxes' addresses and the campaigns' ids. */
  mailboxes: string[]
  campaigns: number[]
  /** Lives of workers that died. */
  dead: number[]
}

/** A turn says whether there was work in it. */
type Actor = (turn: Turn) => () => Promise<boolean | void>

/** By name; a name that stands several times in `cast` acts several times at once. */
export const ACTORS: Record<string, Actor> = {
  worker,
  recovery: (turn) => async () => {
    const gone = turn.dead.slice(-5)
    await recover(turn.session, null, { gone, seenGone: gone.filter(() => turn.chance(2) === 0) })
  },
  plan: (turn) => async () => {
    await turn.session.query(
      `with due as (
         select m.id, c.version as campaign_version,
                (select b.id from goniec.mailbox b where b.id = coalesce(m.bound_mailbox_id, m.id % (select count(*) from goniec.mailbox) + 1)) as mailbox
         from goniec.message m left join goniec.campaign c on c.id = m.campaign_id
         where m.status = 'pending' and m.held_reason is null
           and (m.scheduled_at is null or m.scheduled_at < goniec.now() - interval '1 s' or m.planned_campaign_version <> c.version)
         order by m.id limit 100 for no key update of m skip locked),
       rows_made as materialized (
         select goniec.make_domain_rows(array_agg(goniec.domain_of(m.recipient)), array_agg(goniec.now()))
         from due join goniec.message m on m.id = due.id)
       update goniec.message m
       set mailbox_id = b.id, scheduled_at = goniec.now(), window_closes_at = goniec.now() + interval '1 h',
           planned_mailbox_version = b.version, planned_campaign_version = due.campaign_version, slot_reason = 'missed'
       from due cross join rows_made join goniec.mailbox b on b.id = due.mailbox
       where m.id = due.id`,
    )
  },
  resume: (turn) => async () => {
    await turn.session.query(
      `update goniec.mailbox_gate set free_from = null, faults = 0
       where mailbox_id in (select mailbox_id from goniec.mailbox_gate where free_from > goniec.now() + interval '1 s' order by 1 for no key update)`,
    )
  },
  'resume after refusals': (turn) => async () => {
    await turn.session.query(
      `update goniec.campaign set status = 'running', status_reason = null, refusals_since = goniec.now()
       where id = $1 and status = 'paused' and status_reason is not null`,
      [pick(turn, turn.campaigns)],
    )
    await turn.session.query(
      `update goniec.mailbox set status = 'active', status_reason = null, refusals_since = goniec.now(), version = version + 1
       where id = $1 and status = 'paused'`,
      [1 + turn.chance(8)],
    )
  },
  'day rows': (turn) => async () => {
    await turn.session.query('select goniec.make_day_rows(3)')
  },
  apply: (turn) => async () => {
    await inTransaction(turn, async () => {
      await turn.session.query(
        `update goniec.mailbox set daily_limit = 150 + $1, version = version + 1, status = 'active', status_reason = null
         where id in (select id from goniec.mailbox where id % 3 = $1 order by id for no key update)`,
        [turn.chance(3)],
      )
      await turn.session.query('update goniec.campaign set daily_limit = $2, version = version + 1 where id = $1', [
        pick(turn, turn.campaigns),
        100 + turn.chance(200),
      ])
      await turn.session.query('select goniec.make_day_rows(3)')
    })
    await turn.session.query('select goniec.pass_barrier()')
  },
  'domain limits': (turn) => async () => {
    await inTransaction(turn, async () => {
      await turn.session.query(`update goniec.domain_limit set daily_limit = $1 where domain = 'poczta.example'`, [
        10 + turn.chance(40),
      ])
      await turn.session.query('select goniec.make_day_rows(3)')
    })
  },
  pause: (turn) => async () => {
    const campaign = pick(turn, turn.campaigns)
    const paused = await turn.session.query(
      `update goniec.campaign set status = 'paused' where id = $1 and status = 'running'`,
      [campaign],
    )
    if (paused.rowCount === 0) return
    await turn.session.query('select goniec.pass_barrier($1)', [campaign])
    const from = await now(turn)
    await turn.session.query('select goniec.make_day_rows(1)')
    turn.notes.closed.push({ what: 'campaign', id: campaign, from, until: await now(turn) })
    await turn.session.query(`update goniec.campaign set status = 'running' where id = $1 and status = 'paused'`, [
      campaign,
    ])
  },
  block: (turn) => async () => {
    const lead = 1 + turn.chance(200)
    const committed = await inTransaction(turn, async () => {
      await turn.session.query('update goniec.lead set blocked_at = goniec.now() where id = $1', [lead])
      await turn.session.query(
        `update goniec.message set status = 'cancelled'
         where id in (select id from goniec.message where lead_id = $1 and status = 'pending' order by id for no key update) and status = 'pending'`,
        [lead],
      )
    })
    if (!committed) return
    await turn.session.query('select goniec.pass_barrier(null, $1)', [lead])
    turn.notes.closed.push({ what: 'lead', id: lead, from: await now(turn), until: null })
  },
  suppress: (turn) => async () => {
    const { rows } = await turn.session.query<{ id: number }>('select id from goniec.lead where id = $1', [
      1 + turn.chance(200),
    ])
    const lead = rows[0]?.id
    if (lead === undefined) return
    const committed = await inTransaction(turn, async () => {
      await turn.session.query(
        'insert into goniec.suppression (value) select email from goniec.lead where id = $1 on conflict do nothing',
        [lead],
      )
    })
    if (!committed) return
    await turn.session.query('select goniec.pass_barrier(null, $1)', [lead])
    turn.notes.closed.push({ what: 'lead', id: lead, from: await now(turn), until: null })
  },
  import: (turn) => async () => {
    const campaign = pick(turn, turn.campaigns)
    await inTransaction(turn, async () => {
      await turn.session.query(`select from goniec.campaign where id = $1 for share`, [campaign])
      await turn.session.query(`update goniec.campaign set status = 'running' where id = $1 and status = 'completed'`, [
        campaign,
      ])
      const world = new World(turn.session)
      for (let n = 0; n < 5; n += 1) {
        const lead = await world.lead({ email: `import-${turn.chance(1_000_000_000)}@klient.example` })
        await world.mail({ campaign, mailbox: 1, lead, dueInMs: null })
      }
    })
  },
  slots: (turn) => async () => {
    const slot = await takeSlot(turn, pick(turn, turn.mailboxes))
    if (slot !== null && turn.chance(4) > 0)
      await turn.session.query('select goniec.release_slot($1, $2)', [slot, turn.chance(2) === 0])
  },
  'slots in a transaction': (turn) => async () => {
    await inTransaction(turn, async () => {
      const slots = [await takeSlot(turn, pick(turn, turn.mailboxes)), await takeSlot(turn, pick(turn, turn.mailboxes))]
      for (const slot of slots)
        if (slot !== null) await turn.session.query('select goniec.release_slot($1, $2)', [slot, turn.chance(2) === 0])
    })
  },
  'sends in a transaction': (turn) => async () => {
    await inTransaction(turn, async () => {
      await record(turn, pick(turn, turn.mailboxes))
      await takeSlot(turn, pick(turn, turn.mailboxes))
    })
  },
  response: (turn) => async () => {
    await turn.session.query(
      `select goniec.enqueue_response(l.email, $1, 'text', 'subject', null, $2, again => true) from goniec.lead l where l.id = $3`,
      [`key-${turn.chance(1_000_000_000)}`, pick(turn, turn.mailboxes), 1 + turn.chance(200)],
    )
  },
  doubts: (turn) => async () => {
    const { rows } = await turn.session.query<{ id: number }>(
      `select a.message_id as id from goniec.attempt a where a.state = 'in_doubt' and a.deadline_at < goniec.now() limit 3`,
    )
    for (const { id } of rows) {
      // Somebody else may have been faster.
      await tolerating(['P0002'], () =>
        turn.session.query('select goniec.resolve_doubt($1, $2)', [id, pick(turn, ['sent', 'not-sent'])]),
      )
    }
  },
  completion: (turn) => async () => {
    await turn.session.query('select goniec.complete_campaigns()')
  },
  cancellation: (turn) => async () => {
    await turn.session.query(
      `update goniec.message set status = 'cancelled'
       where status = 'pending' and id in (
         select id from goniec.message where status = 'pending' and id % 50 = $1 order by id for no key update)`,
      [turn.chance(50)],
    )
  },
}

/** Claims, fences in any order, settles in any order, and now and then dies with all that in its hands. */
function worker(turn: Turn): () => Promise<boolean> {
  const { session, chance } = turn
  let life: number | undefined
  return async () => {
    life ??= await new World(session).worker({ worker: `w-${chance(1_000_000)}` })
    const { attempts } = await claim(session, life, { batch: 1 + chance(8), leaseMs: 300, graceMs: 60_000 })
    if (attempts.length === 0) return false
    if (chance(12) === 0) return die()
    const shuffled = shuffle(turn, attempts)
    const asked = shuffled.slice(chance(2))
    const verdicts = await fence(session, life, asked, [], { totalMs: 300 })
    if (chance(12) === 0) return die()
    const passed = asked.filter((_, index) => verdicts[index]?.verdict === 'passed')
    const reports = shuffled.map((attempt) =>
      passed.includes(attempt) ? afterFence(turn, attempt) : beforeFence(turn, attempt),
    )
    for (const some of [reports.slice(0, 3), reports.slice(3)])
      if (some.length > 0) await settle(session, life, shuffle(turn, some))
    return true
  }
  function die(): true {
    turn.dead.push(life ?? 0)
    life = undefined
    return true
  }
}

function afterFence({ chance }: Turn, attempt: number): Report {
  const outcomes: Report[] = [
    { attempt, outcome: 'deferred', code: 451, not_before: null },
    { attempt, outcome: 'rejected', code: 550, lead_bounced: true },
    { attempt, outcome: 'unknown' },
    { attempt, outcome: 'aborted', reason: 'x' },
    { attempt, outcome: 'mailbox_fault', code: 421, reason: 'x' },
  ]
  return outcomes[chance(12)] ?? { attempt, outcome: 'accepted', code: 250 }
}

function beforeFence({ chance }: Turn, attempt: number): Report {
  const outcomes: Report[] = [
    { attempt, outcome: 'deferred', code: 450 },
    { attempt, outcome: 'mailbox_fault', code: null, give_back: true, reason: 'x' },
  ]
  return outcomes[chance(6)] ?? { attempt, outcome: 'aborted', give_back: true, reason: 'x' }
}

async function takeSlot({ session, chance }: Turn, mailbox: string): Promise<number | null> {
  const { rows } = await session.query<{ slot: number | null }>('select goniec.take_slot($1, $2, $3) as slot', [
    mailbox,
    ['campaign', 'warmup', 'response'][chance(3)],
    `${50 + chance(500)} ms`,
  ])
  return rows[0]?.slot ?? null
}

async function record({ session, chance }: Turn, mailbox: string): Promise<void> {
  await session.query('select goniec.record_external_send($1, $2, goniec.now())', [
    mailbox,
    ['campaign', 'warmup'][chance(2)],
  ])
}

/** Commits mostly, and says whether it did. */
async function inTransaction({ session, chance }: Turn, work: () => Promise<void>): Promise<boolean> {
  await session.query('begin')
  try {
    await work()
    const commits = chance(8) > 0
    await session.query(commits ? 'commit' : 'rollback')
    return commits
  } catch (error) {
    await session.query('rollback')
    throw error
  }
}

async function tolerating(codes: string[], work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof DatabaseError) || !codes.includes(error.code ?? '')) throw error
  }
}

async function now({ session }: Turn): Promise<Instant> {
  const { rows } = await session.query<{ now: Instant }>('select goniec.now() as now')
  assert(rows[0], 'the database has a clock')
  return rows[0].now
}

function pick<T>({ chance }: Turn, from: T[]): T {
  return from[chance(from.length)] as T
}

function shuffle<T>({ chance }: Turn, items: T[]): T[] {
  return items
    .map((item) => ({ item, key: chance(1000) }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item)
}
