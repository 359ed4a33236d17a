import { GoniecError } from '../errors.ts'

/** Thrown where somebody names a message that is not there. */
export function unknownMessage(id: number): GoniecError {
  return new GoniecError('message_unknown', `there is no message ${id}`, {
    hint: 'goniec queue list, or goniec lead show ADDRESS',
  })
}
