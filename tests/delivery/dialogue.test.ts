import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import net, { type LookupFunction } from 'node:net'
import { describe, expect, it } from 'vitest'
import { socketFailure } from '../../src/delivery/connection.ts'
import type { DialogueResult } from '../../src/delivery/dialogue.ts'
import type { FenceVerdict } from '../../src/delivery/gated-mail.ts'
import { outcomeOf } from '../../src/delivery/outcomes.ts'
import { both, deaf, type Fault, fin, type Plan, raw, reply, rst, silence } from '../smtp/fault-server.ts'
import { largeMail, smallMail } from './dialogue-mails.ts'
import { against } from './dialogue-with.ts'

const passed: FenceVerdict = { passed: true }

/** The plan for the n-th mail of the first connection; all else goes well. */
function onMail(index: number, plan: Plan): (connection: number, mail: number) => Plan {
  return (connection, mail) => (connection === 0 && mail === index ? plan : {})
}

/** A reply that takes its time. */
function slow(line: string): Fault {
  return (connection) => {
    // The server is slow on purpose.
    const timer = setTimeout(() => connection.write(`${line}\r\n`), 200)
    void connection.closed.then(() => clearTimeout(timer))
  }
}

/** The client's end of the connection that is opened next. */
async function nextSocket(): Promise<{ socket: net.Socket }> {
  const opened = Promise.withResolvers<{ socket: net.Socket }>()
  const hear = (message: unknown): void => {
    unsubscribe('net.client.socket', hear)
    opened.resolve(message as { socket: net.Socket })
  }
  subscribe('net.client.socket', hear)
  return opened.promise
}

/** Says the one to EHLO and the other to HELO. */
function firstThen(first: string, then: string): Fault {
  return (connection) => connection.write(`${connection.commands.length === 1 ? first : then}\r\n`)
}

/** A fence that says when it is asked, and answers when told. */
function handFence(): {
  fence: () => Promise<FenceVerdict>
  asked: Promise<void>
  answer: (verdict: FenceVerdict) => void
} {
  const asked = Promise.withResolvers<void>()
  const verdict = Promise.withResolvers<FenceVerdict>()
  const fence = (): Promise<FenceVerdict> => {
    asked.resolve()
    return verdict.promise
  }
  return { fence, asked: asked.promise, answer: verdict.resolve }
}

describe.each([{ pipelining: false }, { pipelining: true }])(
  'the fence, with pipelining $pipelining',
  ({ pipelining }) => {
    it('is asked after the 354, and not a byte of content leaves before it has passed', async () => {
      const { fence, asked, answer } = handFence()
      const { send, server } = await against({ pipelining })
      const sending = send({ fence })
      await asked
      const { bytes } = await server.connection(0)
      answer(passed)
      expect(await sending).toMatchObject({ failure: null, fence: 'passed', released: true })
      expect(bytes.endsWith('DATA\r\n')).toBe(true)
    })

    it('closes the connection without a further byte when it is refused', async () => {
      const { send, server } = await against({ pipelining })
      const result = await send({ fence: () => Promise.resolve({ passed: false, reason: 'campaign paused' }) })
      const connection = await server.connection(0)
      await connection.closed
      expect(result).toMatchObject({
        stage: 'data',
        failure: 'fence_refused',
        fence: 'refused',
        error: 'campaign paused',
      })
      expect(outcomeOf(result)).toMatchObject({ kind: 'aborted', giveBack: true })
      expect(connection.bytes.endsWith('DATA\r\n')).toBe(true)
      expect(connection.mails[0]).toMatchObject({ complete: false, raw: '' })
    })

    it('counts as refused when it fails', async () => {
      const { send, server } = await against({ pipelining })
      const result = await send({ fence: () => Promise.reject(new Error('no connection to Postgres')) })
      await (
        await server.connection(0)
      ).closed
      expect(result).toMatchObject({ failure: 'fence_refused', fence: 'refused' })
      expect(result.error).toContain('no connection to Postgres')
      expect((await server.connection(0)).bytes.endsWith('DATA\r\n')).toBe(true)
    })

    it('lets nothing out when it passes after the time before it was over', async () => {
      const { fence, answer } = handFence()
      const { send, server } = await against({ pipelining, deadlines: { beforeFenceMs: 1500 } })
      const result = await send({ fence })
      answer(passed)
      const connection = await server.connection(0)
      await connection.closed
      expect(result).toMatchObject({ stage: 'data', failure: 'timeout', fence: 'unanswered', released: false })
      expect(outcomeOf(result)).toMatchObject({ kind: 'aborted', giveBack: true, rule: 'fence not answered in time' })
      expect(connection.bytes.endsWith('DATA\r\n')).toBe(true)
    })

    it('may take longer than a phase of the server', async () => {
      const { send } = await against({ pipelining, deadlines: { phaseMs: 1500 } })
      // The fence is slow on purpose.
      const late = new Promise<FenceVerdict>((resolve) => void setTimeout(() => resolve(passed), 1800))
      expect(await send({ fence: () => late })).toMatchObject({ failure: null, fence: 'passed' })
    })

    it('is not asked when the recipient is refused, and the connection serves the next mail', async () => {
      let asked = 0
      const fence = (): Promise<FenceVerdict> => Promise.resolve().then(() => (asked++, passed))
      const { send, server } = await against({ pipelining, plan: onMail(0, { rcpt: reply('550 5.1.1 No such user') }) })
      expect(await send({ fence })).toMatchObject({ stage: 'rcpt', fence: 'not_reached' })
      expect(asked).toBe(0)
      expect(await send({ fence })).toMatchObject({ failure: null })
      expect(server.connections).toHaveLength(1)
      expect(server.connections[0]?.commands).toContain('RSET')
      expect(server.accepted()).toHaveLength(1)
    })

    it('leaves the bytes of a mail as they are: dots doubled on the wire, single with the receiver', async () => {
      const { send, server } = await against({ pipelining })
      await send()
      const [mail] = (await server.connection(0)).mails
      expect(mail?.raw).toBe('Subject: one\r\n\r\n..dot\r\n...two\r\n\r\n..\r\n....\r\nlast line\r\n.\r\n')
      expect(server.accepted()[0]?.equals(smallMail)).toBe(true)
    })
  },
)

describe('the dot', () => {
  it.each(['monotonic', 'wall', 'uptime'] as const)(
    'is not released when much time has passed by the %s clock',
    async (which) => {
      const now = { monotonic: 0, wall: 0, uptime: 0 }
      const clocks = { monotonic: () => now.monotonic, wall: () => now.wall, uptime: () => now.uptime }
      const { send, server } = await against({ clocks, deadlines: { dotWithinMs: 2_000 } })
      const result = await send({
        fence: () => {
          now[which] = 2_001
          return Promise.resolve(passed)
        },
      })
      const connection = await server.connection(0)
      await connection.closed
      expect(result).toMatchObject({ stage: 'body', failure: 'too_late_at_dot', fence: 'passed', released: false })
      expect(outcomeOf(result)).toMatchObject({ kind: 'aborted', giveBack: false })
      expect(connection.mails[0]?.complete).toBe(false)
      expect(connection.bytes).not.toMatch(/\r\n\.\r\n$/)
    },
  )

  it('is released when a fence that waited says from when on time counts', async () => {
    let now = 0
    const clock = (): number => now
    const { send } = await against({ clocks: { monotonic: clock, wall: clock, uptime: clock } })
    const result = await send({
      fence: (restart) => {
        now = 100_000
        restart()
        return Promise.resolve(passed)
      },
    })
    expect(result).toMatchObject({ failure: null, released: true })
  })

  it('is released although the wall clock was set back', async () => {
    let wall = 1_000_000
    const { send } = await against({ clocks: { monotonic: () => 0, wall: () => (wall -= 500_000), uptime: () => 0 } })
    expect(await send()).toMatchObject({ failure: null, released: true })
  })

  it('does not wait in a buffer: a server that reads no more ends the mail before its release', async () => {
    const { send, server } = await against({ plan: { body: deaf }, deadlines: { blockMs: 60_000, dotWithinMs: 400 } })
    const result = await send({ mail: largeMail })
    expect(result).toMatchObject({ stage: 'body', failure: 'too_late_at_dot', released: false })
    expect((await server.connection(0)).mails[0]?.complete).toBe(false)
  })

  it('leaves the outcome unknown when the caller gives up behind it, and aborted before it', async () => {
    for (const [stage, kind] of [
      ['rcpt', 'aborted'],
      ['dot', 'unknown'],
    ] as const) {
      const { send, server } = await against({
        plan: { [stage]: silence },
      })
      const controller = new AbortController()
      const sending = send({ signal: controller.signal })
      await (await server.connection(0)).reached(stage)
      controller.abort()
      const result = await sending
      expect(result).toMatchObject({ stage, failure: 'cancelled' })
      expect(outcomeOf(result).kind).toBe(kind)
    }
  })
})

describe('a server out of step', () => {
  it.each([
    ['wants content with a 250', { data: reply('250 2.0.0 Ok') }],
    ['answers the content before it has come', { data: reply('354 Go ahead', '250 2.0.0 Ok') }],
    ['answers RCPT twice', { rcpt: reply('250 2.1.5 Ok', '250 2.1.5 Ok') }],
    ['speaks while nobody asked it', { ehlo: reply('250 fault.example', '250 2.0.0 Ok') }],
    [
      'wants the content of a mail it has refused',
      { rcpt: reply('550 5.1.1 No such user'), data: reply('354 Go ahead') },
    ],
  ])('that %s gets no content', async (_, plan) => {
    const { send, server } = await against({ plan, pipelining: 'data' in plan && 'rcpt' in plan })
    const result = await send()
    const connection = await server.connection(0)
    await connection.closed
    expect(result.released).toBe(false)
    expect(['aborted', 'mailbox_fault', 'rejected']).toContain(outcomeOf(result).kind)
    expect(connection.bytes).not.toContain('last line')
    expect(connection.commands).not.toContain('.')
  })

  it('that answers 354 to the dot leaves the outcome unknown', async () => {
    const { send } = await against({ plan: { dot: reply('354 Go ahead') } })
    expect(outcomeOf(await send())).toMatchObject({ kind: 'unknown' })
  })

  it('that says yes while content is under way may have taken a part of it: nobody knows', async () => {
    const { send, server } = await against({ plan: { body: both(deaf, reply('250 2.0.0 Ok: queued')) } })
    const result = await send({ mail: largeMail })
    expect(result).toMatchObject({ stage: 'body', failure: 'protocol', released: false, reply: { code: 250 } })
    expect(outcomeOf(result)).toMatchObject({ kind: 'unknown', giveBack: false })
    expect((await server.connection(0)).mails[0]?.complete).toBe(false)
  })

  it('that refuses while content is under way has refused the mail', async () => {
    const { send } = await against({ plan: { body: both(deaf, reply('552 5.3.4 Message too big')) } })
    const result = await send({ mail: largeMail })
    expect(result).toMatchObject({
      stage: 'body',
      failure: 'refused',
      released: false,
      reply: { code: 552, enhanced: '5.3.4' },
    })
    expect(outcomeOf(result)).toMatchObject({ kind: 'rejected', leadBounced: false })
  })
})

describe('a kept connection', () => {
  it('carries the mails that follow', async () => {
    const { send, server } = await against()
    for (let i = 0; i < 3; i++) expect(await send()).toMatchObject({ failure: null })
    expect(server.connections).toHaveLength(1)
    expect(server.accepted()).toHaveLength(3)
  })

  it('is ended with QUIT when no mail follows', async () => {
    const { send, server } = await against({ deadlines: { idleMs: 50 } })
    await send()
    const connection = await server.connection(0)
    await connection.closed
    expect(connection.commands.at(-1)).toBe('QUIT')
    expect(await send()).toMatchObject({ failure: null })
    expect(server.connections).toHaveLength(2)
  })

  it('is replaced unseen when the server has closed it meanwhile', async () => {
    const { send, server } = await against()
    await send()
    const first = await server.connection(0)
    first.socket.end('421 4.4.2 Idle timeout\r\n')
    await first.closed
    expect(await send()).toMatchObject({ failure: null })
    expect(server.connections).toHaveLength(2)
  })

  it.each([
    ['reset', rst],
    ['closed', fin],
    ['silent', silence],
    ['at its most mails', reply('421 4.7.0 Too many messages on this connection')],
    ['at its most mails in other words', reply('452 4.5.3 Too many messages on this connection')],
    ['not logged in any more', reply('530 5.7.0 Authentication required')],
    ['out of step', raw('hello?\r\n')],
  ])('is replaced unseen when it turns out at MAIL to be %s', async (_, fault) => {
    const { send, server } = await against({ plan: onMail(1, { mail: fault }), deadlines: { phaseMs: 600 } })
    await send()
    expect(await send()).toMatchObject({ failure: null, stage: 'dot' })
    expect(server.connections).toHaveLength(2)
    expect(server.accepted()).toHaveLength(2)
  })

  it.each([
    ['closed', fin, 'lost'],
    ['refused', reply('550 5.7.1 You may not send'), 'refused'],
  ])('is replaced once, not for ever, where MAIL on the new one is %s too', async (_, fault, failure) => {
    const { send, server } = await against({
      plan: (connection, mail) => (connection + mail > 0 ? { mail: fault } : {}),
    })
    await send()
    expect(await send()).toMatchObject({ stage: 'mail', failure, offered: true })
    expect(server.connections).toHaveLength(2)
  })

  it.each([
    ['refused', { rcpt: reply('550 5.1.1 No such user') }],
    ['accepted', {}],
  ])(
    'that ends in the very moment in which a mail is handed to it says nothing of that mail: the one before was %s',
    async (_, plan) => {
      const { send, server } = await against({ plan: onMail(0, plan) })
      const socket = nextSocket()
      await send()
      // The server's end is heard first, and before it is acted on comes the mail.
      const second = Promise.withResolvers<DialogueResult>()
      const { socket: client } = await socket
      client.once('end', () => second.resolve(send()))
      const first = await server.connection(0)
      if ('rcpt' in plan) await first.reached('rset')
      first.socket.end()
      expect(await second.promise).toMatchObject({ failure: null, stage: 'dot' })
      expect(server.connections).toHaveLength(2)
    },
  )

  it('carries no mail whose caller has given up while it was being reset', async () => {
    const { send, server } = await against({
      plan: onMail(0, { rcpt: reply('451 4.7.1 Greylisted'), rset: slow('250 2.0.0 Ok') }),
    })
    await send()
    const controller = new AbortController()
    const sending = send({ signal: controller.signal })
    await (await server.connection(0)).reached('rset')
    controller.abort()
    expect(await sending).toMatchObject({ failure: 'cancelled', offered: false })
  })

  it('is given up when the server refuses RSET', async () => {
    const { send, server } = await against({
      plan: onMail(0, { rcpt: reply('451 4.7.1 Greylisted'), rset: reply('502 5.5.1 No RSET here') }),
    })
    expect(await send()).toMatchObject({ stage: 'rcpt' })
    expect(await send()).toMatchObject({ failure: null })
    expect(server.connections).toHaveLength(2)
  })

  it('is not replaced once content may have gone out: the second mail is lost behind its dot, and unknown', async () => {
    const { send, server } = await against({ plan: onMail(1, { dot: fin }) })
    await send()
    expect(outcomeOf(await send()).kind).toBe('unknown')
    expect(server.connections).toHaveLength(1)
  })

  it('is none where the login was refused, or content: the next mail has a new one', async () => {
    for (const fault of [{ auth: reply('454 4.7.0 Later') }, { dot: reply('451 4.3.0 Later') }]) {
      const { send, server } = await against({
        auth: true,
        plan: (connection) => (connection === 0 ? fault : {}),
        deadlines: { idleMs: 1e6 },
      })
      expect(await send()).toMatchObject({ failure: 'refused' })
      await (
        await server.connection(0)
      ).closed
      expect(await send()).toMatchObject({ failure: null })
    }
  })

  it('does not hold up a close that comes during a mail', async () => {
    const { fence, asked, answer } = handFence()
    const { send, server, connection } = await against()
    const sending = send({ fence })
    await asked
    await connection.close()
    answer(passed)
    expect(await sending).toMatchObject({ failure: null })
    await (
      await server.connection(0)
    ).closed
  })
})

describe('an envelope', () => {
  it.each([
    'b@y.pl\r\nRCPT TO:<evil@z.pl>',
    'b@y.pl,evil@z.pl',
    'b@y.pl, evil@z.pl',
    'b@y.pl;evil@z.pl',
    'b@y.pl evil@z.pl',
    '<b@y.pl>',
    'b@y.pl> SIZE=1 <x@y.pl',
    '"b c"@y.pl',
    'B <b@y.pl>',
    'b@y.pl\u0000',
    'b@y.pl\u2028',
    'a@b@y.pl',
    '@y.pl',
    'b@',
    'b',
    '',
    'b@[127.0.0.1]',
    'b@127.0.0.1',
    'b@y..pl',
    'b@-y.pl',
    '.b@y.pl',
    'zażółć@y.pl',
    `${'b'.repeat(65)}@y.pl`,
    `b@${'y.'.repeat(130)}pl`,
  ])('with the recipient %j connects to nothing', async (to) => {
    const { send, server } = await against()
    const result = await send({ to })
    expect(result).toMatchObject({ failure: 'invalid_recipient', offered: false, stage: 'connect' })
    expect(outcomeOf(result)).toMatchObject({ kind: 'rejected', leadBounced: false, giveBack: true })
    expect(server.connections).toHaveLength(0)
  })

  it("with a sender that is none is the mailbox's fault", async () => {
    const { send } = await against()
    const result = await send({ from: 'anna@firma.example\r\nDATA' })
    expect(outcomeOf(result)).toMatchObject({ kind: 'mailbox_fault', permanentFault: true, giveBack: true })
  })

  it('carries one recipient, with an international domain in its ASCII form', async () => {
    const { send, server } = await against()
    await send({ to: "o'neil+tag@żółw.pl" })
    expect((await server.connection(0)).commands).toContain("RCPT TO:<o'neil+tag@xn--w-uga1v8h.pl>")
  })
})

describe('a connection that does not come about', () => {
  it('is unreachable where nothing listens', async () => {
    const { connection, server, send } = await against()
    await server.close()
    const result = await send()
    expect(result).toMatchObject({ stage: 'connect', failure: 'unreachable', offered: false })
    expect(outcomeOf(result)).toMatchObject({ kind: 'mailbox_fault', permanentFault: false, giveBack: true })
    await connection.close()
  })

  it('is unreachable where a host has several addresses, and each says why', async () => {
    const { server } = await against()
    await server.close()
    const addresses = ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 }))
    const lookup: LookupFunction = (_, __, found) => void setImmediate(() => found(null, addresses))
    const failed = Promise.withResolvers<Error>()
    net.connect({ host: 'mail.example', port: server.port, lookup }).once('error', failed.resolve)
    const error = await failed.promise
    expect(socketFailure(error)).toEqual({
      kind: 'unreachable',
      text: `connect ECONNREFUSED 127.0.0.1:${server.port}; connect ECONNREFUSED 127.0.0.2:${server.port}`,
    })
  })

  it('is a matter of DNS where the name does not resolve', async () => {
    const { send } = await against({
      account: { host: 'no-such-host.invalid' },
      deadlines: { phaseMs: 20_000, beforeFenceMs: 20_000 },
    })
    expect(await send()).toMatchObject({ stage: 'connect', failure: 'dns' })
  })

  it('has the words of a server that refuses the greeting, though it closes before it is greeted in the old way', async () => {
    const blocked = '554 5.7.1 Your host is blocked'
    for (const ehlo of [both(reply(blocked), fin), firstThen('502 5.5.1 No EHLO', blocked)]) {
      const { send } = await against({ plan: { ehlo } })
      expect(await send()).toMatchObject({ stage: 'ehlo', failure: 'refused', reply: { code: 554 } })
    }
  })

  it('is in the old way with a server that knows no EHLO', async () => {
    const { send, server } = await against({ plan: { ehlo: firstThen('502 5.5.1 No EHLO', '250 fault.example') } })
    expect(await send()).toMatchObject({ failure: null })
    expect((await server.connection(0)).commands.slice(0, 2).map((line) => line.split(' ')[0])).toEqual([
      'EHLO',
      'HELO',
    ])
  })

  it('ends at the limit of all phases together, though each keeps its own', async () => {
    const plan = { greeting: slow('220 hello'), ehlo: slow('250 hello'), mail: slow('250 ok'), rcpt: slow('250 ok') }
    const { send } = await against({ plan, deadlines: { beforeFenceMs: 500 } })
    const error = 'the time that is given to all before the content was over'
    expect(await send()).toMatchObject({ failure: 'timeout', fence: 'not_reached', error })
  })
})

describe('a login', () => {
  it('is tried without sending anything', async () => {
    const { connection, server } = await against({ auth: true })
    expect(await connection.tryLogin()).toMatchObject({ failure: null, offered: false })
    const first = await server.connection(0)
    await first.closed
    expect(first.commands.at(-1)).toBe('QUIT')
  })

  it('that is refused is a permanent fault, and the password is in no text of it', async () => {
    const { connection, send } = await against({
      auth: true,
      plan: { auth: reply('535-5.7.8 Username and Password not accepted.', '535 5.7.8 Learn more at') },
    })
    for (const result of [await connection.tryLogin(), await send()]) {
      expect(result).toMatchObject({
        stage: 'auth',
        failure: 'refused',
        reply: { code: 535, enhanced: '5.7.8', text: 'Username and Password not accepted. Learn more at' },
      })
      expect(outcomeOf(result)).toMatchObject({ kind: 'mailbox_fault', permanentFault: true, giveBack: true })
      expect(JSON.stringify(result)).not.toContain('secret')
    }
  })

  it('with an access token uses XOAUTH2', async () => {
    const { send, server } = await against({ auth: true, account: { auth: { user: 'anna', accessToken: 'token' } } })
    expect(await send()).toMatchObject({ failure: null })
    const expected = Buffer.from('user=anna\u0001auth=Bearer token\u0001\u0001').toString('base64')
    expect((await server.connection(0)).commands).toContain(`AUTH XOAUTH2 ${expected}`)
  })

  it('whose token is refused in two steps, as Google does it, is tried once, and what the server said is told', async () => {
    const { connection, server } = await against({
      auth: true,
      account: { auth: { user: 'anna', accessToken: 'token' } },
      plan: {
        auth: (connection) => {
          connection.write('334 eyJzdGF0dXMiOiI0MDEifQ==\r\n')
          connection.socket.once('data', () => connection.socket.end('535 5.7.8 Not accepted\r\n'))
        },
      },
    })
    const result = await connection.tryLogin()
    expect(result).toMatchObject({ stage: 'auth', failure: 'refused', reply: { code: 535, text: 'Not accepted' } })
    expect(outcomeOf(result)).toMatchObject({ kind: 'mailbox_fault', permanentFault: true })
    expect((await server.connection(0)).commands.filter((command) => command.startsWith('AUTH'))).toHaveLength(1)
  })

  it('that is answered out of step, and with a NUL, has words that a database takes', async () => {
    const { connection } = await against({
      account: { auth: { user: 'anna', pass: 'secret' } },
      plan: {
        ehlo: (connection) => {
          connection.ignoreTheRest()
          connection.write('250-fault.example\r\n250 AUTH LOGIN\r\n')
          connection.socket.once('data', () => connection.write('235 \0 Welcome\r\n'))
        },
      },
    })
    const result = await connection.tryLogin()
    expect(result).toMatchObject({ stage: 'auth', reply: null })
    expect(result.error).toMatch(/: 235 +Welcome$/)
  })

  it('that is asked for more and more ends: no login has so many steps', async () => {
    const { connection, server } = await against({
      auth: true,
      plan: {
        auth: (connection) => {
          connection.ignoreTheRest()
          connection.write('334 TW9yZQ==\r\n')
          connection.socket.on('data', () => connection.write('334 TW9yZQ==\r\n'))
        },
      },
    })
    const result = await connection.tryLogin()
    expect(result).toMatchObject({ stage: 'auth', failure: 'protocol', reply: null })
    expect(result.error).toBe('the server asks for more of the login than there is')
    expect(outcomeOf(result)).toMatchObject({ kind: 'mailbox_fault', permanentFault: false })
    expect((await server.connection(0)).bytes.length).toBeLessThan(200)
  })

  it.each([
    ['a password', { user: 'anna', pass: 'the secret, all of it' }],
    ['an access token', { user: 'anna', accessToken: 'ya29.secret-token_all/of=it' }],
  ])('with %s that the server repeats, whole or cut, is in no text of it', async (_, auth) => {
    const { connection } = await against({
      auth: true,
      account: { auth },
      plan: {
        auth: (connection) => {
          const command = connection.commands.at(-1) ?? ''
          const sent = Buffer.from(command.split(' ')[2] ?? '', 'base64').toString()
          const cut = `${command.slice(0, 40)}...${command.slice(-12)}`
          return reply(`500-5.5.1 Unrecognized: "${command}"`, `500 5.5.1 ${cut} ${sent}`)(connection)
        },
      },
    })
    const result = await connection.tryLogin()
    expect(result.reply?.text).toMatch(
      /^Unrecognized: "AUTH (PLAIN|XOAUTH2) \*\*\*" AUTH (PLAIN|XOAUTH2) \*\*\*\.\.\.\*\*\* /,
    )
    expect(JSON.stringify(result)).not.toMatch(/secret/)
  })
})
