import { retryMessage, type Retry } from '../../delivery/retry-message.ts'
import type { Cli } from '../cli.ts'
import { parseMessageId } from './id.ts'

/** Retries one message after the other; the first that is refused ends it, and it is said which are done. */
export async function retryMessages(
  cli: Cli,
  given: string[],
  { dryRun = false }: { dryRun?: boolean },
): Promise<void> {
  const ids = [...new Set(given.map(parseMessageId))]
  const retried: Retry[] = []
  await cli.withDatabase(async (database) => {
    for (const id of ids) {
      const retry = await retryMessage(database, id, { dryRun })
      retried.push(retry)
      cli.output.say(sentence(retry, dryRun))
    }
  })
  cli.output.data(
    retried.map((retry) => ({ ...retry, dry_run: dryRun })),
    () => undefined,
  )
  if (dryRun) cli.output.say('Dry run: nothing was changed.')
  else cli.output.say(`The plan gives them a time. Next: goniec message show ${ids[0]}`)
}

function sentence({ id, was, reason, revived }: Retry, dryRun: boolean): string {
  const why = reason === null ? '' : ` (${reason})`
  const again = revived === null ? '' : `; campaign ${revived} runs again`
  return `Message ${id} ${was === 'failed' ? 'had failed' : 'was set aside'}${why}, and ${dryRun ? 'would be' : 'is'} pending again${again}.`
}
