/** The mail server of one run: fails as its course says, keeps the witness of it, and records what it accepts before it says so. */
import type { Certificate } from '../../tests/smtp/certificate.ts'
import type { FaultConnection } from '../../tests/smtp/fault-connection.ts'
import { type Fault, type FaultServer, type Plan, reply, startFaultServer } from '../../tests/smtp/fault-server.ts'
import { Random } from '../../tests/simulation/random.ts'
import type { Oracle } from '../oracle.ts'
import type { Course } from './course.ts'
import { faultStageOf } from './stages.ts'

export interface Peer {
  server: FaultServer
  /** What it did, once for each try that met it: who gets no EHLO through says HELO, and meets it again. */
  strikes: ReadonlyMap<string, string>
}

/** Starts it. */
export async function startPeer(course: Course, oracle: Oracle, certificate: Certificate): Promise<Peer> {
  const strikes = new Map<string, string>()
  const planOf = planner(course, strikes)
  const random = new Random('pieces', course.seed)
  const server = await startFaultServer({
    plan: planOf,
    pipelining: course.pipelining,
    auth: true,
    pieces: (usual) => cut(usual, course, random),
    onAccept: oracle.accept,
    ...(course.security === 'starttls' ? { certificate } : {}),
  })
  return { server, strikes }
}

/** The fault is met by the first dialogues, or by the second mail of the first connection; whatever comes later goes well. */
function planner(course: Course, strikes: Map<string, string>): (connection: number, mail: number) => Plan {
  const plan = planOf(course, strikes)
  const struck = new Set<string>()
  return (connection, mail) => {
    if (course.stage === 'next-mail') return connection === 0 && mail === 1 ? plan : {}
    if (course.stage === 'quit') return connection === 0 ? plan : {}
    if (struck.size < course.strikes) struck.add(`${connection}/${mail}`)
    return struck.has(`${connection}/${mail}`) ? plan : {}
  }
}

function planOf({ stage, deed, taken }: Course, strikes: Map<string, string>): Plan {
  const witnessed: Fault = async (connection) => {
    strikes.set(`${connection.index}/${connection.mails.length}`, witness(connection, stage, deed.what))
    if (taken) connection.accept()
    await deed.act(connection)
  }
  // RSET comes behind a recipient that was refused.
  const before: Plan = stage === 'rset' ? { rcpt: reply('450 4.2.1 Mailbox busy') } : {}
  return { ...before, [faultStageOf(stage)]: witnessed }
}

function witness({ index, commands, mails }: FaultConnection, stage: string, what: string): string {
  const heard = commands.at(-1)?.slice(0, 60) ?? 'nothing yet'
  return `${stage}, connection ${index + 1}, mail ${Math.max(1, mails.length)}, after "${heard}": ${what}`
}

function cut(usual: string, { pieces, piecesApartMs }: Course, random: Random): { bytes: string; afterMs: number }[] {
  const at = Array.from({ length: pieces - 1 }, () => random.int(1, usual.length - 1)).sort((a, b) => a - b)
  return [0, ...at].map((from, index) => ({
    bytes: usual.slice(from, at[index] ?? usual.length),
    afterMs: index === 0 ? 0 : piecesApartMs,
  }))
}
