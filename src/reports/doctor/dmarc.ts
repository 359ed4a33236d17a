/**
 * DMARC of a sending domain (RFC 7489): a record at `_dmarc`, of the domain or, where it has none, of one above it. Whether a mail passes
 * (SPF or DKIM in line with the address that people see) only a delivered mail shows.
 */
import { notTried, ok, problem, warning, type Checked } from './checked.ts'
import type { Names } from './names.ts'

/** One check, whatever it finds. */
export async function checkDmarc(names: Names, domain: string): Promise<Checked> {
  const name = `DMARC of ${domain}`
  for (const asked of upwards(domain)) {
    const answer = await names.txt(`_dmarc.${asked}`)
    if ('unasked' in answer) return notTried(name, answer.unasked)
    const records = answer.records.filter((record) => /^v=DMARC1\s*(;|$)/i.test(record))
    if (records.length > 0) return judge(name, asked, records, asked === domain ? 'p' : 'sp')
    const meant = answer.records.find((record) => /^\W*v\s*=\s*DMARC/i.test(record))
    if (meant !== undefined) {
      const text = `the record at _dmarc.${asked} does not begin with v=DMARC1; and receivers pass it over: ${meant}`
      return problem(name, text, 'correct it; to begin with, v=DMARC1; p=none')
    }
  }
  const todo = `a TXT record at _dmarc.${domain}, to begin with: v=DMARC1; p=none; rua=mailto:dmarc@${domain}`
  return warning(name, 'there is no record: Google, Yahoo and Microsoft want one of whoever sends much', todo)
}

/** The domain and those above it, the top level left out: `a.firma.pl`, `firma.pl`. */
function upwards(domain: string): string[] {
  const labels = domain.split('.')
  return labels.slice(0, Math.max(1, labels.length - 1)).map((_, index) => labels.slice(index).join('.'))
}

function judge(name: string, where: string, records: readonly string[], tag: 'p' | 'sp'): Checked {
  const [record = ''] = records
  if (records.length > 1) {
    return problem(
      name,
      `there are ${records.length} records at _dmarc.${where}, and receivers take none of several`,
      'leave one',
    )
  }
  const tags = new Map(
    record.split(';').map((part) => {
      const [key = '', value = ''] = part.split('=', 2).map((text) => text.trim().toLowerCase())
      return [key, value]
    }),
  )
  const policy = (tag === 'sp' ? tags.get('sp') : undefined) ?? tags.get('p')
  if (policy === undefined || !['none', 'quarantine', 'reject'].includes(policy)) {
    const text = `the record at _dmarc.${where} has no policy p=none, quarantine or reject: ${record}`
    return problem(name, text, 'correct it; to begin with, p=none')
  }
  return ok(name, tag === 'p' ? record : `${record} (at _dmarc.${where})`)
}
