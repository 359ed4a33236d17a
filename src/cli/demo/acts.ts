/**
 * What happens to the campaigns while they run: a worker is killed in the middle of mails and started again, a campaign is paused and
 * resumed, and whatever is in doubt afterwards is settled by evidence. Each act goes through the same functions as the commands.
 */
// date: the recorder's times are the machine's
import { setTimeout as wait } from 'node:timers/promises'
import { pauseCampaign, resumeCampaign } from '../../campaigns/pause.ts'
import type { Database } from '../../database/pool.ts'
import { resolveDoubt } from '../../delivery/resolve-doubt.ts'
import { readDoubts, type Doubt } from '../../reports/doubts.ts'
import type { Crew } from './crew.ts'
import { readCampaignStates, readLiveAttempts, type LiveAttempt } from './ledger.ts'
import type { LeadList } from './lists.ts'
import type { Recorder } from './recorder.ts'
import type { Screen } from './screen.ts'
import { until } from './until.ts'

export interface Stage {
  database: Database
  recorder: Recorder
  crew: Crew
  screen: Screen
  lists: readonly LeadList[]
  /** By message. */
  doubts: Map<number, DoubtSeen>
}

/** A doubt that there was, and what became of it: resolved as sent by evidence, or settled by a late answer. */
export interface DoubtSeen {
  doubt: Doubt
  end: 'open' | 'evident' | 'answered'
}

/** When so many mails are recorded, or so large a part of today's. */
const KILL_AFTER = { mails: 24, part: 0.2 }
const PAUSE_AFTER = { mails: 90, part: 0.45 }
/** A list of so many leads lasts until the kill. */
const LARGE_LIST = 30
/** Nothing that the acts wait for takes longer; then they go on without. */
const LONGEST_ACT_MS = 60_000
const ALONE_MS = 2500
const PAUSED_MS = 4000

/** Plays all acts, one after the other. */
export async function play(stage: Stage): Promise<void> {
  await untilRecorded(stage, KILL_AFTER)
  await killAndRestart(stage)
  await untilRecorded(stage, PAUSE_AFTER)
  await pauseAndResume(stage)
}

/** Settles doubts as a person would who finds the mail in the Sent folder; true when there is nothing more to settle. */
export async function settleDoubts({ database, recorder, screen, doubts }: Stage): Promise<boolean> {
  const open = (await readDoubts(database)).filter(({ contradiction }) => contradiction === null)
  for (const doubt of open) if (!doubts.has(doubt.id)) doubts.set(doubt.id, { doubt, end: 'open' })
  const isEvident = ({ rfc_message_id: id }: Doubt): boolean => recorder.mails.some(({ messageId }) => messageId === id)
  for (const entry of doubts.values()) {
    const { id, recipient, resolvable_at: resolvableAt } = entry.doubt
    if (entry.end === 'open' && !open.some((doubt) => doubt.id === id)) entry.end = 'answered'
    if (entry.end !== 'open' || !isEvident(entry.doubt) || resolvableAt.epochMilliseconds > Date.now()) continue
    await resolveDoubt(database, id, { as: 'sent' })
    entry.end = 'evident'
    screen.tell(
      `Message ${id} to ${recipient}: its attempt cannot be alive any more, and the recorder has its Message-ID.`,
    )
    screen.tell(`That is evidence: resolved as sent (goniec doubt resolve ${id} --as sent).`)
  }
  return [...doubts.values()].every(({ doubt, end }) => end !== 'open' || !isEvident(doubt))
}

async function untilRecorded(
  { database, recorder }: Stage,
  { mails, part }: { mails: number; part: number },
): Promise<void> {
  await until(
    async () => {
      const today = (await readCampaignStates(database)).reduce(
        (sum, state) => sum + state.sent + state.inDoubt + state.open,
        0,
      )
      return recorder.mails.length >= Math.min(mails, today * part) ? true : undefined
    },
    { everyMs: 100, atMostMs: LONGEST_ACT_MS },
  )
}

async function killAndRestart(stage: Stage): Promise<void> {
  const { database, recorder, crew, screen } = stage
  holdSome(stage)
  const victim = await findVictim(stage)
  await crew.kill(victim)
  // What it had in its hands at its last moment stands in the ledger until somebody recovers it.
  const left = (await readLiveAttempts(database)).filter(({ worker }) => worker === victim)
  recorder.release()
  tellOfTheDead(screen, victim, left, recorder)
  const before = recorder.mails.length
  await wait(ALONE_MS)
  const others = crew.names.filter((name) => crew.isWorking(name))
  screen.tell(`Meanwhile ${others.join(' and ')} went on alone: ${recorder.mails.length - before} mails.`)
  const pid = await crew.start(victim)
  await until(async () => ((await isRecovered(database, left)) ? true : undefined), { atMostMs: 20_000 })
  screen.tell(
    `${victim} is back (process ${pid}), and has recovered what it left: by what was written down, nothing is guessed.`,
  )
  await tellOfTheRecovered(stage, left)
}

/** At the kill some mails shall be before the wire, and some beyond it, where the answer is out: the recorder is slow with its answers. */
function holdSome({ recorder, lists }: Stage): void {
  const large = lists.filter(({ addresses }) => addresses.length >= LARGE_LIST)
  const [beyond = new Set(), before = new Set()] = large.map(({ addresses }) => new Set(addresses))
  recorder.hold(({ to }) => {
    if (beyond.has(to) === before.has(to)) return undefined
    return beyond.has(to) ? 'dot' : 'rcpt'
  })
}

/** A worker with mails at both places; after a while one with a mail beyond the dot; after a longer one, anyone. */
async function findVictim({ database, recorder, crew }: Stage): Promise<string> {
  const begunMs = performance.now()
  const found = await until(
    async () => {
      const hands = Map.groupBy(await readLiveAttempts(database), ({ worker }) => worker)
      const has = (name: string, stage: 'rcpt' | 'dot'): boolean =>
        (hands.get(name) ?? []).some((attempt) => isHeld(attempt, stage, recorder))
      const inDoubt = crew.names.filter((name) => has(name, 'dot'))
      const both = inDoubt.find((name) => has(name, 'rcpt'))
      return both ?? (performance.now() - begunMs > 2500 ? inDoubt[0] : undefined)
    },
    { everyMs: 30, atMostMs: 5000 },
  )
  return found ?? crew.names[0] ?? ''
}

function isHeld(attempt: LiveAttempt, stage: 'rcpt' | 'dot', { held }: Recorder): boolean {
  return held.some((mail) => {
    if (mail.stage !== stage) return false
    return stage === 'dot'
      ? mail.messageId === attempt.messageId
      : mail.to === attempt.recipient && mail.from === attempt.mailbox
  })
}

function tellOfTheDead(screen: Screen, victim: string, left: readonly LiveAttempt[], recorder: Recorder): void {
  screen.tell(`${victim} is killed (SIGKILL) with ${count(left.length, 'mail')} in its hands:`)
  for (const { state, recipient, campaign, messageId } of left) {
    const hasArrived = recorder.mails.some((mail) => mail.messageId === messageId)
    const where =
      state === 'claimed'
        ? 'nothing of its content was on the wire'
        : `it was on the wire${hasArrived ? ', the recorder has it, and its answer was never heard' : ''}`
    screen.tell(`  ${campaign} → ${recipient}: ${where}`)
  }
}

async function isRecovered(database: Database, left: readonly LiveAttempt[]): Promise<boolean> {
  const live = new Set((await readLiveAttempts(database)).map(({ id }) => id))
  return !left.some(({ id }) => live.has(id))
}

async function tellOfTheRecovered(stage: Stage, left: readonly LiveAttempt[]): Promise<void> {
  const { database, screen } = stage
  await settleDoubts(stage)
  const inDoubt = new Map((await readDoubts(database)).map((doubt) => [doubt.id, doubt]))
  for (const { message, recipient } of left) {
    const doubt = inDoubt.get(message)
    if (!doubt) screen.tell(`  ${recipient}: surely not sent; back in the queue`)
    else {
      const seconds = Math.ceil((doubt.resolvable_at.epochMilliseconds - Date.now()) / 1000)
      screen.tell(`  ${recipient}: nobody can know whether it was accepted. In doubt, and not sent again on its own.`)
      screen.tell(
        `  In ${seconds} s its attempt cannot be alive any more; then a person may decide (message ${message}).`,
      )
    }
  }
}

async function pauseAndResume({ database, recorder, screen, lists }: Stage): Promise<void> {
  const open = (await readCampaignStates(database)).filter(({ status }) => status === 'running')
  const [longest] = open.toSorted((a, b) => b.open - a.open)
  if (longest === undefined || longest.open === 0) return
  const { name } = longest
  const { alreadyPassed } = await pauseCampaign(database, name)
  const pausedAtMs = Date.now()
  const passed =
    alreadyPassed === 0 ? 'nothing of it is on the wire' : `${count(alreadyPassed, 'mail')} had passed already`
  screen.tell(`${name} is paused (goniec campaign pause ${name}): ${passed}.`)
  await wait(PAUSED_MS)
  const addresses = new Set(addressesOnlyOf(lists, name))
  const since = recorder.mails.filter(({ to, contentAtMs }) => addresses.has(to) && contentAtMs > pausedAtMs).length
  await resumeCampaign(database, name)
  screen.tell(
    `In ${PAUSED_MS / 1000} s the recorder had ${count(since, 'mail')} of it. Resumed: it goes on where it stopped.`,
  )
}

/** Without those who are in two campaigns: of their mails the envelope does not tell which it is. */
function addressesOnlyOf(lists: readonly LeadList[], name: string): string[] {
  const others = new Set(lists.filter(({ campaign }) => campaign !== name).flatMap(({ addresses }) => addresses))
  const own = lists.find(({ campaign }) => campaign === name)?.addresses ?? []
  return own.filter((address) => !others.has(address))
}

function count(number: number, word: string): string {
  return `${number === 0 ? 'no' : number} ${word}${number === 1 ? '' : 's'}`
}
