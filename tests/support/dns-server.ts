/** A name server on 127.0.0.1 that has TXT records, and says of every other name that it is not there; or nothing at all. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'

export interface DnsServer {
  /** `127.0.0.1:port` */
  address: string
  /** Names that were asked for, in lower case. */
  asked: string[]
}

/** `records`: texts by name; `silent`: names it never answers; `failing`: names for which it says that it failed. */
export async function startDnsServer(
  records: Record<string, readonly string[]>,
  { silent = [], failing = [] }: { silent?: readonly string[]; failing?: readonly string[] } = {},
): Promise<DnsServer> {
  const socket = createSocket('udp4')
  const asked: string[] = []
  socket.on('message', (query, from) => {
    const { name, end } = readName(query)
    asked.push(name)
    if (silent.includes(name)) return
    const answer = failing.includes(name) ? SERVER_FAILURE : (records[name] ?? NO_SUCH_NAME)
    socket.send(reply(query, end, answer), from.port, from.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  onTestFinished(() => void socket.close())
  return { address: `127.0.0.1:${socket.address().port}`, asked }
}

const SERVER_FAILURE = 2
const NO_SUCH_NAME = 3
const HEADER = 12

/** The name of the first question, and where the question ends (RFC 1035 §4.1.2). */
function readName(query: Buffer): { name: string; end: number } {
  const labels: string[] = []
  let at = HEADER
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length).toLowerCase())
    at += 1 + length
  }
  return { name: labels.join('.'), end: at + 5 }
}

/** The question again, and a record for each text; or a code in place of them. */
function reply(query: Buffer, end: number, answer: readonly string[] | number): Buffer {
  const texts = typeof answer === 'number' ? [] : answer
  const header = Buffer.from(query.subarray(0, HEADER))
  header.writeUInt16BE(0x8180 | (typeof answer === 'number' ? answer : 0), 2)
  header.writeUInt16BE(texts.length, 6)
  header.writeUInt32BE(0, 8)
  return Buffer.concat([header, query.subarray(HEADER, end), ...texts.map(record)])
}

/** A TXT record of the name in the question; a text over 255 bytes is several strings. */
function record(text: string): Buffer {
  const strings = (text.match(/.{1,255}/gs) ?? ['']).map((part) =>
    Buffer.concat([Buffer.from([part.length]), Buffer.from(part, 'latin1')]),
  )
  const data = Buffer.concat(strings)
  const head = Buffer.alloc(12)
  head.writeUInt16BE(0xc000 | HEADER, 0)
  head.writeUInt16BE(16, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt32BE(60, 6)
  head.writeUInt16BE(data.length, 10)
  return Buffer.concat([head, data])
}
