/**
 * A list of leads as an import would take it, without taking it: who would be mailed, which lines would be rejected and why, and whose
 * mails cannot be made. Read as a stream; what is kept of a lead is two numbers and its domain.
 */
import type { Readable } from 'node:stream'
import { leadProblems } from '../../campaigns/check/lead-texts.ts'
import { LeadFlaws } from '../../campaigns/check/lead-flaws.ts'
import type { Finding, LeadProblem } from '../../campaigns/check/report.ts'
import type { CheckedStep } from '../../campaigns/check/steps.ts'
import type { Database } from '../../database/pool.ts'
import { templateFields } from '../../delivery/material.ts'
import { type CsvOptions, type CsvTable, readCsv } from '../../leads/csv.ts'
import { type Reject, RejectsFile } from '../../leads/csv-rejects.ts'
import { batchesOf, type ImportRow, type RowBatch } from '../../leads/import-rows.ts'
import { type Objection, reasonOf } from '../../leads/objections.ts'

export interface ListOptions extends Pick<CsvOptions, 'addressColumn' | 'encoding' | 'delimiter'> {
  /** How many failing lines and leads are kept, to be shown. */
  keep: number
  /** Where all of them are written, so that they can be mended; undefined: nowhere. */
  rejectsFile: string | undefined
  /** Told after each batch: lines read, and the part of the file, from 0 to 1. */
  onProgress: (rows: number, part: number) => void
}

/** What became of the lines. `rows` is `valid` + `rejected`; those whose mails cannot be made are among the valid ones. */
export interface RehearsedLeads {
  file: string
  rows: number
  valid: number
  rejected: number
  rejects: { line: number; reason: string }[]
  /** Leads whose mails cannot be made: a start is refused until that is mended. */
  failing: number
  failures: LeadFailure[]
  findings: Finding[]
  /** Null: nothing was rejected, or no file was asked for. */
  rejectsFile: string | null
  /** Of the valid ones, in the file's order: the lead's id where it is known, else a negative number. */
  leadIds: number[]
  domains: string[]
}

/** A lead, with what each of the texts that it could get lacks. */
export interface LeadFailure {
  line: number
  lead: string
  problems: LeadProblem[]
}

/** Reads the list against the steps' texts, and against what a database knows of its leads if there is one. */
export async function readList(
  database: Pick<Database, 'query'> | null,
  input: string | Readable,
  steps: readonly CheckedStep[],
  { keep, rejectsFile, onProgress, ...csv }: ListOptions,
): Promise<RehearsedLeads> {
  const table = await readCsv(input, csv)
  const file = rejectsFile === undefined ? null : new RejectsFile(table, rejectsFile)
  const list = new List(table, steps, keep, file)
  try {
    for await (const batch of batchesOf(table)) {
      list.add(batch, await judge(database, batch.rows))
      onProgress(list.leads.rows, table.bytesRead / Math.max(1, table.sizeBytes))
    }
  } finally {
    file?.close()
    await table.close()
  }
  const listAll = 'goniec rehearse with --json lists all of them, and --rejects FILE writes them down'
  return {
    ...list.leads,
    findings: list.flaws.findings({ of: list.leads.valid, listAll }),
    rejectsFile: file?.path ?? null,
  }
}

class List {
  readonly leads: Omit<RehearsedLeads, 'findings' | 'rejectsFile'>
  readonly flaws = new LeadFlaws()
  readonly #steps: readonly CheckedStep[]
  readonly #keep: number
  readonly #file: RejectsFile | null
  readonly #domains = new Map<string, string>()
  #strangers = 0

  constructor({ name: file }: CsvTable, steps: readonly CheckedStep[], keep: number, rejects: RejectsFile | null) {
    this.leads = {
      file,
      rows: 0,
      valid: 0,
      rejected: 0,
      rejects: [],
      failing: 0,
      failures: [],
      leadIds: [],
      domains: [],
    }
    this.#steps = steps
    this.#keep = keep
    this.#file = rejects
  }

  /** Takes a batch with what the database knows of its rows. */
  add({ rows, cells, rejects }: RowBatch, { objections, ids }: Judgement): void {
    const objected = rows.flatMap(({ line }) => {
      const reason = objections.get(line)
      return reason === undefined ? [] : [{ line, reason: reasonOf(reason), cells: cells.get(line) ?? [] }]
    })
    const failing: Reject[] = []
    for (const row of rows) {
      if (objections.has(row.line)) continue
      const flaw = this.#take(row, ids.get(row.email))
      if (flaw !== null) failing.push({ line: row.line, reason: flaw, cells: cells.get(row.line) ?? [] })
    }
    const rejected = [...rejects, ...objected].toSorted((a, b) => a.line - b.line)
    const { leads } = this
    leads.rows += rows.length + rejects.length
    leads.rejected += rejected.length
    for (const { line, reason } of rejected.slice(0, Math.max(0, this.#keep - leads.rejects.length)))
      leads.rejects.push({ line, reason })
    for (const reject of [...rejected, ...failing].toSorted((a, b) => a.line - b.line)) this.#file?.write(reject)
  }

  /** Returns why its mails cannot be made, if so. */
  #take({ line, email, fields }: ImportRow, id: number | undefined): string | null {
    const { leads } = this
    leads.valid += 1
    leads.leadIds.push(id ?? --this.#strangers)
    leads.domains.push(this.#domainOf(email))
    const [first] = this.#steps
    const lead = {
      email,
      fields: templateFields(fields, email),
      stepId: first?.id ?? 0,
      position: first?.position ?? 1,
      threadKnown: true,
    }
    const found = leadProblems(lead, this.#steps)
    if (found.length === 0) return null
    this.flaws.add(lead, found)
    leads.failing += 1
    if (leads.failures.length < this.#keep) leads.failures.push({ line, lead: email, problems: found })
    return failureWords(found)
  }

  /** One text for each domain, however many leads have it. */
  #domainOf(email: string): string {
    const domain = email.slice(email.lastIndexOf('@') + 1)
    const known = this.#domains.get(domain)
    if (known !== undefined) return known
    this.#domains.set(domain, domain)
    return domain
  }
}

/** What is wrong with a lead's mails, on one line: what several texts miss is said once. */
export function failureWords(problems: readonly LeadProblem[]): string {
  const wheres = new Map<string, string[]>()
  for (const { step, variant, missing, problem } of problems) {
    const fields = missing.length === 0 ? [] : [`no ${missing.join(', ')}`]
    const what = [...fields, ...(problem === null ? [] : [problem])].join('; ')
    wheres.set(what, [...(wheres.get(what) ?? []), ...(step === '' ? [] : [`${step} ${variant}`])])
  }
  return Array.from(wheres, ([what, of]) => (of.length === 0 ? what : `${what} (in ${of.join(', ')})`)).join('; ')
}

interface Judgement {
  /** By line. */
  objections: Map<number, Objection>
  /** Of the leads that are known, by address. */
  ids: Map<string, number>
}

/** What an import into a new campaign would object to. Without a database nobody is known. */
async function judge(database: Pick<Database, 'query'> | null, rows: readonly ImportRow[]): Promise<Judgement> {
  if (database === null || rows.length === 0) return { objections: new Map(), ids: new Map() }
  const [row] = await database.query<{ answer: { rejects: { line: number; reason: Objection }[] } }>(
    'select goniec.import_leads(null, $1, true) as answer',
    [JSON.stringify(rows)],
  )
  const known = await database.query<{ id: number; email: string }>(
    'select l.id, l.email from goniec.lead l where l.email = any ($1)',
    [rows.map(({ email }) => email)],
  )
  return {
    objections: new Map(row?.answer.rejects.map(({ line, reason }) => [line, reason])),
    ids: new Map(known.map(({ id, email }) => [email, id])),
  }
}
