/**
 * Connections whose packets the kernel drops, both ways: a peer that is gone without FIN, as a host without power is. Each is known by its
 * two ports, so that nothing else on the machine is touched. Where the kernel or the user does not allow it (it takes root and `nft`), the
 * peer merely reads nothing and says nothing any more, and the evidence says so.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import type { FaultConnection } from '../../tests/smtp/fault-connection.ts'
import { deaf } from '../../tests/smtp/fault-server.ts'

const run = promisify(execFile)

export interface Severed extends AsyncDisposable {
  /** How it is done here. */
  how: string
  /** Resolves when nothing gets through any more. */
  sever: (connection: FaultConnection) => Promise<void>
  /** How many packets were lost on severed connections. */
  lost: () => Promise<number>
}

let count = 0

/** Makes a table of its own in the packet filter, if that is possible. */
export async function openSevered(): Promise<Severed> {
  count += 1
  const table = `goniec_proof_${process.pid}_${count}`
  try {
    await dropLeftovers()
    await nft(
      `add table inet ${table}
       add set inet ${table} gone { type inet_service . inet_service; counter; }
       add chain inet ${table} arriving { type filter hook input priority 0; }
       add rule inet ${table} arriving tcp dport . tcp sport @gone drop
       add rule inet ${table} arriving tcp sport . tcp dport @gone drop`,
    )
  } catch {
    return {
      how: 'it reads nothing and says nothing',
      async sever(connection) {
        // What came in one piece with this command (pipelined) gets no answer either.
        connection.ignoreTheRest()
        await deaf(connection)
      },
      lost: async () => 0,
      [Symbol.asyncDispose]: async () => undefined,
    }
  }
  return {
    how: 'the kernel drops every packet',
    async sever(connection) {
      await deaf(connection)
      await nft(`add element inet ${table} gone { ${connection.serverPort} . ${connection.clientPort} }`)
    },
    lost: async () =>
      [...(await nft(`list set inet ${table} gone`)).matchAll(/counter packets (\d+)/g)].reduce(
        (total, [, packets]) => total + Number(packets),
        0,
      ),
    [Symbol.asyncDispose]: async () => void (await nft(`delete table inet ${table}`)),
  }
}

/** Tables of processes that were killed before they could clean up. */
async function dropLeftovers(): Promise<void> {
  for (const [table, pid] of (await nft('list tables')).matchAll(/goniec_proof_(\d+)_\d+/g))
    if (!existsSync(`/proc/${pid}`)) await nft(`delete table inet ${table}`)
}

async function nft(script: string): Promise<string> {
  return (await run('nft', [script.replaceAll(/\n\s*/g, '; ')])).stdout
}
