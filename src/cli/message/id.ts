import { parseWhole } from '../number.ts'

/** The number of a message. */
export function parseMessageId(text: string): number {
  return parseWhole(text, 'the ID of a message', { least: 1 })
}
