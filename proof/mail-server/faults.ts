/**
 * The eleven ways in which a server fails a stage. Chance varies each: what is said, where it is cut, in which pieces it comes, how it
 * ends. A deed says what it is for people, and what a client can know of it.
 */
import type { Random } from '../../tests/simulation/random.ts'
import { both, deaf, drip, endless, type Fault, fin, raw, reply, rst, silence } from '../../tests/smtp/fault-server.ts'
import type { Severed } from './severed.ts'
import { readSlowly, replySlowly } from './slow.ts'
import type { StageName } from './stages.ts'

export const FAULTS = [
  'FIN',
  'RST',
  'silence',
  'half-open',
  'dripping',
  '4xx',
  '5xx',
  '421',
  'garbage',
  'truncated',
  'endless',
] as const

export type FaultName = (typeof FAULTS)[number]

/** What a client can know: a complete no, nothing complete, something that is no answer, or the usual yes. */
export type Answer =
  { kind: 'reply'; code: number; enhanced: string | null } | { kind: 'none' } | { kind: 'nonsense' } | { kind: 'usual' }

export interface Deed {
  act: Fault
  what: string
  answer: Answer
}

/** What a server does at a stage, as chance has it. */
export function drawDeed(stage: StageName, fault: FaultName, random: Random, severed: Severed): Deed {
  const deed = DEEDS[fault](stage, random, severed)
  if (stage !== 'body' || isReader(deed)) return deed
  // A server that reads on comes to the dot: it stops reading, and then fails.
  return { ...deed, act: both(deaf, deed.act) }
}

const DEEDS: Readonly<Record<FaultName, (stage: StageName, random: Random, severed: Severed) => Deed>> = {
  FIN: () => ({ act: fin, what: 'the server closes the connection', answer: NONE }),
  RST: () => ({ act: rst, what: 'the server resets the connection', answer: NONE }),
  silence: () => ({ act: silence, what: 'the server says nothing any more', answer: NONE }),
  'half-open': (_, __, { sever, how }) => ({
    act: sever,
    what: `the server is gone without a word: ${how}`,
    answer: NONE,
  }),
  dripping,
  '4xx': (_, random) => said(random, random.pick(DEFERRALS)),
  '5xx': (stage, random) => said(random, random.pick(stage === 'rcpt' ? REFUSALS_OF_RECIPIENTS : REFUSALS)),
  '421': (_, random) => {
    const { act, what, answer } = said(random, random.pick(GOODBYES))
    return random.chance(0.5)
      ? { act, what, answer }
      : { act: both(act, fin), what: `${what}, and closes the connection`, answer }
  },
  garbage: (stage, random) => {
    const bytes = random.pick(stage === 'dot' || stage === 'body' ? [...GARBAGE, '354 go on\r\n'] : GARBAGE)
    return { act: raw(bytes), what: `the server sends ${JSON.stringify(bytes.slice(0, 40))}`, answer: NONSENSE }
  },
  truncated,
  endless: (_, random) => {
    const line = random.pick(ENDLESS)
    return {
      act: endless(line),
      what: `the server sends ${JSON.stringify(line.slice(0, 20))} without end`,
      answer: NONSENSE,
    }
  },
}

/** The reply that the stage expects, whole. */
export function usualReply(stage: StageName): string {
  if (stage === 'greeting') return '220 fault.example ESMTP ready\r\n'
  if (stage === 'starttls') return '220 2.0.0 Ready to start TLS\r\n'
  if (stage === 'tls') return '\u0016\u0003\u0003\u0000\u007a\u0002\u0000\u0000\u0076\u0003\u0003'
  if (stage === 'auth') return '235 2.7.0 Authentication successful\r\n'
  if (stage === 'data') return '354 End data with <CR><LF>.<CR><LF>\r\n'
  if (stage === 'quit') return '221 2.0.0 Bye\r\n'
  return '250 2.0.0 Ok: queued as 4bXk2Z5r1Tz\r\n'
}

function dripping(stage: StageName, random: Random): Deed {
  const everyMs = random.int(20, 60)
  if (stage === 'body' && random.chance(0.5))
    return { act: readSlowly(everyMs * 20), what: 'the server reads the content a little at a time', answer: NONE }
  // Some come to an end in time: they are replies like any other.
  if (!NEVER_SLOW.includes(stage) && random.chance(0.2)) {
    const usual = usualReply(stage)
    const deed = both(takeAt(stage), replySlowly(usual, everyMs / 4))
    return { act: deed, what: `the usual reply comes a byte each ${everyMs / 4} ms`, answer: { kind: 'usual' } }
  }
  const bytes = random.pick(['250-', '2', '250-a\r\n', '354-a\r\n', '5'])
  // The last two come to whole lines: a reply that goes on for ever.
  return {
    act: drip(bytes, everyMs * 3, true),
    what: `${JSON.stringify(bytes)} comes a byte at a time for ever`,
    answer: NONE,
  }
}

function truncated(stage: StageName, random: Random): Deed {
  const whole = random.chance(0.6) ? usualReply(stage) : random.pick(HALF_REFUSALS)
  // All but the line's end is still half a reply.
  const cut = whole.slice(0, random.int(1, whole.length - 2))
  const end = random.pick([
    { act: fin, what: 'closes the connection' },
    { act: fin, what: 'closes the connection' },
    { act: rst, what: 'resets the connection' },
    { act: silence, what: 'says nothing more' },
  ])
  return {
    act: both(raw(cut), end.act),
    what: `the server sends ${JSON.stringify(cut)} and ${end.what}`,
    answer: NONE,
  }
}

function said(random: Random, [code, enhanced, text]: Refusal): Deed {
  const body = enhanced === null ? text : `${enhanced} ${text}`
  const lines = random.chance(0.3) ? [`${code}-${body}`, `${code} ${body}`] : [`${code} ${body}`]
  return { act: reply(...lines), what: `the server says ${code} ${body}`, answer: { kind: 'reply', code, enhanced } }
}

/** Where the usual reply is more than a line, or begins something. */
const NEVER_SLOW: readonly StageName[] = ['ehlo', 'starttls', 'tls', 'data', 'body', 'rset', 'quit']

/** What a server does that says yes at this stage. */
function takeAt(stage: StageName): Fault {
  return (connection) => {
    if (stage === 'rcpt') connection.takeRecipient()
    if (stage === 'dot') connection.accept()
  }
}

function isReader({ what }: Deed): boolean {
  return what.includes('a little at a time')
}

const NONE: Answer = { kind: 'none' }
const NONSENSE: Answer = { kind: 'nonsense' }

type Refusal = readonly [code: number, enhanced: string | null, text: string]

const DEFERRALS: readonly Refusal[] = [
  [450, '4.2.1', 'Mailbox busy, try again later'],
  [451, '4.3.0', 'Try again later'],
  [451, '4.7.1', 'Greylisting in action, please come back later'],
  [451, null, 'Requested action aborted: local error in processing'],
  [452, '4.3.1', 'Insufficient system storage'],
  [452, '4.5.3', 'Too many recipients'],
  [432, '4.7.12', 'A password transition is needed'],
  [454, '4.7.0', 'Temporary authentication failure'],
]

const REFUSALS: readonly Refusal[] = [
  [550, '5.7.1', 'Refused'],
  [550, null, 'relay not permitted'],
  [552, '5.3.4', 'Message too big for system'],
  [554, '5.7.1', 'Spam message rejected'],
  [550, '5.4.5', 'Daily user sending quota exceeded'],
  [535, '5.7.30', 'Basic authentication is not supported'],
]

const REFUSALS_OF_RECIPIENTS: readonly Refusal[] = [
  ...REFUSALS,
  [550, '5.1.1', 'No such user here'],
  [550, '5.1.10', 'Recipient not found'],
]

const GOODBYES: readonly Refusal[] = [
  [421, '4.3.2', 'Service shutting down'],
  [421, '4.7.0', 'Too many connections, slow down'],
  [421, null, 'Timeout, closing channel'],
]

const GARBAGE = [
  '<html><body>502 Bad Gateway</body></html>\r\n',
  'HTTP/1.1 400 Bad Request\r\n\r\n',
  '999 what\r\n',
  '250-yes\r\n550 no\r\n',
  '\u0000\u0001\u0002\r\n',
  'x'.repeat(9000),
]

const HALF_REFUSALS = [
  '554 5.7.1 Message rejected as spam\r\n',
  '451 4.3.0 Try again later\r\n',
  '550-5.7.1 Message rejected\r\n550 5.7.1 for a reason\r\n',
]

const ENDLESS = ['250-and another one\r\n', '550-and another no\r\n', '2'.repeat(1000), '\r\n']
