/**
 * One death: a worker meets its point, and is killed, stopped or blocked there. Who is stopped or blocked goes on when the work it held is
 * no longer its own; meanwhile another worker may have taken that work, under another name or under its own.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { Random } from '../../tests/simulation/random.ts'
import { untilRow } from '../../tests/support/until-row.ts'
import { startWorker, type WorkerProcess } from '../../tests/support/worker-process.ts'
import { BEGINS_ONCE, LIGHT } from '../light.ts'
import { SHRUNK, SHRUNK_ATTEMPT_MS, SHRUNK_LEASE_MS } from '../shrunk.ts'
import { POINTS, type Note, type Point, type PointName, type StrikeOrder, type Way } from './points.ts'
import { addLeads, CAMPAIGNS, type World } from './world.ts'

export interface Try {
  point: PointName
  way: Way
  seed: number
}

/** What came of it, but for what only the end of the chain can tell. */
export interface Death {
  tried: Try
  /** How it is known that it happened; null where it did not. */
  hit: string | null
  /** What the worker should not have done, whoever accepted what. */
  complaints: readonly string[]
}

/** All leads of a death have addresses that begin so, and no others. */
export function markOf({ point, way, seed }: Try): string {
  return `${point}.${way.toLowerCase()}.s${seed}.`
}

/** Lets it happen. Whoever was started lives no more when this resolves. */
export async function die(world: World, tried: Try): Promise<Death> {
  const point: Point = POINTS.find(({ name }) => name === tried.point) ?? POINTS[0]
  const draw = new Random('death', tried.point, tried.way, tried.seed)
  const addresses = Array.from({ length: draw.int(2, 5) }, (_, number) => `${markOf(tried)}${number}@people.example`)
  world.offerPipelining(draw.chance(0.5))
  await addLeads(world, { addresses, campaign: draw.int(1, CAMPAIGNS), plan: point.wants !== 'unplanned' })
  const pace = { GONIEC_BATCH: String(draw.pick([1, 2, 50])), GONIEC_IN_FLIGHT: String(draw.pick([1, 2, 50])) }
  if (point.wants === 'leftovers') await leave(world, draw)
  // Which worker a mail comes to is open where there are two: then the struck one may not come to its point.
  // The first seed is alone, and hit at once: it is the one that tests take.
  const isFirst = tried.seed === 1
  const companion = point.wants === undefined && draw.chance(0.1) && !isFirst ? start(world, 'companion') : undefined
  const occurrence = point.wants === undefined && !companion && !isFirst ? draw.pick([1, 1, 1, 2]) : 1
  const struck = startStruck(world, { point: tried.point, way: tried.way, occurrence }, pace)
  const came = tried.way === 'SIGKILL' ? await killed(struck) : await slept(world, struck, tried.way, draw)
  companion?.kill('SIGTERM')
  // With 0, or by the signal, where it was about to end by itself.
  if (companion) await inTime(companion.ended)
  return { tried, ...came }
}

/** Everything that is left is sent to its end. What backed off when a worker was idle is there again for the next one; what is left then is lost. */
export async function finish(world: World): Promise<void> {
  for (let round = 0; round < 3; round += 1) {
    await inTime(
      untilRow(
        world.database,
        'select where not exists (select from goniec.mailbox_gate where free_from > goniec.now())',
      ),
    )
    await inTime(start(world, 'struck').endedWell())
    const [left] = await world.database.query(`select from goniec.message where status = 'pending' limit 1`)
    if (!left) return
  }
}

interface Struck {
  worker: WorkerProcess
  order: StrikeOrder
  ended: Promise<number | null>
}

const ENV = { ...SHRUNK, ...LIGHT, PROOF_PASSWORD: 'secret' }

const STRIKE = pathToFileURL(join(import.meta.dirname, 'strike.ts')).href

/** A worker that sends until all is sent, with the environment of a chain's workers. */
function start(world: World, name: string, env: Record<string, string> = {}): WorkerProcess {
  const worker = startWorker(world.database.workerUrl, {
    args: ['--name', name, '--until-idle'],
    env: { ...ENV, ...env },
  })
  world.workers.push(worker)
  return worker
}

let orders = 0

function startStruck(
  world: World,
  { point, way, occurrence }: Pick<StrikeOrder, 'point' | 'way' | 'occurrence'>,
  pace: Record<string, string>,
): Struck {
  orders += 1
  const notes = join(world.directory, `notes-${orders}`)
  const smtpPort = world.mailServer.port
  const order: StrikeOrder = { point, way, occurrence, notes, release: `${notes}-release`, smtpPort }
  const env = { ...pace, GONIEC_PROOF_STRIKE: JSON.stringify(order), NODE_OPTIONS: `--import=${STRIKE} ${BEGINS_ONCE}` }
  const worker = start(world, 'struck', env)
  const struck = { worker, order, ended: worker.ended }
  world.betweenDotAndReply(point === 'dot-to-reply' ? () => tellOfTaking(struck) : undefined)
  return struck
}

/** The server has taken a mail: the worker is told so in the only way it hears while it waits, and nothing is answered until it was struck. */
async function tellOfTaking({ worker, order, ended }: Struck): Promise<void> {
  if (existsSync(order.notes)) return
  worker.kill('SIGUSR2')
  if (order.occurrence === 1) await untilNoted('struck', order, ended)
  else order.occurrence -= 1
}

/** A worker before the one that is to be struck, which leaves something to recover. */
async function leave(world: World, draw: Random): Promise<void> {
  const point = draw.pick(['claim-committed', 'fence-committed', 'dot-written', 'reply-heard'] as const)
  const { ended } = startStruck(world, { point, way: 'SIGKILL', occurrence: 1 }, {})
  await inTime(ended)
}

async function killed({ worker, order, ended }: Struck): Promise<Omit<Death, 'tried'>> {
  const code = await inTime(ended)
  const noted = notesIn(order).find(({ event }) => event === 'struck')
  if (code === null && noted) return { hit: `killed itself at ${noted.at}, and is gone`, complaints: [] }
  return { hit: null, complaints: unexpectedEnd(code, [0], worker) }
}

async function slept(world: World, struck: Struck, way: Way, draw: Random): Promise<Omit<Death, 'tried'>> {
  const { worker, order, ended } = struck
  if (!(await inTime(untilNoted('struck', order, ended)))) {
    return { hit: null, complaints: unexpectedEnd(await inTime(ended), [0], worker) }
  }
  if (way === 'SIGSTOP') await inTime(untilStopped(worker.pid))
  const sleepMs = draw.chance(0.75) ? SHRUNK_LEASE_MS + 100 : SHRUNK_ATTEMPT_MS + 100
  const drawn = draw.pick(['nobody', 'another', 'another', 'namesake'] as const)
  // Where the planner's thread is blocked the worker itself is awake, and keeps its name.
  const heir = drawn === 'namesake' && order.point.startsWith('plan-') && way === 'blocked' ? 'another' : drawn
  const [sleep] = await world.database.query<{ from: string }>('select clock_timestamp()::text as from')
  await inTime(world.database.query(SLEEP, [sleep?.from, sleepMs]))
  const other = await inherit(world, heir, draw)
  const [woken] = await world.database.query<{ ms: number }>(
    'select (extract(epoch from clock_timestamp() - $1::timestamptz) * 1000)::int as ms',
    [sleep?.from],
  )
  if (way === 'SIGSTOP') worker.kill('SIGCONT')
  else writeFileSync(order.release, '')
  const code = await inTime(ended)
  // With 1 it says that it cannot go on, and wants to be started again: its name is another's, or a connection it was waiting for is dead.
  const complaints = unexpectedEnd(code, [0, 1], worker)
  if (other) await inTime(other.endedWell())
  if (!notesIn(order).some(({ event }) => event === 'awake')) return { hit: null, complaints }
  const what = way === 'SIGSTOP' ? 'stopped' : 'blocked'
  return { hit: `${what} for ${woken?.ms} ms, its heir ${heir}; it went on, and ended with ${code}`, complaints }
}

/** Another worker ends what is no longer the sleeper's; sometimes it has already sent it again when the sleeper wakes. */
async function inherit(
  world: World,
  heir: 'nobody' | 'another' | 'namesake',
  draw: Random,
): Promise<WorkerProcess | undefined> {
  if (heir === 'nobody') return undefined
  if (heir === 'namesake') {
    // Its session ends while it sleeps, as a network between it and the database would have it.
    await world.database.query(`select pg_terminate_backend(pid) as ended ${THE_SESSION}`)
    await inTime(untilRow(world.database, `select where not exists (select ${THE_SESSION})`))
  }
  const name = heir === 'namesake' ? 'struck' : 'heir'
  const other = start(world, name)
  await inTime(other.line(({ msg }) => msg === 'worker started'))
  const over = draw.chance(0.5) ? NOTHING_OVERDUE : NOTHING_TO_SEND_AGAIN
  await inTime(Promise.race([untilRow(world.database, over), other.ended]))
  return other
}

/** The server waits, and says when: it is its clock that leases and deadlines end by, and to ask it again and again costs more than a worker. */
const SLEEP = `
  select pg_sleep(extract(epoch from $1::timestamptz + $2 * interval '1 millisecond' - clock_timestamp()) + 0.001)`

const NOTHING_OVERDUE = `
  select where not exists (
    select from goniec.attempt a
    where (a.state = 'claimed' and a.lease_until < goniec.now()) or (a.state = 'transmitting' and a.deadline_at < goniec.now()))`

const NOTHING_TO_SEND_AGAIN = `
  select where not exists (select from goniec.attempt where state = 'claimed' and lease_until < goniec.now())
  and not exists (
    select from goniec.attempt a join goniec.message m on m.id = a.message_id
    where a.ended_by = 'recovery' and a.state = 'aborted' and m.status in ('pending', 'sending'))`

const THE_SESSION = `
  from pg_stat_activity where datname = current_database() and application_name = 'goniec worker session'`

function unexpectedEnd(code: number | null, expected: readonly number[], worker: WorkerProcess): string[] {
  if (code !== null && expected.includes(code)) return []
  return [`the worker ended with ${code}: ${worker.errors()} ${JSON.stringify(worker.log.at(-1))}`]
}

function notesIn({ notes }: StrikeOrder): Note[] {
  if (!existsSync(notes)) return []
  const lines = readFileSync(notes, 'utf8').split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line) as Note)
}

/** False where the process ended before. */
async function untilNoted(event: Note['event'], order: StrikeOrder, ended: Promise<unknown>): Promise<boolean> {
  let isOver = false
  void ended.then(() => (isOver = true))
  for (;;) {
    if (notesIn(order).some((note) => note.event === event)) return true
    if (isOver) return false
    await wait(10)
  }
}

async function untilStopped(pid: number): Promise<void> {
  for (;;) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    if (stat.slice(stat.lastIndexOf(')') + 2).startsWith('T')) return
    await wait(5)
  }
}

/** Nothing here takes minutes, on the busiest machine: what does is a defect of the proof, or a worker that hangs. */
async function inTime<Result>(work: Promise<Result>): Promise<Result> {
  const late = new AbortController()
  const tooLate = wait(PATIENCE_MS, undefined, { signal: late.signal, ref: false }).then(() => {
    throw new Error(`a step of the proof took longer than ${PATIENCE_MS} ms`)
  })
  try {
    return await Promise.race([work, tooLate])
  } finally {
    tooLate.catch(() => undefined)
    late.abort()
  }
}

const PATIENCE_MS = 600_000
