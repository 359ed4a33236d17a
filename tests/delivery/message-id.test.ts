import { describe, expect, it } from 'vitest'
import { checkMessageId, rfcMessageId } from '../../src/delivery/message-id.ts'
import { both, type Fault, raw, reply } from '../smtp/fault-server.ts'
import { against } from './dialogue-with.ts'

const step = {
  installationId: 'i1',
  campaign: 'spring',
  lead: 'jan@klient.example',
  stepKey: 'intro',
  domain: 'firma.example',
}

describe('a Message-ID', () => {
  it('is the same whenever it is made from the same data', () => {
    expect(rfcMessageId(step)).toBe(rfcMessageId({ ...step }))
    expect(rfcMessageId(step)).toMatch(/^<[a-z2-7]{32}@firma\.example>$/)
  })

  it('differs with each part, and parts do not run into each other', () => {
    const ids = [
      step,
      { ...step, installationId: 'i2' },
      { ...step, campaign: 'summer' },
      { ...step, lead: 'ewa@klient.example' },
      { ...step, stepKey: 'reminder' },
      { ...step, campaign: 'springjan', lead: '@klient.example' },
      { installationId: 'i1', idempotencyKey: 'spring', domain: 'firma.example' },
      { installationId: 'i1', idempotencyKey: 'summer', domain: 'firma.example' },
    ].map(rfcMessageId)
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('has an ASCII domain', () => {
    expect(rfcMessageId({ ...step, domain: 'żółw.pl' })).toMatch(/@xn--w-uga1v8h\.pl>$/)
  })

  it.each(['a@b', '<a@b> <c@d>', '<a b@c>', '<a@b>\r\n', '<@b>', '<a@>', '<ż@b>', '', `<${'a'.repeat(900)}@b>`])(
    'is not %j',
    (id) => {
      expect(() => checkMessageId(id)).toThrow('is not a Message-ID')
    },
  )
})

const take: Fault = (connection) => connection.accept()

describe('the Message-ID that a server gives a mail instead', () => {
  it.each([
    ['<AM0@AM0.eurprd04.prod.outlook.com>', '<AM0@AM0.eurprd04.prod.outlook.com>'],
    // Neither is one.
    ['<AM0.eurprd04.prod.outlook.com>', null],
    ['<AM0@é.prod.outlook.com>', null],
  ])('%s is kept as %s', async (named, kept) => {
    const { send } = await against({ plan: { dot: reply(`250 2.0.0 OK ${named} [Hostname=AM0]`) } })
    expect(await send()).toMatchObject({ failure: null, serverMessageId: kept })
  })

  it.each([
    ['421', '421 4.4.2 too many mails on this connection\r\n'],
    ['words that have no place', 'Bye.\r\n'],
  ])('is kept where the same packet goes on with %s, and the next mail has a new connection', async (_, more) => {
    const yes = '250 2.0.0 OK <AM0@AM0.eurprd04.prod.outlook.com> [Hostname=AM0]\r\n'
    const { send, server } = await against({ plan: { dot: both(take, raw(yes + more)) } })
    for (const mails of [1, 2]) {
      expect(await send()).toMatchObject({ failure: null, serverMessageId: '<AM0@AM0.eurprd04.prod.outlook.com>' })
      expect(server.connections).toHaveLength(mails)
    }
    expect(server.accepted()).toHaveLength(2)
  })
})
