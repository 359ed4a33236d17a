import type { Brakeable } from '../../campaigns/brake.ts'
import { GoniecError } from '../../errors.ts'

/** The flags of `goniec pause` and `goniec resume`. */
export interface BrakeOptions {
  all?: boolean
  salesperson?: string
}

/** What is meant: exactly one of the two. */
export function parseBrakeable(verb: 'pause' | 'resume', { all = false, salesperson }: BrakeOptions): Brakeable {
  if (all && salesperson === undefined) return { all: true }
  if (!all && salesperson !== undefined) return { salesperson }
  const problem = all
    ? '--all and --salesperson exclude each other'
    : `say what to ${verb}: --all, or --salesperson ADDRESS`
  throw new GoniecError('usage', problem, {
    hint: `goniec ${verb} --help; a campaign: goniec campaign ${verb} NAME`,
    exitCode: 2,
  })
}

/** As sentences speak of it. */
export function describeBrakeable(what: Brakeable): string {
  return 'all' in what ? 'everything' : `all mails of ${what.salesperson}`
}
