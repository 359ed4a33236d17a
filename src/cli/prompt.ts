/** Asking before something is mailed, moved or deleted. */
import { createInterface } from 'node:readline/promises'
import { GoniecError } from '../errors.ts'

export interface PromptOptions {
  /** `--yes`: the answer is given. */
  yes: boolean
}

/** Returns when the person agrees; else an error. Without a terminal to ask on, `--yes` has to be there. */
export async function confirm(question: string, { yes }: PromptOptions): Promise<void> {
  if (yes) return
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new GoniecError('confirmation_needed', `this needs a yes, and there is no terminal to ask on: ${question}`, {
      hint: 'add --yes, or --dry-run to see what would happen',
      exitCode: 2,
    })
  }
  if (!/^(y|yes)$/i.test(await ask(`${question} [y/N] `))) {
    throw new GoniecError('declined', 'nothing was changed')
  }
}

async function ask(question: string): Promise<string> {
  // On stderr: stdout is for data.
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return (await terminal.question(question)).trim()
  } finally {
    terminal.close()
  }
}
