/** What receivers look up about the domains that mails come from: SPF, DKIM, DMARC. */
import { domainToASCII } from 'node:url'
import type { Database } from '../../database/pool.ts'
import { notTried, type Checked } from './checked.ts'
import { checkDkim } from './dkim.ts'
import { checkDmarc } from './dmarc.ts'
import type { Names } from './names.ts'
import { checkSpf } from './spf.ts'

/** Of all mailboxes that nobody has paused; everything is asked at the same time. */
export async function checkDomains(
  database: Pick<Database, 'query'>,
  { names, selectors }: { names: Names; selectors: readonly string[] },
): Promise<Checked[]> {
  const rows = await database.query<{ domain: string }>(
    `select distinct lower(split_part(address, '@', 2)) as domain from goniec.mailbox where status <> 'paused' order by 1`,
  )
  if (rows.length === 0)
    return [notTried('SPF, DKIM, DMARC', 'there is no mailbox that would send', 'goniec apply FILE')]
  const domains = rows.map(({ domain }) => domainToASCII(domain) || domain)
  const checked = await Promise.all(
    domains.map(async (domain) =>
      Promise.all([checkSpf(names, domain), checkDkim(names, domain, selectors), checkDmarc(names, domain)]),
    ),
  )
  return checked.flat()
}
