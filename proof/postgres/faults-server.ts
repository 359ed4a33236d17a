/** Faults of the server: it dies, restarts, is full, takes no writes, or is replaced by its standby. */
import { Client } from 'pg'
import { clientConfig } from '../../src/database/pool.ts'
import { promoted, WAIT_FAULTS } from './faults-wait.ts'
import type { Fault, Scene } from './scene.ts'
import type { Complaint } from './proxy.ts'

const ANYWHERE = ['request', 'sent', 'reply'] as const

/** SIGKILL for all of it at once, as a machine that loses power or memory does it; or an immediate stop. */
const killed: Fault = {
  name: 'killed',
  at: ANYWHERE,
  async strike(scene) {
    const { stage, caught, random } = scene
    const how = random.chance(0.5)
      ? `SIGKILL for ${(await stage.cluster.kill()).length} server processes`
      : 'an immediate stop'
    if (how === 'an immediate stop') await stage.cluster.stop('immediate')
    if (random.chance(0.5)) await isAwayFor(scene)
    await stage.cluster.start()
    caught.release()
    const log = await stage.cluster.log()
    const recoveries = log.split('database system was not properly shut down').length - 1
    return `${how}; the server's log has ${recoveries} crash recoveries`
  },
}

/** As an administrator does it, or an upgrade. */
const restarted: Fault = {
  name: 'restarted',
  at: ANYWHERE,
  async strike(scene) {
    const { stage, caught, random } = scene
    await stage.cluster.stop('fast')
    if (random.chance(0.3)) await isAwayFor(scene)
    await stage.cluster.start()
    caught.release()
    const stops = (await stage.cluster.log()).split('received fast shutdown request').length - 1
    return `the server's log has ${stops} fast shutdowns`
  },
}

/** Every place is taken, by others, when the worker has to connect anew. */
const tooManyConnections: Fault = {
  name: 'too-many-connections',
  at: ANYWHERE,
  async strike({ stage, caught, random }) {
    const others: Client[] = []
    const before = stage.proxy.complaints.length
    const wasRefused = (): Complaint | undefined =>
      stage.proxy.complaints.slice(before).find(({ code }) => code === '53300')
    const wanted = random.int(1, 5)
    try {
      await fillUp(stage.cluster.workerUrl(stage.cluster.port), others)
      await terminateWorker(stage)
      caught.release()
      for (let refused = 0; refused < wanted || !wasRefused(); refused += 1) {
        await fillUp(stage.cluster.workerUrl(stage.cluster.port), others)
        await stage.breathe()
      }
      return `${others.length} others are connected; the worker was told "${wasRefused()?.text}"`
    } finally {
      await Promise.all(others.map((other) => other.end()))
    }
  },
}

/** Full to the last byte: statements that want room fail, and the server dies when it finds none for its log. */
const diskFull: Fault = {
  name: 'disk-full',
  at: ['request'],
  needs: { smallDisk: true },
  async strike({ stage, caught, random }) {
    const { disk, cluster } = stage
    if (!disk) throw new RangeError('this stage has a small disk')
    const complaints = async (): Promise<number> => (await cluster.log()).split('No space left on device').length - 1
    const before = await complaints()
    const filled = await disk.fill()
    caught.release()
    // Something has to be written: mails that come in, if nothing else.
    const writes = random.chance(0.5)
      ? 'select pg_switch_wal()'
      : `select pg_logical_emit_message(false, 'proof', repeat('x', 2000000))`
    cluster.database.query(writes).catch(() => undefined)
    while ((await complaints()) === before) await stage.breathe()
    for (let moments = random.int(0, 20); moments > 0; moments -= 1) await stage.breathe()
    await disk.free()
    await stage.untilServed()
    const log = await cluster.log()
    return `${filled} bytes filled the disk; the server's log has "No space left on device" ${(await complaints()) - before} times, ${log.split('PANIC').length - 1} panics so far`
  },
}

/** It answers, and takes no writes: as after a failover that has only half happened. */
const readOnly: Fault = {
  name: 'read-only',
  at: ['request'],
  async strike({ stage, caught, random }) {
    const before = stage.proxy.complaints.length
    await stage.cluster.set('default_transaction_read_only', 'on')
    await stage.until(`select where current_setting('default_transaction_read_only') = 'on'`)
    caught.release()
    if (random.chance(0.3)) stage.proxy.resetAll()
    const refused = await refusedWrites(stage, before)
    await stage.cluster.set('default_transaction_read_only', null)
    return `the worker was told "${refused.text}"`
  },
}

/** The address leads to a standby that follows, and back. */
const standby: Fault = {
  name: 'standby',
  at: ANYWHERE,
  needs: { standby: 'asynchronous' },
  async strike({ stage, caught }) {
    const before = stage.proxy.complaints.length
    if (!stage.standby) throw new RangeError('this stage has a standby')
    stage.proxy.target = stage.standby.port
    stage.proxy.resetAll()
    caught.release()
    const refused = await refusedWrites(stage, before)
    stage.proxy.target = stage.cluster.port
    stage.proxy.resetAll()
    return `the worker was told "${refused.text}"`
  },
}

/** The primary dies, its synchronous standby is promoted, and the address leads there. */
const promotion: Fault = {
  name: 'promotion',
  at: ANYWHERE,
  needs: { standby: 'synchronous' },
  async strike(scene) {
    const { stage, caught, random } = scene
    const pids = await stage.cluster.kill()
    if (random.chance(0.5)) await isAwayFor(scene)
    await stage.failOver()
    caught.release()
    return `${pids.length} processes of the primary were killed; ${await promoted(scene)}`
  },
}

export const SERVER_FAULTS: readonly Fault[] = [
  killed,
  restarted,
  tooManyConnections,
  diskFull,
  readOnly,
  standby,
  promotion,
  ...WAIT_FAULTS,
]

/** The worker has noticed. */
async function isAwayFor({ stage, since }: Scene): Promise<void> {
  await stage.line(({ msg }) => msg.startsWith('the database is away'), since)
}

async function terminateWorker(stage: Scene['stage']): Promise<void> {
  await stage.ask(
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'goniec %' and application_name <> 'goniec other' and usename = 'worker'`,
  )
}

/** Connects as often as the server allows it. */
async function fillUp(url: string, connected: Client[]): Promise<void> {
  for (;;) {
    const client = new Client(clientConfig(url, { name: 'other' }))
    client.on('error', () => undefined)
    try {
      await client.connect()
      connected.push(client)
    } catch {
      return
    }
  }
}

async function refusedWrites(stage: Scene['stage'], since: number): Promise<Complaint> {
  for (;;) {
    const refused = stage.proxy.complaints.slice(since).find(({ code }) => code === '25006')
    if (refused) return refused
    // Whatever the worker was at may write nothing; a plan always does.
    for (const one of [stage.cluster, stage.standby])
      await one?.database.query(`select pg_notify('goniec', 'plan')`).catch(() => undefined)
    await stage.breathe()
  }
}
