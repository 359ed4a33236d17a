/** How long a million leads take to be imported, through the binary: a list of six columns, as a spreadsheet saves it. */
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { makeFleet } from '../tests/crash/fleet.ts'
import { table, type BenchOptions, type Measured } from './figures.ts'
import { familyCpuMs } from './processes.ts'
import { runMeasured } from './run-measured.ts'
import { serverPid, type BenchServer } from './server.ts'

const LEADS = 1_000_000

/** The benchmark. */
export async function importing({ url, database, root }: BenchServer, { size }: BenchOptions): Promise<Measured> {
  const leads = Math.max(10, Math.round(LEADS * size))
  const directory = mkdtempSync(join(tmpdir(), 'goniec-bench-'))
  try {
    await makeFleet(database, { mailboxes: 10, campaigns: 1, leads: 0, smtpPort: 25 })
    const file = join(directory, 'leads.csv')
    await pipeline(Readable.from(linesOf(leads)), createWriteStream(file))
    const postgres = await serverPid(database)
    const postgresBefore = familyCpuMs(postgres)
    const { tookMs, cpuMs, peakMb } = await runMeasured(url, join(root, 'bin', 'goniec.js'), {
      args: ['lead', 'import', file, '--campaign', 'campaign-1'],
    })
    const [row] = await database.query<{ mails: number }>('select count(*)::integer as mails from goniec.message')
    return {
      what: `${leads} leads imported from a file, ${row?.mails} mails made`,
      lines: table(
        ['', 'seconds', 'its CPU s', 'Postgres CPU s', 'most MB'],
        [['goniec lead import', tookMs / 1000, cpuMs / 1000, (familyCpuMs(postgres) - postgresBefore) / 1000, peakMb]],
      ),
    }
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function* linesOf(leads: number): Generator<string> {
  yield 'email,first_name,last_name,company,city,remark\n'
  for (let n = 1; n <= leads; n++) {
    // Addresses in no order, as in a list.
    const name = `${((n * 7919) % 1_000_003).toString(36)}.${n}`
    yield `${name}@company-${n % 50_000}.example,Jan,Kowalski ${n},"Spółka ${n % 50_000}, Kraków",Kraków,met at fair ${n % 40}\n`
  }
}
