/**
 * SPF of a sending domain (RFC 7208): one record, that says what becomes of servers it does not name, and that a receiver can evaluate: more
 * than ten look-ups, or an include that is not there, make it void. Whether the mailbox's server is among those it names is not checked:
 * a provider sends from other addresses than the one that takes the login.
 */
import { notTried, ok, problem, warning, type Checked } from './checked.ts'
import type { Names } from './names.ts'

/** RFC 7208 §4.6.4 */
const MOST_LOOKUPS = 10

/** One check, whatever it finds. */
export async function checkSpf(names: Names, domain: string): Promise<Checked> {
  const name = `SPF of ${domain}`
  const answer = await names.txt(domain)
  if ('unasked' in answer) return notTried(name, answer.unasked)
  const found = spfRecords(answer.records)
  const [record, second] = found
  if (record === undefined) {
    const todo = `a TXT record at ${domain}, as the mail provider gives it: for Google v=spf1 include:_spf.google.com ~all`
    const text = answer.known
      ? 'there is no record: receivers cannot tell its mails from forged ones'
      : 'the name server knows no such domain'
    return problem(name, text, todo)
  }
  if (second !== undefined) {
    const todo = 'make one record of them: all their parts, and one "all" at the end'
    return problem(name, `there are ${found.length} records, and receivers take none of several`, todo)
  }
  const walk = { lookups: 0, missing: [], unasked: [], wrong: [] }
  const all = await follow(names, record, walk)
  return judge(domain, record, { ...walk, all })
}

interface Walk {
  lookups: number
  /** What is included and has no record, or several. */
  missing: string[]
  unasked: string[]
  /** Words that are none of SPF's. */
  wrong: string[]
}

/** RFC 7208 §5 and §6: what a record is made of. A modifier that nobody knows is passed over, a mechanism that nobody knows makes it void. */
const TERM =
  /^(?:[-~?+]?(?:all|(?:include|exists):\S+|(?:a|mx)(?::[^\s/]+)?(?:\/\d+)?(?:\/\/\d+)?|ptr(?::\S+)?|ip4:\d+(?:\.\d+){3}(?:\/\d+)?|ip6:[\da-f:.]+(?:\/\d+)?)|[a-z][\w.-]*=\S*)$/

function spfRecords(records: readonly string[]): string[] {
  return records.filter((record) => /^v=spf1( |$)/i.test(record))
}

/** Counts look-ups as a receiver does, includes of includes among them; returns the "all" that counts, also behind a redirect. */
async function follow(names: Names, record: string, walk: Walk): Promise<string | null> {
  const terms = record.toLowerCase().split(/ +/).slice(1)
  walk.wrong.push(...terms.filter((term) => term !== '' && !TERM.test(term)))
  const all = terms.find((term) => /^[-~?+]?all$/.test(term)) ?? null
  const evaluated = all === null ? terms : terms.slice(0, terms.indexOf(all))
  for (const term of evaluated) {
    if (walk.lookups > MOST_LOOKUPS) return all
    const [, mechanism = '', target] = /^[-~?+]?(include|a|mx|ptr|exists)(?:[:/](.*))?$/.exec(term) ?? []
    if (mechanism === '') continue
    walk.lookups += 1
    if (mechanism === 'include' && target !== undefined) await enter(names, target, walk)
  }
  const redirect = terms.find((term) => term.startsWith('redirect='))?.slice('redirect='.length)
  if (all !== null || redirect === undefined || walk.lookups > MOST_LOOKUPS) return all
  walk.lookups += 1
  return enter(names, redirect, walk)
}

/** A name with a macro depends on the mail, and cannot be asked for here. */
async function enter(names: Names, target: string, walk: Walk): Promise<string | null> {
  if (target.includes('%')) return null
  const answer = await names.txt(target)
  if ('unasked' in answer) {
    walk.unasked.push(target)
    return null
  }
  const [record, second] = spfRecords(answer.records)
  if (record !== undefined && second === undefined) return follow(names, record, walk)
  walk.missing.push(target)
  return null
}

function judge(
  domain: string,
  record: string,
  { lookups, missing, unasked, wrong, all }: Walk & { all: string | null },
): Checked {
  const name = `SPF of ${domain}`
  if (wrong.length > 0) {
    const text = `"${wrong.join('", "')}" is no word of SPF: receivers take all of it for void (${record})`
    return problem(name, text, 'correct it, as the mail provider gives it')
  }
  if (missing.length > 0) {
    const text = `it includes ${missing.join(', ')}, where there is no single SPF record: receivers take all of it for void (${record})`
    return problem(name, text, 'take the include out, or correct its name')
  }
  if (lookups > MOST_LOOKUPS) {
    const text = `it needs more than ${MOST_LOOKUPS} look-ups, and receivers take it for void (${record})`
    return problem(name, text, 'take out includes that are not used any more')
  }
  if (unasked.length > 0) return notTried(name, `${unasked.join(', ')}, which it includes, could not be asked for`)
  if (all === '-all' || all === '~all') return ok(name, record)
  const todo = 'end it with ~all, or with -all'
  if (all === '?all') return warning(name, `it says nothing of servers that it does not name (${record})`, todo)
  if (all === null)
    return warning(
      name,
      `it has no "all" at its end, and says nothing of servers that it does not name (${record})`,
      todo,
    )
  return problem(name, `it lets every server in the world send for ${domain} (${record})`, todo)
}
