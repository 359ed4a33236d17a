/** What binds a campaign's day, in words: what it is, and what would make the campaign faster. */
import type { BindingCode } from '../../schedule/binding.ts'

const BINDINGS: Record<BindingCode, { words: string; faster: string }> = {
  window: { words: 'sending time of the day', faster: 'a wider window, or a shorter delay between two mails' },
  campaign_limit: { words: 'limit of the campaign', faster: 'a higher daily_limit of the campaign' },
  mailbox_limit: {
    words: 'limit of the mailboxes',
    faster: 'another mailbox, or a higher daily_limit of those there are',
  },
  warmup_limit: { words: 'warm-up', faster: 'a mailbox that is warm; what is warming may send more each week' },
  salesperson_limit: { words: 'limit of the salesperson', faster: 'a higher daily_limit of the salesperson' },
  domain_limit: {
    words: 'limit of a domain',
    faster: 'a higher limit of the recipients’ domain, if its server bears it',
  },
  mailbox_gap: { words: 'gap of the mailboxes', faster: 'another mailbox, or a shorter min_gap' },
  contact_gap: {
    words: 'contact gap',
    faster: 'a shorter contact_gap, or to let the other campaigns to these leads end first',
  },
  no_usable_mailbox: { words: 'no usable mailbox', faster: 'a mailbox that works: goniec mailbox list' },
  all_planned: { words: 'no limit', faster: 'nothing: all that is due goes out, and the rest waits for its day' },
}

/** The limit in words, to be read after "limit:" or in a column of limits. */
export function bindingWords(code: BindingCode): string {
  return BINDINGS[code].words
}

/** What to change to be faster. */
export function fasterWords(code: BindingCode): string {
  return BINDINGS[code].faster
}
