/** TXT records of the domain name system, asked with a bound on how long it may take. That nobody answers is an answer of its own. */
import { Resolver } from 'node:dns/promises'
import { GoniecError } from '../../errors.ts'

/** The records of a name, none where it has none, `known`: the name is there; or why nobody could be asked. */
export type Answer = { records: string[]; known: boolean } | { unasked: string }

export interface Names {
  txt(name: string): Promise<Answer>
}

export interface NamesOptions {
  /** An address, or `address:port`; without it those of this host. */
  server?: string | undefined
  timeoutMs?: number
}

/** A server that is silent is asked twice. */
export function openNames({ server, timeoutMs = 2000 }: NamesOptions = {}): Names {
  const resolver = new Resolver({ timeout: timeoutMs, tries: 2 })
  if (server !== undefined) useServer(resolver, server)
  return {
    async txt(name) {
      try {
        const records = await resolver.resolveTxt(name)
        return { records: records.map((parts) => parts.join('')), known: true }
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? String(error.code) : ''
        if (code === '') throw error
        if (code === 'ENOTFOUND' || code === 'ENODATA') return { records: [], known: code === 'ENODATA' }
        return { unasked: `${name} could not be asked for (${code})` }
      }
    },
  }
}

function useServer(resolver: Resolver, server: string): void {
  try {
    resolver.setServers([server])
  } catch (error) {
    throw new GoniecError('usage', `--dns is the address of a name server, not "${server}"`, {
      hint: 'goniec doctor --dns 9.9.9.9, or with a port: --dns 127.0.0.1:5353',
      exitCode: 2,
      cause: error,
    })
  }
}
