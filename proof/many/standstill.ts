/** Loaded into a worker of the proof: on SIGUSR2 its event loop stands still for longer than a lease, as a long reckoning would make it. */
import { isMainThread } from 'node:worker_threads'
import { LEASE_MS } from './times.ts'

if (isMainThread)
  process.on('SIGUSR2', () => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LEASE_MS + 500)
  })
