/**
 * A lead's mail as it will go out, before it does. It is composed from the message's own material, as the worker will compose it; of a
 * step that has no message yet, from the material that it would have, with the mails before it as they would be.
 */
import { composeFor, messageIdOf, type MessageMaterial, type PreviousMail } from '../delivery/compose-message.ts'
import type { ComposedMail } from '../delivery/compose.ts'
import { loadMaterial } from '../delivery/material.ts'
import type { Database } from '../database/pool.ts'
import { assert, GoniecError } from '../errors.ts'
import { didYouMean } from '../nearest.ts'
import { findCampaign, type Campaign } from './campaign.ts'
import { findEnrollment, readLeadSteps, type LeadMessage, type LeadStep } from './enrollment.ts'

export interface PreviewRequest {
  campaign: string
  /** An address; by default the campaign's first lead. */
  lead?: string | undefined
  /** A step's key; by default the lead's next one. */
  step?: string | undefined
}

export interface Preview {
  campaign: Campaign
  lead: string
  step: string
  variant: string
  /** The address it is shown from. */
  mailbox: string
  /** False: no mailbox is decided yet, and it is shown from the first usable one. */
  mailboxIsDecided: boolean
  /** Null: this step has no message yet. */
  message: LeadMessage | null
  material: MessageMaterial
  mail: ComposedMail
}

/** Composes it. */
export async function previewMail(database: Database, request: PreviewRequest): Promise<Preview> {
  const campaign = await findCampaign(database, request.campaign)
  const { id, email } = await findEnrollment(database, campaign, request.lead)
  const steps = await readLeadSteps(database, campaign.id, id)
  const step = chooseStep(campaign, steps, request.step)
  const mailboxId = decidedMailbox(steps, step)
  const materials = await loadMaterials(database, steps, mailboxId ?? (await firstMailbox(database, campaign)).id)
  const material = await materialOf(steps, materials, steps.indexOf(step))
  return {
    campaign,
    lead: email,
    step: step.key,
    variant: step.templates.letter,
    mailbox: material.sender.address,
    mailboxIsDecided: mailboxId !== null,
    message: step.message,
    material,
    mail: await composeFor(material),
  }
}

/** The campaign's first mailbox that may send; else, for a look, the first of all. */
export async function firstMailbox(
  database: Pick<Database, 'query'>,
  { id, name }: Pick<Campaign, 'id' | 'name'>,
): Promise<{ id: number; address: string; status: string; statusReason: string | null }> {
  const [mailbox] = await database.query<{ id: number; address: string; status: string; statusReason: string | null }>(
    `select b.id, b.address, b.status, b.status_reason as "statusReason"
     from goniec.campaign_mailbox cm
     join goniec.mailbox b on b.id = cm.mailbox_id
     where cm.campaign_id = $1
     order by b.status = 'active' and b.daily_limit > 0 desc, b.id
     limit 1`,
    [id],
  )
  if (mailbox) return mailbox
  throw new GoniecError('no_mailbox', `campaign "${name}" has no mailbox`, {
    hint: 'name one under mailboxes: in the definition file, and goniec apply FILE',
  })
}

function chooseStep({ name }: Campaign, steps: readonly LeadStep[], wanted: string | undefined): LeadStep {
  if (wanted !== undefined) {
    const keys = steps.map(({ key }) => key)
    const step = steps.find(({ key }) => key === wanted)
    if (step) return step
    throw new GoniecError('step_unknown', `campaign "${name}" has no step "${wanted}"${didYouMean(wanted, keys)}`, {
      hint: `its steps are ${keys.join(', ')}`,
    })
  }
  const open = steps.find(({ message }) => message && ['pending', 'sending', 'in_doubt'].includes(message.status))
  const step = open ?? steps[0]
  if (step) return step
  throw new GoniecError('no_steps', `campaign "${name}" has no steps`, { hint: 'goniec apply FILE' })
}

/** The step's own mailbox, or of a follow-up the one that the mails before it left from. */
function decidedMailbox(steps: readonly LeadStep[], step: LeadStep): number | null {
  const earlier = steps.slice(0, steps.indexOf(step) + 1).toReversed()
  return earlier.find(({ message }) => message !== null && message.mailboxId !== null)?.message?.mailboxId ?? null
}

async function loadMaterials(
  database: Database,
  steps: readonly LeadStep[],
  mailboxId: number,
): Promise<Map<number, MessageMaterial>> {
  const messages = steps.flatMap(({ message }) => (message ? [message] : []))
  const mailboxes = new Map(messages.map((message) => [message.id, message.mailboxId ?? mailboxId]))
  return await loadMaterial(database, [...mailboxes.keys()], mailboxes)
}

async function materialOf(
  steps: readonly LeadStep[],
  materials: ReadonlyMap<number, MessageMaterial>,
  at: number,
): Promise<MessageMaterial> {
  const step = steps[at]
  assert(step, 'the step is one of the steps')
  const own = step.message && materials.get(step.message.id)
  if (own) return own
  // Any mail of the lead tells what all of them have in common; the one before is nearest.
  const relatives = [...steps.slice(0, at).toReversed(), ...steps].flatMap(
    ({ message }) => materials.get(message?.id ?? 0) ?? [],
  )
  const relative = relatives[0]
  if (relative?.body?.kind !== 'campaign' || !('stepKey' in relative.identity)) {
    throw new GoniecError('lead_has_no_mail', 'this lead has no mail in the campaign', {
      hint: 'goniec lead show ADDRESS',
    })
  }
  const previous = at === 0 ? null : await previousMail(await materialOf(steps, materials, at - 1))
  return {
    ...relative,
    rfcMessageId: null,
    identity: { ...relative.identity, stepKey: step.key },
    body: { ...relative.body, templates: step.templates, previous },
  }
}

async function previousMail(material: MessageMaterial): Promise<PreviousMail> {
  const { subject, headers } = await composeFor(material)
  const references = headers.find(({ name }) => name.toLowerCase() === 'references')?.value.split(/\s+/) ?? []
  return { messageId: messageIdOf(material), subject, references }
}
