/**
 * Which campaign of a definition is rehearsed, and whether it can be: the mistakes that `apply` would refuse are refused here, in its
 * words.
 */
import { checkReferences, checkTemplates } from '../../campaigns/apply/check.ts'
import { previewApply } from '../../campaigns/apply/apply.ts'
import { shellWord } from '../../campaigns/campaign.ts'
import { judgeSteps, type CheckedStep, type StepRow } from '../../campaigns/check/steps.ts'
import type { CampaignDefinition, Definition } from '../../campaigns/definition/definition.ts'
import { definitionError } from '../../campaigns/definition/problems.ts'
import type { Database } from '../../database/pool.ts'
import { GoniecError } from '../../errors.ts'
import { didYouMean } from '../../nearest.ts'

/** The campaign of this name; without a name the only one there is. */
export function chooseCampaign({ campaigns }: Definition, name: string | undefined): CampaignDefinition {
  const names = campaigns.map((campaign) => campaign.name)
  if (names.length === 0) {
    throw new GoniecError('campaign_unknown', 'the definition has no campaign to rehearse', {
      hint: 'describe one under campaigns:, as examples/campaigns.yaml does',
    })
  }
  const found = campaigns.find((campaign) => (name === undefined ? names.length === 1 : campaign.name === name))
  if (found) return found
  const list = names.map(shellWord).join(', ')
  if (name === undefined) {
    throw new GoniecError('usage', `the definition has ${names.length} campaigns: say which of them gets the leads`, {
      hint: `--campaign NAME, one of ${list}`,
      exitCode: 2,
    })
  }
  throw new GoniecError('campaign_unknown', `the definition has no campaign "${name}"${didYouMean(name, names)}`, {
    hint: `--campaign NAME, one of ${list}`,
  })
}

/** Refuses what cannot be applied. With a database its things count as well as those of the files. */
export async function refuseMistakes(database: Database | null, definition: Definition): Promise<void> {
  if (database !== null) {
    await previewApply(database, definition)
    return
  }
  const problems = [...checkReferences(definition, null), ...checkTemplates(definition)]
  if (problems.length > 0) throw definitionError(problems)
}

/** A campaign that has mails already is forecast, not rehearsed: two answers for one name would be one too many. */
export async function refuseKnown(database: Pick<Database, 'query'>, name: string): Promise<void> {
  const [known] = await database.query<{ status: string; mails: boolean }>(
    `select c.status, exists (select from goniec.message m where m.campaign_id = c.id) as mails
     from goniec.campaign c where c.name = $1`,
    [name],
  )
  if (!known || (known.status === 'draft' && !known.mails)) return
  throw new GoniecError('campaign_wrong_state', `campaign "${name}" is there already (${known.status})`, {
    hint: `goniec forecast ${shellWord(name)}; or give the campaign of the file another name`,
  })
}

/** The steps of a definition as a check of leads takes them; they have no ids yet, so their places stand for them. */
export function stepsOf({ steps }: CampaignDefinition): readonly CheckedStep[] {
  const rows = steps.flatMap(({ key, variants }, i) =>
    variants.map(({ letter, subject, text, html }): StepRow => {
      return { id: i + 1, key: key ?? String(i + 1), position: i + 1, retired: false, letter, subject, text, html }
    }),
  )
  return judgeSteps(rows).steps
}
