/** Block E's look for a campaign that is passed over: it sees one, and a paused one is none. */
import { expect, test } from 'vitest'
import { starving } from '../../proof/many/starving.ts'
import type { AcceptedMail } from '../../proof/oracle.ts'
import { Temporal } from '../../src/time.ts'

const FROM = Temporal.Instant.from('2026-11-26T10:00:00Z')

const after = (seconds: number) => FROM.add({ seconds })

/** A second lies between two mails; a mail's id is its campaign's number and its own. */
function accepted(campaigns: readonly number[]): AcceptedMail[] {
  return campaigns.map((campaign, n) => ({
    at: after(n).toString(),
    from: 'box@team.example',
    to: `lead${n}@people.example`,
    messageId: `<${campaign}.${n}>`,
    subject: '',
    sha256: '',
  }))
}

const look = (campaigns: readonly number[], stops: Parameters<typeof starving>[2] = []) => {
  const mails = accepted(campaigns)
  const ids = mails.map(({ messageId }) => ({ id: messageId, campaign: `campaign-${messageId.slice(1, 2)}` }))
  return starving({ query: async () => ids as never }, mails, stops, 2)
}

const PASSED_OVER = [2, ...Array.from({ length: 450 }, () => 1), 2]

test('a campaign whose turn comes again and again is none', async () => {
  expect(await look(Array.from({ length: 1000 }, (_, n) => 1 + (n % 2)))).toEqual([])
})

test('a campaign that waits while hundreds of mails of another go out is seen', async () => {
  expect(await look(PASSED_OVER)).toEqual(['campaign-2 waited while 451 mails of others were accepted'])
})

test('one that was paused meanwhile is none', async () => {
  const stop = { of: 'campaign', name: 'campaign-2', from: after(2), until: after(400) } as const
  expect(await look(PASSED_OVER, [stop])).toEqual([])
})

test('a campaign that sends nothing is seen', async () => {
  expect(await look([1, 1, 1])).toEqual(['campaign-2 sent nothing'])
})
