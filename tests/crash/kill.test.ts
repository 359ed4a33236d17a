/**
 * Workers are killed with SIGKILL while they send. The oracle is the mail server's own record of what it accepted: for each (lead, step)
 * exactly one mail, or none or one where the ledger lists a doubt, and never two. `GONIEC_CRASH_SECONDS` and `GONIEC_CRASH_LEADS` make it
 * longer.
 */
// The moment of a kill is the point of this test, so it comes at a time and not at a signal.
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { audit } from '../../src/reports/audit/audit.ts'
import { createTestDatabase } from '../support/database.ts'
import { startRecorder, type RecordedMail } from '../support/recorder.ts'
import { endWorkers, startWorker } from '../support/worker-process.ts'
import { ledger, makeFleet } from './fleet.ts'

const SECONDS = Number(process.env['GONIEC_CRASH_SECONDS'] ?? 15)
const LEADS = Number(process.env['GONIEC_CRASH_LEADS'] ?? 600)

afterEach(endWorkers)

test(
  'workers that are killed again and again mail nobody twice and lose nobody',
  { timeout: (SECONDS + 180) * 1000 },
  async () => {
    const database = await createTestDatabase()
    await using recorder = await startRecorder()
    await makeFleet(database, { mailboxes: 12, campaigns: 4, leads: LEADS, smtpPort: recorder.port })

    const steady = startWorker(database.url, { args: ['--name', 'steady'] })
    const until = performance.now() + SECONDS * 1000
    let kills = 0
    while (performance.now() < until) {
      const worker = startWorker(database.url, { args: ['--name', 'killed'] })
      await delay(1000 + Math.random() * 1500)
      worker.kill('SIGKILL')
      await worker.ended
      kills += 1
    }
    steady.kill('SIGTERM')
    await steady.endedWell()
    const last = startWorker(database.url, { args: ['--name', 'killed', '--until-idle'] })
    await last.endedWell()

    const accepted = countByMail(recorder.mails)
    const book = await ledger(database)
    expect(kills).toBeGreaterThan(2)
    const twice = [...accepted].filter(([, count]) => count > 1)
    const unknown = [...accepted.keys()].filter((mail) => !book.has(mail))
    const untrue = [...book].filter(([mail, status]) => {
      if (status === 'sent') return accepted.get(mail) !== 1
      return status !== 'in_doubt'
    })
    expect({ twice, unknown, untrue }).toEqual({ twice: [], unknown: [], untrue: [] })
    const doubts = [...book.values()].filter((status) => status === 'in_doubt').length
    expect(accepted.size).toBeGreaterThanOrEqual(book.size - doubts)
    expect((await audit(database)).filter(({ ok }) => !ok)).toEqual([])
  },
)

function countByMail(mails: readonly RecordedMail[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { to, headers } of mails) {
    const mail = `${to[0]} ${headers.get('subject')?.split(' ')[0]}`
    counts.set(mail, (counts.get(mail) ?? 0) + 1)
  }
  return counts
}
