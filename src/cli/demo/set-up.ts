/** What a person would do with commands before the first mail: apply the definition, import the leads, check and start the campaigns. */
// date: noon is looked for on the machine's clock
import { applyDefinition, previewApply } from '../../campaigns/apply/apply.ts'
import { checkCampaign } from '../../campaigns/check/check.ts'
import type { Finding } from '../../campaigns/check/report.ts'
import { startCampaign } from '../../campaigns/start.ts'
import type { Database } from '../../database/pool.ts'
import { GoniecError } from '../../errors.ts'
import { importLeads } from '../../leads/import.ts'
import { instantAt, toLocalTime } from '../../time.ts'
import { demoDefinition, noonZone } from './definition.ts'
import { isFor, readExampleList, writeList, type LeadList, type ReadList } from './lists.ts'
import { ownCampaign } from './own-campaign.ts'
import type { Screen } from './screen.ts'
import { termsOf, type Terms } from './terms.ts'

export interface SetUp {
  database: Database
  screen: Screen
  /** The visitor's list: it takes the place of the first campaign's. */
  own: ReadList | undefined
  /** Where files may be written. */
  directory: string
  recorderPort: number
}

/** Applies and imports. */
export async function setUp(options: SetUp): Promise<{ terms: Terms; lists: LeadList[] }> {
  const { database, screen, own, recorderPort } = options
  const now = instantAt(Date.now())
  const timeZone = noonZone(now.epochMilliseconds)
  const today = now.toZonedDateTimeISO(timeZone).toPlainDate()
  const first = own && ownCampaign(own.columns, own.addressColumn)
  const definition = demoDefinition({ recorderPort, timeZone, today }, first)
  await applyDefinition(database, definition, await previewApply(database, definition))
  const terms = termsOf(definition, { timeZone, today })
  const { salespeople, mailboxes, campaigns } = definition
  screen.tell(
    `Applied examples/campaigns.yaml with short delays: ${salespeople.length} salespeople, ${mailboxes.length} mailboxes, ${campaigns.length} campaigns.`,
  )
  screen.tell(
    `Its working hours are meant in the time zone ${timeZone}, where it is ${toLocalTime(now, timeZone)}: open, whenever you run this.`,
  )
  const lists = await writeLists(options, terms)
  for (const list of lists) await importList(database, screen, list)
  return { terms, lists }
}

/** Checks every campaign, and starts them all. */
export async function startCampaigns(database: Database, screen: Screen, { campaigns }: Terms): Promise<void> {
  for (const { name } of campaigns) {
    const { problems, leads } = await checkCampaign(database, name, { keep: 1, logins: undefined })
    const [problem] = problems
    if (problem) throw hasProblem(name, problem)
    screen.tell(`${name}: checked; all its texts render for ${leads.toMail} leads.`)
  }
  for (const { name } of campaigns) await startCampaign(database, name)
  screen.tell('All campaigns are started.')
}

function hasProblem(name: string, { text, hint }: Finding): GoniecError {
  return new GoniecError(
    'demo_campaign',
    `campaign "${name}" cannot be started: ${text}`,
    hint === undefined ? {} : { hint },
  )
}

async function writeLists({ own, directory }: SetUp, { campaigns }: Terms): Promise<LeadList[]> {
  const examples = await readExampleList()
  return Promise.all(
    campaigns.map(({ name }, i) => {
      return own && i === 0
        ? writeList(directory, name, own)
        : writeList(directory, name, examples, isFor(name, i === 0))
    }),
  )
}

async function importList(database: Database, screen: Screen, { campaign, file }: LeadList): Promise<void> {
  const { enrolled, known } = await importLeads(database, file, { campaign })
  const also = known === 0 ? '' : `, ${known} of them known from another campaign`
  screen.tell(`${campaign}: ${enrolled} leads imported${also}.`)
}
