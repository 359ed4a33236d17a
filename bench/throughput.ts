/**
 * How many mails a second: goniec, with all that it promises, beside what a user would build instead and beside the limits of the wire, all
 * of them to the same mail server in one go, in turn. See `bench/peers/` for what each of them does.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { runMigrations } from 'graphile-worker'
import { startGoniec } from './peers/goniec.ts'
import { LEAD_FIELDS, MAILBOXES } from './peers/content.ts'
import { percentile, table, type BenchOptions, type Measured } from './figures.ts'
import { cpuMs, familyCpuMs, peakMb } from './processes.ts'
import { serverPid, type BenchServer } from './server.ts'
import { startSink } from './sink.ts'

const MAILS = 4000
const ROUNDS = 5

/** Someone who is measured: a process that sends a range of leads' mails when it is told to. */
export interface Peer {
  name: string
  pid: number
  /** Before the clock starts: puts these mails where the peer takes them from. */
  prepare: (range: Range) => Promise<void>
  /** Sends them; resolves when the last one is accepted, and that is written where it writes anything. Says how long it took. */
  send: (range: Range) => Promise<number>
  /** What goes on behind the last mail, so that the next one is measured alone. */
  rest: () => Promise<void>
  end: () => void
}

/** Leads from one number to another, both included. */
export interface Range {
  from: number
  to: number
}

interface Round {
  perSecond: number
  ownCpu: number
  postgresCpu: number
}

/** The benchmark. */
export async function throughput(server: BenchServer, { size }: BenchOptions): Promise<Measured> {
  const mails = Math.max(MAILBOXES / 10, Math.round(MAILS * size))
  const rounds = size < 1 ? 1 : ROUNDS
  using sink = await startSink(MAILBOXES)
  const peers = [
    await startPeer('bare dialogue, made beforehand', 'bare-dialogue.ts', [sink.port, MAILBOXES]),
    await startPeer('nodemailer’s pool, no database', 'nodemailer-pool.ts', [sink.port, POOL_CONNECTIONS]),
    await startGraphile(server, sink.port),
    await startGoniec(server, sink.port, { mails, rounds: rounds + 1 }),
  ]
  const measured = new Map<Peer, Round[]>(peers.map((peer) => [peer, []]))
  const postgres = await serverPid(server.database)
  // The first round warms up, and does not count.
  for (let round = 0; round <= rounds; round++) {
    for (const peer of peers) {
      const result = await measure(peer, { from: round * mails + 1, to: (round + 1) * mails }, postgres)
      if (round > 0) measured.get(peer)?.push(result)
      process.stderr.write(`${round}  ${peer.name}  ${Math.round(result.perSecond)} mails/s\n`)
    }
  }
  const lines = describe(measured)
  for (const peer of peers) peer.end()
  return { what: `mails a second to ${sink.name}, ${mails} mails a round, medians of ${rounds} rounds in turn`, lines }
}

/** What each of them is quickest with, of 20, 50 and 200: more connections only cost them time. */
const POOL_CONNECTIONS = 20
const JOBS = 20

async function measure(peer: Peer, range: Range, postgres: number): Promise<Round> {
  await peer.prepare(range)
  const before = { own: cpuMs(peer.pid), postgres: familyCpuMs(postgres) }
  const tookMs = await peer.send(range)
  const mails = range.to - range.from + 1
  const result = {
    perSecond: (mails * 1000) / tookMs,
    ownCpu: (cpuMs(peer.pid) - before.own) / mails,
    postgresCpu: (familyCpuMs(postgres) - before.postgres) / mails,
  }
  await peer.rest()
  return result
}

function describe(measured: ReadonlyMap<Peer, Round[]>): string[] {
  const median = (peer: Peer, of: (round: Round) => number): number =>
    percentile((measured.get(peer) ?? []).map(of), 0.5)
  const peers = [...measured.keys()]
  const goniec = peers.at(-1)
  const own = goniec ? median(goniec, ({ perSecond }) => perSecond) : Number.NaN
  return table(
    ['', 'mails/s', 'goniec is', 'its CPU ms/mail', 'Postgres CPU ms/mail', 'most MB'],
    peers.map((peer) => {
      const perSecond = median(peer, (round) => round.perSecond)
      return [
        peer.name,
        perSecond,
        `${(own / perSecond).toFixed(2)} ×`,
        median(peer, ({ ownCpu }) => ownCpu).toFixed(2),
        median(peer, ({ postgresCpu }) => postgresCpu).toFixed(2),
        peakMb(peer.pid).toFixed(0),
      ]
    }),
  )
}

async function startGraphile({ url, database }: BenchServer, port: number): Promise<Peer> {
  await runMigrations({ connectionString: url })
  await database.query('create schema peer')
  await database.query(
    `create table peer.mail (id bigint primary key, email text not null, mailbox text not null, fields jsonb not null,
       status text not null default 'queued', sent_at timestamptz, message_id text)`,
  )
  const peer = await startPeer('graphile-worker job a mail, nodemailer’s pool', 'graphile-job.ts', [url, port, JOBS])
  return {
    ...peer,
    async prepare({ from, to }) {
      await database.query(
        `insert into peer.mail (id, email, mailbox, fields)
         select n, format('lead-%s@company-%s.example', n, n % 997), format('box-%s@firma.example', 1 + n % ${MAILBOXES}), ${LEAD_FIELDS}
         from generate_series($1::bigint, $2::bigint) n`,
        [from, to],
      )
      await database.query(
        `select graphile_worker.add_jobs(array(
           select row('send', json_build_object('id', n), null, null, 1, null, null, null)::graphile_worker.job_spec
           from generate_series($1::bigint, $2::bigint) n)) is not null limit 1`,
        [from, to],
      )
      await database.query('vacuum (analyze) peer.mail')
    },
  }
}

async function startPeer(name: string, file: string, args: readonly (string | number)[]): Promise<Peer> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'peers', file), ...args.map(String)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  await lines.next()
  return {
    name,
    pid: child.pid ?? 0,
    prepare: async () => undefined,
    async send(range) {
      const startedMs = performance.now()
      child.stdin.write(`${JSON.stringify(range)}\n`)
      await lines.next()
      return performance.now() - startedMs
    },
    rest: async () => undefined,
    end: () => child.stdin.end(),
  }
}
