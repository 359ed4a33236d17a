/** Everything that must hold in a simulated world, judged from the mail server's record and the driver's journal. */
import type { Database } from '../../src/database/pool.ts'
import { audit } from '../../src/reports/audit/audit.ts'
import { instantAt, toLocalTime } from '../../src/time.ts'
import { checkDistances, checkDomains, checkMailboxDays, checkOwnersDays } from './check-limits.ts'
import { checkLateness, checkLedger } from './check-ledger.ts'
import { checkBounces, checkContacts, checkFollowUps, checkOnce, checkStops, checkWindows } from './check-mails.ts'
import type { Journal } from './journal.ts'
import type { Offer } from './mail-server.ts'
import { readRecord } from './record.ts'

/** Says what is wrong, at which instant; 0 where there is none. */
export type Complain = (atMs: number, what: string) => void

export interface CheckedWorld {
  database: Database
  offers: readonly Offer[]
  journal: Journal
  zone: string
  /** Nothing has gone wrong in it. */
  isCalm: boolean
}

/** What is wrong with it; empty if nothing is. */
export async function checkWorld({ database, offers, journal, zone, isCalm }: CheckedWorld): Promise<string[]> {
  const violations: string[] = []
  const complain: Complain = (atMs, what) =>
    void violations.push(atMs === 0 ? what : `${toLocalTime(instantAt(atMs), zone, { seconds: true })}: ${what}`)
  const record = readRecord(offers)
  checkOnce(record, complain)
  checkWindows(record, journal, complain)
  checkStops(record, journal, complain)
  checkBounces(offers, complain)
  checkContacts(record, journal, zone, complain)
  checkFollowUps(record, journal, complain)
  checkDistances(record, journal, complain)
  checkMailboxDays(record, journal, zone, complain)
  checkOwnersDays(record, journal, zone, complain)
  checkDomains(record, journal, zone, complain)
  await checkLedger(database, record, complain)
  await checkLateness(database, isCalm, complain)
  for (const { name, ok, total } of await audit(database)) {
    if (!ok) complain(0, `the audit finds ${total} rows that break ${name}`)
  }
  return violations
}
