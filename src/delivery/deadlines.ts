/**
 * How long each part of an SMTP dialogue may take. Before the fence the limits are our own, and short, since nothing is lost by
 * them; behind it they are those of RFC 5321 §4.5.3.2. They are wall limits on a phase as a whole, not on silence, so that a
 * server which drips one byte a second ends too. Tests shrink them together.
 */
import { formatDuration } from '../time.ts'

export interface Deadlines {
  /** Each phase before the fence: connect, TLS, greeting, EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA. */
  phaseMs: number
  /** All phases before the fence together, the fence itself included. */
  beforeFenceMs: number
  /** From asking the fence to releasing the final dot: later than that, the mail is not completed. */
  dotWithinMs: number
  /** One block of content, behind the fence. */
  blockMs: number
  /** The reply to the final dot. */
  dotMs: number
  /** An attempt as a whole, from its claim: beyond this no dialogue of it is alive in a process that runs. */
  attemptMs: number
  /** How long a connection is kept for the mailbox's next mail. */
  idleMs: number
}

export const defaultDeadlines: Deadlines = {
  phaseMs: 30_000,
  beforeFenceMs: 120_000,
  dotWithinMs: 60_000,
  blockMs: 180_000,
  dotMs: 600_000,
  attemptMs: 900_000,
  idleMs: 10_000,
}

/** What does not fit in these deadlines and this lease, a sentence each; a worker refuses to run unless there is none. */
export function checkDeadlines(deadlines: Deadlines, leaseMs: number): string[] {
  const problems: string[] = []
  const positive = (['phaseMs', 'beforeFenceMs', 'dotWithinMs', 'blockMs', 'dotMs', 'attemptMs'] as const).filter(
    (name) => !(deadlines[name] > 0 && deadlines[name] <= LONGEST_TIMER_MS),
  )
  for (const name of positive) problems.push(`${name} is ${deadlines[name]}; it must be above 0 and below 24 days`)
  if (deadlines.phaseMs > deadlines.beforeFenceMs) {
    problems.push(
      `one phase (${show(deadlines.phaseMs)}) may not last longer than all before the fence (${show(deadlines.beforeFenceMs)})`,
    )
  }
  if (deadlines.beforeFenceMs >= leaseMs) {
    problems.push(
      `all before the fence (${show(deadlines.beforeFenceMs)}) must be shorter than the lease (${show(leaseMs)})`,
    )
  }
  if (deadlines.dotWithinMs >= leaseMs) {
    problems.push(
      `the time from fence to dot (${show(deadlines.dotWithinMs)}) must be shorter than the lease (${show(leaseMs)})`,
    )
  }
  const longest = deadlines.beforeFenceMs + deadlines.dotWithinMs + deadlines.dotMs
  if (deadlines.attemptMs < longest) {
    problems.push(
      `an attempt (${show(deadlines.attemptMs)}) must be given at least what its parts take together (${show(longest)})`,
    )
  }
  return problems
}

/** Node's timers fire at once beyond 2^31 milliseconds. */
const LONGEST_TIMER_MS = 2_147_483_647

function show(ms: number): string {
  return formatDuration(ms)
}
