import { expect, test } from 'vitest'
import { countUp, isClean, type Evidence } from '../../src/cli/demo/tally.ts'
import type { LedgerMail } from '../../src/cli/demo/ledger.ts'
import type { RecordedMail } from '../../src/cli/demo/recorder.ts'
import type { Terms } from '../../src/cli/demo/terms.ts'
import { Temporal } from '../../src/time.ts'

const NOON_MS = Temporal.Instant.from('2026-12-01T12:00:00Z').epochMilliseconds

const TERMS: Terms = {
  timeZone: 'UTC',
  mailboxes: [
    { address: 'anna@firma.example', most: 3, warmupDay: null, minGapMs: 100 },
    { address: 'new@firma.example', most: 1, warmupDay: 3, minGapMs: 100 },
  ],
  salespeople: [{ email: 'anna@firma.example', dailyLimit: 4 }],
  campaigns: [
    {
      name: 'spring',
      salesperson: 'anna@firma.example',
      steps: ['intro', 'reminder'],
      dailyLimit: 4,
      keepsContactGap: true,
      shortestDelayMs: 200,
      window: { from: '09:00', to: '17:00' },
    },
    {
      name: 'other',
      salesperson: 'anna@firma.example',
      steps: ['only'],
      dailyLimit: null,
      keepsContactGap: true,
      shortestDelayMs: 0,
      window: { from: '09:00', to: '17:00' },
    },
  ],
}

/** A mail that went out, in the record and in the ledger, one second after the other. */
function sent(count: number, about: Partial<LedgerMail> = {}): { recorded: RecordedMail; ledger: LedgerMail } {
  const recipient = about.recipient ?? 'jan@klient.example'
  const messageId = `<${count}@firma.example>`
  const atMs = NOON_MS + count * 1000
  return {
    recorded: {
      from: 'anna@firma.example',
      to: recipient,
      headers: new Map(),
      messageId,
      askedAtMs: atMs,
      contentAtMs: atMs + 2,
      acceptedAtMs: atMs + 3,
    },
    ledger: { ...ledger(count, about), messageId },
  }
}

function ledger(id: number, about: Partial<LedgerMail> = {}): LedgerMail {
  return {
    id,
    campaign: 'spring',
    recipient: 'jan@klient.example',
    step: 'intro',
    status: 'sent',
    messageId: null,
    isLater: false,
    plannedAt: null,
    boundTo: null,
    detail: null,
    ...about,
  }
}

const LISTS = [{ campaign: 'spring', file: '', addresses: ['jan@klient.example'] }]

function count(mails: ReturnType<typeof sent>[], more: Partial<Evidence> & { open?: LedgerMail[] } = {}) {
  const { open = [], ...evidence } = more
  return countUp({
    recorded: mails.map(({ recorded }) => recorded),
    ledger: [...mails.map((mail) => mail.ledger), ...open],
    lists: LISTS,
    terms: TERMS,
    ...evidence,
  })
}

const intro = sent(1)
const reminder = sent(2, { step: 'reminder' })

test('each lead’s steps are planned, and accepted where the recorder has them', () => {
  const tally = count([intro, reminder])
  expect(tally).toEqual({
    planned: 2,
    accepted: 2,
    duplicates: 0,
    lost: 0,
    in_doubt: 0,
    over_limit: 0,
    outside_window: 0,
    too_close: 0,
    waiting: 0,
  })
  expect(isClean(tally)).toBe(true)
})

test('a mail that the recorder has twice is a duplicate, under its Message-ID or another one', () => {
  const again = { ...intro.recorded, askedAtMs: NOON_MS + 9000, contentAtMs: NOON_MS + 9002 }
  const recorded = [intro.recorded, reminder.recorded, again]
  expect(count([intro, reminder], { recorded })).toMatchObject({ accepted: 2, duplicates: 1, lost: 0 })
  const renamed = [...recorded.slice(0, 2), { ...again, messageId: '<else@firma.example>' }]
  const tally = count([intro, reminder], { recorded: renamed })
  expect(tally).toMatchObject({ accepted: 2, duplicates: 1, lost: 0 })
  expect(isClean(tally)).toBe(false)
})

test('a mail that arrived, and that the ledger would send again, counts as a duplicate', () => {
  const open = { ...intro, ledger: { ...intro.ledger, status: 'pending' } }
  expect(count([open, reminder])).toMatchObject({ accepted: 2, duplicates: 1 })
})

test('a mail that went to somebody else is lost to its lead, and one too many', () => {
  const strayed = { ...intro.recorded, to: 'eve@klient.example' }
  expect(count([intro], { recorded: [strayed] })).toMatchObject({ planned: 1, accepted: 0, duplicates: 1, lost: 1 })
})

test('a mail that the ledger calls sent, and the recorder does not have, is lost; so is one that the ledger never knew', () => {
  expect(count([intro, reminder], { recorded: [intro.recorded] })).toMatchObject({ planned: 2, accepted: 1, lost: 1 })
  const lists = [{ ...LISTS[0], campaign: 'spring', file: '', addresses: ['jan@klient.example', 'ola@klient.example'] }]
  expect(count([intro, reminder], { lists })).toMatchObject({ planned: 3, lost: 1 })
})

test('a mail in doubt that the recorder does not have is in doubt; one that it has is accepted', () => {
  const doubtful = ledger(1, { status: 'in_doubt', messageId: '<1@firma.example>' })
  expect(count([], { open: [doubtful] })).toMatchObject({ planned: 1, accepted: 0, lost: 0, in_doubt: 1 })
  const open = [{ ...doubtful }, ledger(2, { step: 'reminder', status: 'pending' })]
  const tally = count([], { open, recorded: [intro.recorded] })
  expect(tally).toMatchObject({ planned: 2, accepted: 1, lost: 1, in_doubt: 0, duplicates: 0 })
})

test('what a limit leaves for another day waits, and is neither planned nor lost', () => {
  const later = ledger(2, { step: 'reminder', status: 'pending', isLater: true })
  expect(count([intro], { open: [later] })).toMatchObject({ planned: 1, accepted: 1, lost: 0, waiting: 1 })
})

test('mails beyond the limits of a mailbox, its warm-up, a campaign and a salesperson are counted', () => {
  const addresses = Array.from({ length: 5 }, (_, i) => `lead-${i}@klient.example`)
  const mails = addresses.map((recipient, i) => sent(i + 1, { recipient }))
  const lists = [{ campaign: 'spring', file: '', addresses }]
  // 5 of 3 from the mailbox, 5 of 4 of the campaign, 5 of 4 of the salesperson.
  expect(count(mails, { lists })).toMatchObject({ over_limit: 2 + 1 + 1 })
  const warming = mails.map(({ recorded }, i) => ({ ...recorded, from: i < 2 ? 'new@firma.example' : recorded.from }))
  expect(count(mails, { lists, recorded: warming })).toMatchObject({ over_limit: 1 + 1 + 1 })
})

test('a lead whom two campaigns mail on one day is over the limit', () => {
  const only = sent(3, { campaign: 'other', step: 'only' })
  const lists = [...LISTS, { ...LISTS[0], campaign: 'other', file: '', addresses: ['jan@klient.example'] }]
  expect(count([intro, reminder, only], { lists })).toMatchObject({ over_limit: 1, duplicates: 0, lost: 0 })
})

const at = (hour: number) => NOON_MS + (hour - 12) * 3_600_000

test('a mail outside its campaign’s window is counted', () => {
  const atHour = (hour: number) => [{ ...intro.recorded, askedAtMs: at(hour), contentAtMs: at(hour) + 2 }]
  expect(count([intro], { recorded: atHour(8.99) })).toMatchObject({ outside_window: 1 })
  expect(count([intro], { recorded: atHour(9) })).toMatchObject({ outside_window: 0 })
  expect(count([intro], { recorded: atHour(17) })).toMatchObject({ outside_window: 1 })
})

test('two mails that no instants of their fences keep apart are too close, by the mailbox’s gap and the campaign’s delay', () => {
  const apart = (ms: number) => {
    const askedAtMs = intro.recorded.askedAtMs + ms
    return [intro.recorded, { ...reminder.recorded, askedAtMs, contentAtMs: askedAtMs + 2 }]
  }
  expect(count([intro, reminder], { recorded: apart(90) })).toMatchObject({ too_close: 2 })
  expect(count([intro, reminder], { recorded: apart(150) })).toMatchObject({ too_close: 1 })
  expect(count([intro, reminder], { recorded: apart(250) })).toMatchObject({ too_close: 0 })
  // The content was asked for early, and the fence let it wait.
  const [first, second] = apart(10)
  const waited = second && { ...second, contentAtMs: second.contentAtMs + 240 }
  expect(count([intro, reminder], { recorded: [intro.recorded, waited ?? intro.recorded] })).toMatchObject({
    too_close: 0,
  })
  expect(first).toBe(intro.recorded)
})
