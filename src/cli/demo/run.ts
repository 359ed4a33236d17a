/**
 * The demo from its beginning to its end: premises, campaigns, workers, acts, count. All of it takes place on this machine, in this process
 * and its children, and nothing of it stays.
 */
// date: its beginning is told by the machine's clock, as the recorder's times are
import { setTimeout as wait } from 'node:timers/promises'
import { connectDatabase } from '../../database/pool.ts'
import type { Cli } from '../cli.ts'
import { play, settleDoubts, type Stage } from './acts.ts'
import { Crew } from './crew.ts'
import { tellTheEnd } from './epilogue.ts'
import { readCampaignStates, readFirstSent, readLedger, readTaken } from './ledger.ts'
import { readOwnList, type ReadList } from './lists.ts'
import { paint, summarise, type Moment } from './picture.ts'
import { openPremises, type Premises } from './premises.ts'
import { Recorder } from './recorder.ts'
import { openScreen, type Screen } from './screen.ts'
import { setUp, startCampaigns } from './set-up.ts'
import { countUp, isClean, type Tally } from './tally.ts'
import type { Terms } from './terms.ts'
import { until } from './until.ts'

export interface DemoOptions {
  /** The visitor's list. */
  leads?: string
  addressColumn?: string
  /** The recorder's port; 0: a free one. */
  port: number
}

/** Plays the demo. The last line on stdout is the tally as JSON; the exit code says whether it is clean. */
export async function runDemo(cli: Cli, options: DemoOptions): Promise<void> {
  const screen = openScreen(cli.output.wantsJson ? process.stderr : process.stdout)
  const own = options.leads === undefined ? undefined : await readOwnList(options.leads, options.addressColumn)
  const closers: (() => Promise<void>)[] = []
  let tally: Tally
  try {
    const recorder = new Recorder()
    await recorder.open(options.port)
    closers.push(() => recorder.close())
    const premises = await openPremises()
    closers.push(() => premises.close())
    const house: House = { screen, recorder, premises, own, closers }
    endOnSignal(cli, house)
    tellTheBeginning(cli, house, options)
    tally = await perform(house)
  } finally {
    screen.end()
    for (const close of closers) await close()
  }
  if (!isClean(tally)) cli.setExitCode(1)
  cli.output.line(JSON.stringify(tally))
}

interface House {
  screen: Screen
  recorder: Recorder
  premises: Premises
  own: ReadList | undefined
  /** What is to be ended, in this order. */
  closers: (() => Promise<void>)[]
}

function tellTheBeginning({ config, flags }: Cli, { screen, recorder, own }: House, { leads }: DemoOptions): void {
  screen.line(
    'Three campaigns from four mailboxes, by two workers, on a Postgres and a mail server of their own: all of it on this machine.',
  )
  screen.line(
    `Mails go to that server at 127.0.0.1:${recorder.port}, which records them and delivers nothing. Nothing stays behind.`,
  )
  if (config.databaseUrl !== undefined || config.embeddedDirectory !== undefined || flags.embedded !== undefined) {
    screen.line('The database that is set (DATABASE_URL, GONIEC_EMBEDDED, --embedded) is neither used nor touched.')
  }
  if (own === undefined) return
  const cut = own.cut ? 'the first ' : ''
  screen.line(
    `From ${leads} come ${cut}${own.rows.length} leads of the campaign "your-list"; its texts are made for your columns.`,
  )
  for (const { line, reason } of own.rejects.slice(0, 5)) screen.line(`  left out: line ${line}: ${reason}`)
  if (own.rejects.length > 5) screen.line(`  and ${own.rejects.length - 5} more lines`)
}

/** Leaving at once is no harm: what was begun is thrown away, and the guard sees to it. */
function endOnSignal(cli: Cli, { screen, premises }: House): void {
  const leave = (): void => {
    screen.end()
    screen.line('Interrupted: everything is stopped and removed.')
    void premises.close().then(() => process.exit(130))
  }
  cli.handleSignals(leave)
  process.on('SIGHUP', leave)
}

async function perform(house: House): Promise<Tally> {
  const { screen, recorder, premises, own, closers } = house
  const url = await premises.openDatabase()
  screen.tell('A Postgres server runs, with goniec’s schema.')
  const database = await connectDatabase(url, { name: 'demo', size: 6 })
  closers.unshift(() => database.close())
  const { terms, lists } = await setUp({
    database,
    screen,
    own,
    directory: premises.directory,
    recorderPort: recorder.port,
  })
  await startCampaigns(database, screen, terms)
  const crew = new Crew(url, premises)
  closers.unshift(() => crew.dismiss())
  await startWorkers(crew, screen)
  const stage: Stage = { database, recorder, crew, screen, lists, doubts: new Map() }
  await whileWatched(stage, terms, async () => {
    await play(stage)
    await untilIdle(stage)
  })
  await crew.dismiss()
  screen.end()
  return conclude(stage, terms, own !== undefined)
}

/** Counts, and tells. */
async function conclude(
  { database, recorder, screen, lists, doubts: seen }: Stage,
  terms: Terms,
  isOwn: boolean,
): Promise<Tally> {
  const [recorded, ledger, doubts] = [recorder.mails, await readLedger(database), [...seen.values()]]
  const tally = {
    ...countUp({ recorded, lists, ledger, terms }),
    doubts_resolved: doubts.filter(({ end }) => end === 'evident').length,
  }
  const taken = await readTaken(database)
  const ownMail = isOwn ? await readFirstSent(database, terms.campaigns[0]?.name ?? '') : undefined
  const seconds = screen.secondsPassed
  for (const line of ['', ...tellTheEnd({ tally, terms, recorded, ledger, taken, doubts, ownMail, seconds }), ''])
    screen.line(line)
  return tally
}

async function startWorkers(crew: Crew, screen: Screen): Promise<void> {
  const names = ['demo-1', 'demo-2']
  const pids = await Promise.all(names.map((name) => crew.start(name)))
  screen.tell(`Workers: ${names.map((name, i) => `${name} (process ${pids[i]})`).join(' and ')}.`)
}

/** Draws the picture over and over while the work lasts, and ends it where a worker has died by itself. */
async function whileWatched(stage: Stage, terms: Terms, work: () => Promise<void>): Promise<void> {
  const beganAtMs = Date.now() - stage.screen.secondsPassed * 1000
  const over = new AbortController()
  const watch = async (): Promise<void> => {
    while (!over.signal.aborted) {
      await startKilled(stage)
      const moment = await momentOf(stage, terms, beganAtMs)
      if (!over.signal.aborted) stage.screen.show(paint(moment), summarise(moment))
      await wait(REDRAW_MS)
    }
  }
  try {
    await Promise.race([work(), watch()])
  } finally {
    over.abort()
  }
}

/** The process numbers stand on the screen: somebody may want to see for himself. */
async function startKilled({ crew, screen }: Stage): Promise<void> {
  for (const name of crew.check()) {
    screen.tell(`${name} was killed by somebody else; it is started again.`)
    await crew.start(name)
  }
}

const REDRAW_MS = 250

async function momentOf({ database, recorder, crew }: Stage, terms: Terms, beganAtMs: number): Promise<Moment> {
  return {
    campaigns: await readCampaignStates(database),
    workers: crew.names.map((name) => ({ name, works: crew.isWorking(name) })),
    recorded: recorder.mails,
    terms,
    secondsOf: ({ acceptedAtMs }) => (acceptedAtMs - beganAtMs) / 1000,
  }
}

/** A machine that is too busy to send all of it by then has not lost anything; but the demo is to end. */
const LONGEST_MS = 150_000

async function untilIdle(stage: Stage): Promise<void> {
  const look = async (): Promise<true | undefined> => {
    const isSettled = await settleDoubts(stage)
    const campaigns = await readCampaignStates(stage.database)
    return isSettled && campaigns.every(({ open }) => open === 0) ? true : undefined
  }
  if (await until(look, { everyMs: 250, atMostMs: LONGEST_MS })) return
  stage.screen.tell('Not all of today’s mails have gone out in time on this machine; the demo ends here all the same.')
}
