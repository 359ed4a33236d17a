/** Faults of the way to the server: connections are cut, packets are lost, late, or vanish in silence. */
import type { Fault, Scene } from './scene.ts'

const ANYWHERE = ['request', 'sent', 'reply'] as const

/** The server ends the session, or all sessions of the worker. */
const terminated: Fault = {
  name: 'terminated',
  at: ANYWHERE,
  async strike({ stage, caught, random }) {
    const all = random.chance(0.5)
    // Materialized: the server may ask conditions in any order, and would end the session that asks.
    const ended = await stage.ask(
      `with
       sessions as materialized (
         select pid from pg_stat_activity
         where (pid = $1 or $2) and usename = 'worker' and application_name like 'goniec %'
       )
       select pid from sessions where pg_terminate_backend(pid)`,
      [caught.pid, all],
    )
    caught.release()
    return `${ended.length} sessions were terminated, ${all ? 'all of the worker' : 'that of the statement'}`
  },
}

/** A TCP reset on this connection, or on all. */
const reset: Fault = {
  name: 'reset',
  at: ANYWHERE,
  async strike({ stage, caught, random }) {
    const all = random.chance(0.5)
    const count = all ? stage.proxy.links.length : 1
    if (all) stage.proxy.resetAll()
    else caught.link.reset()
    return `${count} connections were reset`
  },
}

/** The server never had it, and the worker does not know. */
const requestLost: Fault = {
  name: 'request-lost',
  at: ['request'],
  async strike({ caught }) {
    caught.link.reset()
    return 'it was swallowed on its way to the server, and its connection reset'
  },
}

/** The server has done it, and the worker does not know. */
const replyLost: Fault = {
  name: 'reply-lost',
  at: ['reply'],
  async strike({ caught }) {
    caught.link.reset()
    return `its answer, "${caught.answer}", was swallowed, and its connection reset`
  },
}

/** The worker has given it up, and then the server does it all the same. */
const requestLate: Fault = {
  name: 'request-late',
  at: ['request'],
  async strike(scene) {
    const { caught, random } = scene
    caught.link.orphan()
    const waits = random.int(0, 2)
    for (let retries = 0; retries < waits; retries += 1) await nextOf(scene)
    caught.release()
    const answer = await caught.answered
    caught.link.end()
    await leaseOver(scene)
    return `the worker gave it up; the server did it ${waits} statements later: "${answer}"`
  },
}

/** Nothing passes any more on this connection, or on none, and nobody is told. */
const silent: Fault = {
  name: 'silent',
  at: ['request', 'reply'],
  async strike({ stage, caught, random }) {
    const all = random.chance(0.5)
    if (!all) {
      caught.link.silence()
      await caught.link.closed
      return 'its connection fell silent, and the worker let go of it'
    }
    stage.proxy.mute = true
    stage.proxy.silenceAll()
    const { links } = stage.proxy
    const session = links.find(({ application }) => application === 'goniec worker session')
    await (session ?? caught.link).closed
    stage.proxy.mute = false
    return `${links.length} connections fell silent, and the worker let go of its session`
  },
}

/** Every answer takes longer, but not too long. */
const slow: Fault = {
  name: 'slow',
  at: ['request'],
  async strike({ stage, caught, random }) {
    stage.proxy.delayMs = random.int(50, 900)
    const before = stage.proxy.delayed
    caught.release()
    while (stage.proxy.delayed < before + 12) await stage.breathe()
    const told = `${stage.proxy.delayed - before} answers came ${stage.proxy.delayMs} ms late`
    stage.proxy.delayMs = 0
    return told
  },
}

/** This answer comes when the lease is long over. */
const tooSlow: Fault = {
  name: 'slower-than-lease',
  at: ['request', 'reply'],
  needs: {
    times: {
      GONIEC_LEASE: '2s',
      GONIEC_PHASE_DEADLINE: '1500ms',
      GONIEC_BEFORE_FENCE_DEADLINE: '1800ms',
      GONIEC_DOT_WITHIN: '1500ms',
      GONIEC_DATABASE_SILENCE: '20s',
    },
  },
  async strike(scene) {
    await scene.stage.ask('select pg_sleep(2.5)')
    scene.caught.release()
    return 'it was held up for 2.5 s; the lease is 2 s'
  },
}

export const NETWORK_FAULTS: readonly Fault[] = [
  terminated,
  reset,
  requestLost,
  replyLost,
  requestLate,
  silent,
  slow,
  tooSlow,
]

/** The worker asks the next thing of any kind, a sign that it has gone on. */
async function nextOf({ stage }: Scene): Promise<void> {
  await stage.proxy.catch({ fits: ({ application }) => application !== 'goniec engine', at: 'sent' })
}

/** What a late claim has taken belongs to nobody, and is free when its lease is over. */
async function leaseOver({ stage }: Scene): Promise<void> {
  await stage.until(
    `select where not exists (select from goniec.attempt where state = 'claimed' and lease_until > goniec.now())`,
  )
  await stage.ask(`select graphile_worker.add_job('recover')`)
}
