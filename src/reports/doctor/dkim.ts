/**
 * DKIM of a sending domain (RFC 6376): the public key that signatures are checked with. Under which selector it stands, only the one who
 * signs knows: the mail provider, not goniec. So common ones are tried; that a key is there does not prove that mails are signed with it.
 */
import { notTried, ok, problem, warning, type Checked } from './checked.ts'
import type { Answer, Names } from './names.ts'

/** Google's, Microsoft's two, and what others often take. */
const COMMON = ['google', 'selector1', 'selector2', 'default', 'dkim', 'mail', 's1', 's2', 'k1']

const PROOF = 'only a delivered mail proves it: look for dkim=pass in its Authentication-Results'

/** One check, whatever it finds. `selectors`: those that are known to be used; without any, common ones are tried. */
export async function checkDkim(names: Names, domain: string, selectors: readonly string[]): Promise<Checked> {
  const name = `DKIM of ${domain}`
  const tried = selectors.length > 0 ? selectors : COMMON
  const answers = await Promise.all(
    tried.map(async (selector) => ({ selector, answer: await names.txt(`${selector}._domainkey.${domain}`) })),
  )
  const under = (fits: (answer: Answer) => boolean): string[] =>
    answers.filter(({ answer }) => fits(answer)).map(({ selector }) => selector)
  const there = under(hasKey)
  const revoked = under((answer) => keysOf(answer).length > 0 && !hasKey(answer))
  const unasked = answers.flatMap(({ answer }) => ('unasked' in answer ? [answer.unasked] : []))
  if (selectors.length === 0) {
    if (there.length > 0) return ok(name, `a key stands under ${there.join(', ')}; ${PROOF}`)
    if (unasked[0] !== undefined) return notTried(name, unasked[0])
    const text = `no key stands under ${COMMON.join(', ')}; the provider may use another selector; ${PROOF}`
    return warning(
      name,
      text,
      'goniec doctor --selector NAME; without a key: switch signing on where the mailbox is hosted',
    )
  }
  const missing = tried.filter((selector) => !there.includes(selector))
  if (missing.length === 0) return ok(name, `a key stands under ${there.join(', ')}; ${PROOF}`)
  if (unasked[0] !== undefined) return notTried(name, unasked[0])
  const text = missing.map((selector) => `${selector}: ${revoked.includes(selector) ? 'revoked' : 'no key'}`).join(', ')
  return problem(
    name,
    text,
    `the TXT or CNAME record at ${missing[0]}._domainkey.${domain}, as the mail provider gives it`,
  )
}

function keysOf(answer: Answer): string[] {
  if ('unasked' in answer) return []
  return answer.records.flatMap((record) => {
    // What a wildcard record of the domain answers under each name: a policy, not a key.
    if (/^\s*v\s*=(?!\s*DKIM1\s*(;|$))/i.test(record)) return []
    const key = /(?:^|;)\s*p\s*=([^;]*)/i.exec(record)?.[1]
    return key === undefined ? [] : [key.replaceAll(/\s/g, '')]
  })
}

/** An empty key says that it was revoked (RFC 6376 §3.6.1). */
function hasKey(answer: Answer): boolean {
  return keysOf(answer).some((key) => key !== '')
}
