import { outlookOf, type CampaignOutlook } from '../../campaigns/apply/outlook.ts'
import { applyDefinition, previewApply, type Applied, type Preview } from '../../campaigns/apply/apply.ts'
import type { Definition } from '../../campaigns/definition/definition.ts'
import { parseDefinition } from '../../campaigns/definition/parse.ts'
import { readDefinitionFiles } from '../../campaigns/definition/read.ts'
import { shellWord } from '../../campaigns/campaign.ts'
import type { Cli } from '../cli.ts'
import { describeChanges } from './describe.ts'
import { describeOutlook } from './describe-outlook.ts'

/** Validates, shows what would change, asks where that concerns mails, and applies. */
export async function runApply(cli: Cli, files: string[], { dryRun = false }: { dryRun?: boolean }): Promise<void> {
  const definition = parseDefinition(readDefinitionFiles(files))
  await cli.withDatabase(
    async (database) => {
      const preview = await previewApply(database, definition)
      if (!cli.output.wantsJson) for (const line of describeChanges(preview)) cli.output.line(line)
      if (!preview.changed) cli.output.say('Nothing to change.')
      const outlook = preview.changed ? await outlookOf(database, definition) : []
      const sensitive = preview.sensitive || outlook.length > 0
      if (!cli.output.wantsJson) for (const line of describeOutlook(outlook)) cli.output.line(line)
      if (!(await mayApply(cli, { ...preview, sensitive }, dryRun)))
        return printJson(cli, preview, { dryRun, outlook, applied: null })
      const applied = await applyDefinition(database, definition, preview)
      printJson(cli, preview, { dryRun, outlook, applied })
      if (preview.changed) cli.output.say(sentence(definition, preview, applied))
    },
    { name: 'apply' },
  )
}

/** Also where nothing differs: what an apply that was cut off left undone is done then. */
async function mayApply(cli: Cli, { changed, sensitive }: Preview, dryRun: boolean): Promise<boolean> {
  if (!changed) return !dryRun
  if (!dryRun && !sensitive) return true
  return await cli.confirm('Apply these changes?', { dryRun })
}

function printJson(
  cli: Cli,
  { changes }: Preview,
  result: { dryRun: boolean; outlook: CampaignOutlook[]; applied: Applied | null },
): void {
  const { dryRun, outlook, applied } = result
  cli.output.data(
    {
      dry_run: dryRun,
      applied: applied !== null,
      changes,
      outlook,
      cancelled: applied?.cancelled ?? 0,
      already_passed: applied?.alreadyPassed ?? 0,
    },
    () => undefined,
  )
}

function sentence({ campaigns }: Definition, { changes }: Preview, { cancelled, alreadyPassed }: Applied): string {
  const parts = ['Applied.']
  if (cancelled > 0) parts.push(`${mails(cancelled)} of removed steps ${cancelled === 1 ? 'was' : 'were'} cancelled.`)
  if (alreadyPassed > 0 && changes.some((change) => change.mails > 0)) {
    parts.push(`${mails(alreadyPassed)} had already passed ${alreadyPassed === 1 ? 'its' : 'their'} fence.`)
  }
  const made = campaigns.find(({ name }) =>
    changes.some((change) => change.name === name && change.change === 'created'),
  )
  if (made !== undefined) parts.push(`Next: goniec lead import CSV --campaign ${shellWord(made.name)}`)
  // Applying knows a text's syntax; whether every lead has its fields only the check finds, and the campaign may run already.
  for (const name of rewritten(changes)) parts.push(`Next: goniec campaign check ${shellWord(name)}`)
  return parts.join(' ')
}

/** Campaigns whose texts change. */
function rewritten(changes: Preview['changes']): string[] {
  return changes
    .filter(({ kind, change, fields }) => kind === 'campaign' && change === 'changed' && fields.some(hasText))
    .map(({ name }) => name)
}

/** A text that changes, or a step that comes with all of its texts. */
function hasText({ field, to }: Preview['changes'][number]['fields'][number]): boolean {
  return /^steps\..+\.variant [A-Z]\.(subject|text|html)$/.test(field) || /^(added|back) in place \d+$/.test(String(to))
}

function mails(count: number): string {
  return count === 1 ? '1 mail' : `${count} mails`
}
