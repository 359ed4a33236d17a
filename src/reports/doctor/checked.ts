/** What was found out about one thing: whether it is sound, in words, and what to do where it is not. */
import { DatabaseError } from 'pg'
import { isDatabaseAway } from '../../database/failures.ts'
import { GoniecError, hidePasswords, messageOf } from '../../errors.ts'

/** `not_tried`: nobody knows, and the text says why; that is no failure. */
export type Verdict = 'ok' | 'warning' | 'problem' | 'not_tried'

export interface Checked {
  /** What was looked at, with its subject where there are several: `SPF of firma.example`. */
  name: string
  verdict: Verdict
  text: string
  /** What to do: a sentence or a command. */
  try: string | null
}

/** It is as it should be. */
export function ok(name: string, text: string): Checked {
  return { name, verdict: 'ok', text, try: null }
}

/** It works, and somebody should know. */
export function warning(name: string, text: string, todo: string): Checked {
  return { name, verdict: 'warning', text, try: todo }
}

/** A promise does not hold, or mails do not go out. */
export function problem(name: string, text: string, todo: string): Checked {
  return { name, verdict: 'problem', text, try: todo }
}

/** It could not be found out. */
export function notTried(name: string, text: string, todo: string | null = null): Checked {
  return { name, verdict: 'not_tried', text, try: todo }
}

/** Does the work; what this login may not read, or what is not there to be read, was not tried. A database that is away ends everything. */
export async function attempt(name: string, work: () => Promise<Checked[]>): Promise<Checked[]> {
  try {
    return await work()
  } catch (error) {
    // A statement that took too long says nothing of the others.
    const cancelled = error instanceof DatabaseError && error.code === '57014'
    if (!cancelled && isDatabaseAway(error)) throw error
    if (error instanceof GoniecError) return [notTried(name, hidePasswords(error.message), error.hint ?? null)]
    if (!(error instanceof DatabaseError)) throw error
    const forbidden = error.code === '42501'
    const todo = forbidden ? 'run it with the login that owns the schema' : null
    return [notTried(name, hidePasswords(messageOf(error)), todo)]
  }
}
