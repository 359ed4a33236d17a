/**
 * Definition files to a `Definition`, or to one error that names every mistake in them. Reads the texts that the files name and
 * nothing else: no database, no environment, no clock.
 */
import { dirname } from 'node:path'
import { assemble, type ValidFile } from './assemble.ts'
import type { Definition } from './definition.ts'
import { type DefinitionFile, readDocument } from './document.ts'
import { problemsOf } from './keyed.ts'
import { definitionError, type Problem } from './problems.ts'
import { fileSchema } from './schema.ts'

/** Several files are read as one; their order does not matter. Throws `definition_invalid`. */
export function parseDefinition(files: DefinitionFile[]): Definition {
  const problems: Problem[] = []
  const valid: ValidFile[] = []
  for (const file of files) {
    const read = parseFile(file)
    if (Array.isArray(read)) problems.push(...read)
    else valid.push(read)
  }
  const definition = assemble(valid, problems)
  if (problems.length > 0) throw definitionError(inOrder(problems, files))
  return definition
}

function parseFile(file: DefinitionFile): ValidFile | Problem[] {
  const document = readDocument(file)
  if ('problems' in document) return document.problems
  const parsed = fileSchema(dirname(file.path)).safeParse(document.data)
  return parsed.success ? { document, data: parsed.data } : problemsOf(parsed.error, document)
}

function inOrder(problems: Problem[], files: DefinitionFile[]): Problem[] {
  const rank = new Map(files.map(({ path }, i) => [path, i]))
  const fileRank = ({ at }: Problem): number => rank.get(at.file) ?? 0
  return problems.sort((a, b) => fileRank(a) - fileRank(b) || a.at.line - b.at.line || a.at.column - b.at.column)
}
