import { GoniecError } from '../errors.ts'

/** One character; a tabulator is hard to type. */
export function readDelimiter(given: string): string {
  const delimiter = given === 'tab' || given === String.raw`\t` ? '\t' : given
  if (delimiter.length === 1 && !/["\r\n]/.test(delimiter)) return delimiter
  throw new GoniecError('usage', `a delimiter is one character, not "${given}"`, {
    hint: `--delimiter ';', --delimiter ',' or --delimiter tab`,
    exitCode: 2,
  })
}
