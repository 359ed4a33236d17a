/** The `domain_limits` of a definition file: one limit for every recipient domain, and others for those that are named. */
import { z } from 'zod'
import { normaliseDomain } from '../../leads/address.ts'
import type { DomainLimit } from './definition.ts'
import { expected, keyed, leaf, listOf, Mistake, type Report, rule } from './keyed.ts'
import { wholeNumber } from './values.ts'

/** `off`, or without any limit: no domain is limited. */
export function domainLimits() {
  return z.preprocess(
    (value) => (value === 'off' ? {} : value),
    keyed({
      ...limits(),
      except: listOf('exceptions', keyed({ domains: listOf('domains', domain()), ...limits() }))
        .check(rule(eachOnce))
        .optional(),
    }),
  )
}

/** As they are stored: `*` is every domain that is not named. By name, so that the order of the file changes nothing. */
export function domainLimitsOf({ daily_limit, hourly_limit, except = [] }: DomainLimitsData): DomainLimit[] {
  const general = limitOf('*', { daily_limit, hourly_limit })
  const named = except.flatMap(({ domains, ...given }) => domains.map((name) => limitOf(name, given)))
  // Without a limit for all, a name without one says nothing.
  return [general, ...named]
    .filter(({ domain, ...own }) => (domain === '*' ? isLimited(own) : isLimited(general) || isLimited(own)))
    .sort((a, b) => (a.domain < b.domain ? -1 : 1))
}

function limits() {
  return { daily_limit: wholeNumber(0).optional(), hourly_limit: wholeNumber(0).optional() }
}

function domain() {
  return leaf((value) => {
    if (typeof value !== 'string') return expected('a domain such as gmail.com', value)
    if (value.includes('@'))
      return new Mistake('what is meant is a domain, what stands behind the @, such as gmail.com')
    const result = normaliseDomain(value)
    return result.problem === undefined ? result.domain : new Mistake(result.problem)
  })
}

function eachOnce(exceptions: { domains?: unknown }[], report: Report): void {
  const firsts = new Map<string, (string | number)[]>()
  for (const [i, exception] of exceptions.entries()) {
    const domains: unknown[] = Array.isArray(exception?.domains) ? exception.domains : []
    for (const [j, name] of domains.entries()) {
      if (typeof name !== 'string') continue
      const at = [i, 'domains', j]
      const first = firsts.get(name)
      if (first === undefined) firsts.set(name, at)
      else report(at, `domain ${name} is there twice`, first)
    }
  }
}

function limitOf(
  name: string,
  {
    daily_limit: dailyLimit,
    hourly_limit: hourlyLimit,
  }: { daily_limit?: number | undefined; hourly_limit?: number | undefined },
): DomainLimit {
  return { domain: name, dailyLimit: dailyLimit ?? null, hourlyLimit: hourlyLimit ?? null }
}

function isLimited({ dailyLimit, hourlyLimit }: Omit<DomainLimit, 'domain'>): boolean {
  return dailyLimit !== null || hourlyLimit !== null
}

type DomainLimitsData = z.output<ReturnType<typeof domainLimits>>
