/** What is wrong with a definition that parsing alone cannot see: names of things that are nowhere, templates that are none. */
import { checkTemplate, type Template } from '../../delivery/templates.ts'
import { templatesOf } from '../../delivery/compose-message.ts'
import { GoniecError } from '../../errors.ts'
import { didYouMean } from '../../nearest.ts'
import type { Definition } from '../definition/definition.ts'
import type { Problem } from '../definition/problems.ts'
import type { Stored } from './stored.ts'

/** Every template whose Liquid cannot be read. Needs no database. */
export function checkTemplates({ campaigns }: Definition): Problem[] {
  return campaigns.flatMap(({ steps }) =>
    steps.flatMap(({ key, variants }, i) =>
      variants.flatMap(({ at, ...variant }) =>
        templatesOf({ stepKey: key ?? String(i + 1), ...variant }).flatMap((template) => {
          const message = flawOf(template)
          return message === undefined ? [] : [{ at, message }]
        }),
      ),
    ),
  )
}

/**
 * Every salesperson or mailbox that is mentioned, and stands neither in the files nor in the database; null where no database was
 * asked.
 */
export function checkReferences(
  definition: Definition,
  stored: Pick<Stored, 'salespeople' | 'mailboxes'> | null,
): Problem[] {
  const known = {
    salesperson: new Set([...(stored?.salespeople.keys() ?? []), ...definition.salespeople.map(({ email }) => email)]),
    mailbox: new Set([...(stored?.mailboxes.keys() ?? []), ...definition.mailboxes.map(({ address }) => address)]),
  }
  return definition.references
    .filter(({ kind, name, defined }) => !defined && !known[kind].has(name))
    .map(({ kind, name, by, at }) => {
      const where =
        stored === null
          ? 'not in these files, and no database was named in which it could be'
          : 'neither in these files nor in the database'
      return { at, message: `${by} names ${kind} ${name}, which is ${where}${didYouMean(name, known[kind])}` }
    })
}

function flawOf(template: Template): string | undefined {
  try {
    checkTemplate(template)
    return undefined
  } catch (error) {
    if (!(error instanceof GoniecError)) throw error
    return error.message
  }
}
