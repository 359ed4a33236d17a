/**
 * A proxy between a worker and its Postgres that stops one statement where a cell wants it: before the server has it, or with the server's
 * answer in its hand. What happens then is the cell's affair: it lets go, swallows, resets, falls silent, or does something to the server.
 *
 *     const caught = await proxy.catch({ fits: ({ text }) => text.includes('goniec.settle('), at: 'reply' })
 *     caught.link.reset()                     // committed, and nobody was told
 *
 * Without a catch it is a pipe. Where it sends connections can be changed, as a virtual address or a name is moved after a failover.
 */
import { createServer, type AddressInfo, type Server } from 'node:net'
import { Link, type Caught, type Statement } from './link.ts'

export interface Catch {
  fits: (statement: Statement) => boolean
  /** `request`: the server does not have it. `sent`: it has just been given it; nothing is held. `reply`: it has answered, and the client does not know. */
  at: 'request' | 'sent' | 'reply'
  /** So many that fit are let through before. */
  skip?: number
}

interface Armed extends Catch {
  left: number
  caught: (caught: Caught) => void
}

/** A complaint that a server gave to a client through this proxy. */
export interface Complaint {
  application: string
  code: string
  text: string
}

export class Proxy {
  /** Where new connections go. */
  target: number
  /** How long each answer takes longer. */
  delayMs = 0
  /** Answers that came late. */
  delayed = 0
  /** New connections are taken, and nothing is ever said on them. */
  mute = false
  /** What servers complained of, in order. */
  readonly complaints: Complaint[] = []
  readonly #links = new Set<Link>()
  #armed: Armed | undefined
  #server: Server

  constructor(target: number) {
    this.target = target
    this.#server = createServer((socket) => {
      const link = new Link(socket, this)
      this.#links.add(link)
      socket.once('close', () => this.#links.delete(link))
    })
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => void this.#server.listen(0, '127.0.0.1', resolve))
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** The connections that clients have open. */
  get links(): readonly Link[] {
    return [...this.#links]
  }

  /** Stops the first statement that fits. One catch at a time; a new one replaces it. */
  catch(wanted: Catch): Promise<Caught> {
    return new Promise((caught) => (this.#armed = { ...wanted, left: wanted.skip ?? 0, caught }))
  }

  /** Lets everything through again. */
  disarm(): void {
    this.#armed = undefined
  }

  /** For links: what is to be done with this statement; undefined: let it through. */
  judge(statement: Statement): Armed | undefined {
    const armed = this.#armed
    if (!armed?.fits(statement)) return undefined
    armed.left -= 1
    if (armed.left >= 0) return undefined
    this.#armed = undefined
    return armed
  }

  /** A TCP reset for every connection. */
  resetAll(): void {
    for (const link of this.links) link.reset()
  }

  /** Every connection stays open, and nothing passes on it any more. */
  silenceAll(): void {
    for (const link of this.links) link.silence()
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => void this.#server.close(() => resolve()))
    this.resetAll()
    await closed
  }
}
