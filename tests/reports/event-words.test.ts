import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { describeEvent, KNOWN_EVENT_TYPES, type EventFacts } from '../../src/reports/event-words.ts'
import { Temporal } from '../../src/time.ts'

const say = (type: string, data: Record<string, unknown> = {}): string => describeEvent({ type, data }, 'Europe/Warsaw')

describe('an event in words', () => {
  test.each([
    ['planned', { to: '2026-12-01T11:00:03.5+00:00' }, 'planned for 2026-12-01 12:00:03'],
    [
      'moved',
      { from: '2026-12-01T11:00:00+00:00', to: Temporal.Instant.from('2026-12-01T12:00:00Z'), reason: 'capacity' },
      'moved from 2026-12-01 12:00:00 to 2026-12-01 13:00:00: its place was taken',
    ],
    [
      'withdrawn',
      { from: '2026-12-01T11:00:00+00:00', reason: 'campaign_not_running' },
      'taken off its slot of 2026-12-01 12:00:00: its campaign does not run',
    ],
    ['settled', { state: 'accepted', outcome: 'accepted', response: '250 ok' }, 'accepted by the server: 250 ok'],
    [
      'settled',
      { state: 'deferred', outcome: 'mailbox_fault', response: '421 4.7.0 too many' },
      'failed for a fault of the mailbox: 421 4.7.0 too many',
    ],
    ['settled', { state: 'aborted', by: 'recovery' }, 'ended before any content went out, by recovery'],
    ['failed', { from: 'sending', reason: '550 5.7.1 policy' }, 'failed: 550 5.7.1 policy'],
    [
      'resolved',
      { state: 'presumed_unsent', by: 'anna@laptop' },
      'its doubt is resolved: it was not sent, says anna@laptop',
    ],
    ['resolved', { state: 'accepted', by: 'anna@laptop' }, 'its doubt is resolved: it was sent, says anna@laptop'],
    [
      'resolved',
      { state: 'accepted', outcome: 'accepted', response: '250 ok' },
      'its doubt is resolved by a late answer: accepted by the server: 250 ok',
    ],
    ['imported', { file: 'leads.csv', enrolled: 12 }, 'leads were imported from leads.csv: 12 enrolled'],
    [
      'applied',
      { kind: 'campaign', name: 'spring', change: 'changed' },
      'the settings of campaign spring were changed',
    ],
    ['campaign_paused', { from: 'running', to: 'paused' }, 'the campaign was paused'],
    ['suppressed', { value: 'bad.example', reason: 'asked by phone' }, 'bad.example was suppressed: asked by phone'],
    [
      'settled',
      { state: 'aborted', outcome: 'aborted', response: 'campaign_not_running' },
      'ended before any content went out: its campaign does not run',
    ],
    [
      'settled',
      { state: 'aborted', outcome: 'aborted', stage: 'body', response: 'connection lost' },
      'ended before its content was complete: connection lost',
    ],
    [
      'resolved',
      { state: 'accepted', outcome: 'unknown', response: 'its worker was gone', by: 'anna@laptop' },
      'its doubt is resolved: it was sent, says anna@laptop',
    ],
    ['slot_released', { state: 'accepted' }, 'another program has used its slot'],
    ['slot_released', { state: 'aborted', by: 'recovery' }, 'another program’s slot ran out: it counts as used'],
    ['slot_released', { state: 'aborted' }, 'another program gave its slot back'],
  ])('%s %j is: %s', (type, data, words) => expect(say(type, data)).toBe(words))

  test('names who did it, where from and by which worker, if they are given', () => {
    const at = Temporal.Instant.from('2026-12-01T08:00:00Z')
    const tell = (event: Partial<EventFacts> & { type: string }): string =>
      describeEvent({ data: {}, at, actor: 'anna@laptop', ...event }, 'Europe/Warsaw')
    const times = { from: '2026-12-01T11:00:00+00:00', to: '2026-12-02T11:00:00+00:00', reason: 'mailbox' }
    expect([
      tell({ type: 'moved', data: times, mailbox: 'b@x.example', from_mailbox: 'a@x.example' }),
      tell({ type: 'moved', data: { ...times, to: times.from }, mailbox: 'b@x.example', from_mailbox: 'a@x.example' }),
      tell({ type: 'moved', data: {} }),
      tell({ type: 'planned', data: { to: times.to }, mailbox: 'b@x.example' }),
      tell({ type: 'claimed', worker: 'host-2' }),
      tell({ type: 'cancelled', data: { reason: 'cancelled' } }),
      tell({ type: 'released', actor: 'postgres' }),
      tell({ type: 'lead_unblocked', data: { lifted: ['blocked', 'replied'] } }),
      tell({ type: 'lead_removed', campaign: 'spring' }),
      tell({ type: 'campaign_paused' }),
      tell({ type: 'campaign_completed', actor: 'sender' }),
    ]).toEqual([
      'moved from 12:00:00 at a@x.example to 2026-12-02 12:00:00 at b@x.example: its mailbox could not be used',
      'moved from a@x.example to b@x.example, at 12:00:00 as before: its mailbox could not be used',
      'moved',
      'planned for 2026-12-02 12:00:00 from b@x.example',
      'taken by worker host-2',
      'cancelled, by anna@laptop',
      'no longer set aside, by postgres',
      'the lead was unblocked: no longer blocked, replied, by anna@laptop',
      'the lead was taken out of campaign spring, by anna@laptop',
      'the campaign was paused, by anna@laptop',
      'the campaign is completed',
    ])
  })

  test('of a type without words shows all of it', () => {
    expect(say('something_new', { of: 3, when: '2026-12-01T11:00:00+00:00' })).toBe(
      'something new: of 3, when 2026-12-01 12:00:00',
    )
  })

  test('has words for every type that is written anywhere', () => {
    expect(writtenTypes().filter((type) => !KNOWN_EVENT_TYPES.includes(type))).toEqual([])
  })
})

/** The first text behind each `insert into goniec.event`, and what the triggers choose between. */
function writtenTypes(): string[] {
  const sources = [...filesIn('src', '.ts'), ...filesIn('migrations', '.sql')].map((path) => readFileSync(path, 'utf8'))
  const inserted = sources.flatMap((text) =>
    [...text.matchAll(/insert into goniec\.event \([^)]*\)\s*(?:select|values \()\s*'(\w+)'/g)].map(([, type]) => type),
  )
  const [, triggers = ''] = readFileSync('migrations/000004_guards.sql', 'utf8').split('goniec.record_message_events()')
  const chosen = [...triggers.matchAll(/(?:then|else) '(\w+)'/g)].map(([, type]) => type)
  return [...new Set([...inserted, ...chosen, 'sent', 'failed', 'cancelled', 'in_doubt'])].filter(
    (type) => type !== undefined,
  )
}

function filesIn(folder: string, end: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(end) && name !== 'schema.sql')
    .map((name) => join(folder, name))
}
