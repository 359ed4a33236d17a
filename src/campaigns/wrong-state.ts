/** What to say to somebody who asks a campaign for what it cannot do as it stands: what it is, and what to run. */
import { GoniecError } from '../errors.ts'
import { shellWord, type CampaignStatus } from './campaign.ts'

export type LifecycleVerb = 'start' | 'pause' | 'resume' | 'cancel'

/** Thrown where `verb` means nothing in this state. */
export function wrongState(verb: LifecycleVerb, name: string, status: CampaignStatus): GoniecError {
  const [is, hint] = SENTENCES[status](verb, shellWord(name))
  return new GoniecError('campaign_wrong_state', `campaign "${name}" ${is}`, { hint })
}

type Sentence = (verb: LifecycleVerb, name: string) => [is: string, hint: string]

const SENTENCES: Record<CampaignStatus, Sentence> = {
  draft: (_, name) => ['is a draft: it has not been started', `goniec campaign start ${name}`],
  scheduled: (_, name) => ['is scheduled: it starts by itself when its day has come', `goniec campaign show ${name}`],
  running: (_, name) => ['is running', `goniec campaign show ${name}`],
  paused: (_, name) => ['is paused', `goniec campaign resume ${name}`],
  completed: (verb, name) => [
    'is completed: nothing of it is open',
    verb === 'start'
      ? `goniec lead import CSV --campaign ${name}, which makes it run again`
      : `goniec campaign show ${name}`,
  ],
  cancelled: (verb, name) => [
    'is cancelled, and that is for good',
    verb === 'cancel'
      ? `goniec campaign show ${name}`
      : 'give the campaign another name in the definition file, and apply it',
  ],
}
