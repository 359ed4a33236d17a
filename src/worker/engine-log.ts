import { Logger as GraphileLogger } from 'graphile-worker'
import type { Logger } from '../log.ts'

/** graphile's own lines are of interest only when something is wrong. */
export function quietLogger(log: Logger): GraphileLogger {
  return new GraphileLogger(() => (level, message) => {
    if (level === 'error') log.error({ engine: message }, 'engine')
    else if (level === 'warning') log.warn({ engine: message }, 'engine')
    else log.trace({ engine: message }, 'engine')
  })
}
