import { setTimeout as wait } from 'node:timers/promises'

/** Looks every so often until `look` finds something, or gives up after so long: undefined then. */
export async function until<Found>(
  look: () => Promise<Found | undefined> | Found | undefined,
  { everyMs = 50, atMostMs }: { everyMs?: number; atMostMs: number },
): Promise<Found | undefined> {
  const begunMs = performance.now()
  for (;;) {
    const found = await look()
    if (found !== undefined || performance.now() - begunMs > atMostMs) return found
    await wait(everyMs)
  }
}
