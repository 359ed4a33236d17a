/** Addresses that a command is about: its arguments, or the lines of standard input. */
import { createInterface } from 'node:readline'
import { GoniecError } from '../errors.ts'

/** The arguments; where there are none, or one of them is `-`, also what standard input has on each line. Each once. */
export async function readAddresses(given: readonly string[]): Promise<string[]> {
  const named = given.filter((address) => address !== '-')
  if (named.length > 0 && named.length === given.length) return [...new Set(named)]
  if (process.stdin.isTTY && given.length === 0) {
    throw new GoniecError('usage', 'no address is given', {
      hint: 'name addresses, or pipe a list of them, one to a line',
      exitCode: 2,
    })
  }
  for await (const line of createInterface({ input: process.stdin })) {
    const text = line.replace('\uFEFF', '').trim()
    if (text !== '') named.push(text)
  }
  return [...new Set(named)]
}
